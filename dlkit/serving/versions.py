"""Model files on the disk, in the layouts that TensorFlow Serving and Keras write."""

import os
from pathlib import Path

EXPECTED = (
    "expected a .keras file, a folder that model.export() wrote, or a folder with such folders or "
    "files in sub-folders 1, 2, 3, …"
)


def find_versions(base: str | os.PathLike) -> dict[int, Path]:
    """The versions of a model.

    Args:
        base: a ``.keras`` file or a SavedModel (both become version 1), or a folder whose
            sub-folders have whole numbers as names, each holding a SavedModel or one ``.keras``
            file. Other names in it, and sub-folders that hold no model yet, are passed over.

    Returns:
        A dict from version to ``Path``, empty if no numbered folder holds a model.

    Raises:
        ValueError: it is none of the three.

    Source: https://www.tensorflow.org/tfx/serving/serving_config for the numbered folders.
    """
    base = Path(base)
    if not base.exists():
        raise ValueError(f"{base} does not exist; {EXPECTED}")
    if model := find_model(base):
        return {1: model}
    if not base.is_dir():
        raise ValueError(f"{base} is no model; {EXPECTED}")
    numbered = [path for path in base.iterdir() if path.is_dir() and path.name.isdecimal()]
    if not numbered:
        raise ValueError(f"{base} holds no model and no folder with a number as name; {EXPECTED}")
    models = {int(path.name): find_model(path) for path in sorted(numbered)}
    return {version: path for version, path in models.items() if path}


def find_model(path: Path) -> Path | None:
    """The model that this file or folder is, or that this folder holds alone; or None."""
    if path.is_file():
        return path if path.suffix == ".keras" else None
    if (path / "saved_model.pb").is_file():
        return path
    files = sorted(path.glob("*.keras")) if path.is_dir() else []
    return files[0] if len(files) == 1 else None


def fingerprint(path: str | os.PathLike) -> tuple:
    """What changes while a model is still being copied: names, sizes and times of its files."""
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    entries = []
    for file in files:
        try:
            status = file.stat()
        except FileNotFoundError:  # taken away meanwhile
            continue
        entries.append((file.as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(entries)
