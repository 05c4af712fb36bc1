"""Stand-ins for a saved model and for the engine that loads it; nothing here needs Ray."""

import asyncio

import numpy as np

from dlkit.serving.protocol import Signature

PICTURES = Signature("x", "uint8", (None, 2, 2), "y", "float32", (None, 3))
ONE = [[0, 1], [2, 255]]


def save(folder, text="a model"):
    """A folder that looks like a SavedModel."""
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(text)
    return folder


class Model:
    """Predicts the number of its version."""

    seconds = 0.0  # that a prediction takes

    def __init__(self, version, engine):
        self.version, self.engine = version, engine
        self.signature = engine.signatures.get(version, PICTURES)

    async def predict(self, array):
        if array[0, 0, 0] == 99:
            raise RuntimeError("a replica has a bug")
        if array[0, 0, 0] == 98:
            await asyncio.sleep(60)
        await asyncio.sleep(self.seconds)
        predictions = np.full((len(array), 3), self.version, np.float32)
        if array[0, 0, 0] == 97:
            predictions[0, 2] = np.nan
        return predictions, len(array)

    async def ping(self):
        if not self.engine.alive:
            await asyncio.sleep(60)


class Engine:
    """Loads folders whose file says so."""

    def __init__(self):
        self.loaded, self.unloaded, self.alive = [], [], True
        self.signatures = {}  # of versions that differ from the others

    async def load(self, version, path):
        if (path / "saved_model.pb").read_text() != "a model":
            raise ValueError(f"it is broken, in {path}")
        self.loaded.append(version)
        return Model(version, self)

    async def unload(self, model):
        self.unloaded.append(model.version)
