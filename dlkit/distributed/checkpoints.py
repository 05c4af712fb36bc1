"""Checkpoints: all that training needs to go on, in one file that is whole or not there."""

import contextlib
import json
import os
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

KEEP = 2  # the newest, and one before it


@dataclass
class Checkpoint:
    """Where training stands after a step.

    ``arrays`` holds the model's variables and then the optimizer's. ``run`` is what must not change
    between two parts of one run: model, data, seed, rates. The order of the data follows from
    seed, epoch and step, so it need not be stored.
    """

    arrays: list = field(default_factory=list)
    run: dict = field(default_factory=dict)
    epoch: int = 0  # the epoch that comes next or is under way, from 0
    step: int = 0  # steps of it that are done
    total_steps: int = 0  # steps done since the beginning
    loss_sum: float = 0.0  # of the examples of this epoch so far
    history: dict = field(default_factory=lambda: {"loss": [], "seconds": []})

    def save(self, folder: str | os.PathLike) -> Path:
        """Write it to a folder, under the number of its steps; older ones go, but for one.

        The file is complete before it gets its name: whoever kills this process leaves the last
        checkpoint as it was.

        Returns:
            Path of the file.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for left_behind in folder.glob(".unfinished-*"):
            left_behind.unlink(missing_ok=True)
        path = folder / f"checkpoint-{self.total_steps:09d}.npz"
        unfinished = folder / f".unfinished-{os.getpid()}"
        metadata = {k: v for k, v in vars(self).items() if k != "arrays"}
        named = {f"array_{number}": array for number, array in enumerate(self.arrays)}
        try:
            with open(unfinished, "wb") as file:
                np.savez(file, metadata=np.array(json.dumps(metadata)), **named)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        for old in _list_checkpoints(folder)[:-KEEP]:
            old.unlink(missing_ok=True)
        return path


class CheckpointStore(Protocol):
    """Where checkpoints are kept between two parts of a run."""

    def load(self) -> Checkpoint | None:
        """The newest checkpoint, or None."""

    def save(self, state: Checkpoint, worker: int) -> None:
        """Keep a checkpoint. All workers call it at the same step; worker 0's has the arrays."""


class CheckpointFolder:
    """A folder that all workers see, as the store of their checkpoints.

    Args:
        folder: need not exist yet.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(folder)

    def load(self) -> Checkpoint | None:
        """The newest checkpoint, or None."""
        return load_latest(self.folder)

    def save(self, state: Checkpoint, worker: int) -> None:
        """Write a checkpoint, if this is worker 0."""
        if worker == 0:
            state.save(self.folder)


def load_latest(folder: str | os.PathLike) -> Checkpoint | None:
    """The newest checkpoint of a folder.

    Args:
        folder: where `Checkpoint.save` wrote; it need not exist.

    Returns:
        Checkpoint, or None if there is none.

    Raises:
        ValueError: the newest file cannot be read as a checkpoint.

    Example:
        >>> load_latest("no-such-folder") is None
        True
    """
    while paths := _list_checkpoints(Path(folder)):
        with contextlib.suppress(FileNotFoundError):  # two newer ones have come: look again
            return _read(paths[-1])
    return None


def _read(path):
    try:
        with np.load(path, allow_pickle=False) as file:
            metadata = json.loads(str(file["metadata"]))
            arrays = [file[f"array_{number}"] for number in range(len(file.files) - 1)]
        return Checkpoint(arrays=arrays, **metadata)
    except FileNotFoundError:
        raise
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path.name} cannot be read ({type(error).__name__}: {error}); expected a checkpoint "
            "that was written whole. Delete it, and training goes on from the one before"
        ) from error


def _list_checkpoints(folder):
    """Checkpoints of a folder, the oldest first."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return sorted(
            path for path in folder.iterdir() if re.fullmatch(r"checkpoint-\d{9}\.npz", path.name)
        )
    return []
