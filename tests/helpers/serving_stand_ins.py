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


class Engine:
    """Loads folders whose file says so, and answers with the number of the version."""

    def __init__(self):
        self.loaded, self.unloaded, self.alive = [], [], True

    async def load(self, version, path):
        if (path / "saved_model.pb").read_text() != "a model":
            raise ValueError("it is broken")
        self.loaded.append(version)
        return version, PICTURES

    async def unload(self, model):
        self.unloaded.append(model)

    async def predict(self, model, array):
        if array[0, 0, 0] == 99:
            raise RuntimeError("a replica has a bug")
        if array[0, 0, 0] == 98:
            await asyncio.sleep(60)
        return np.full((len(array), 3), model, np.float32), len(array)

    async def answers(self, model):
        if not self.alive:
            await asyncio.sleep(60)
