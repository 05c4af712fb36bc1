"""Model files on the disk, in the layouts that TensorFlow Serving and Keras write."""

import contextlib
import os
import re
import zipfile
from pathlib import Path

EXPECTED = (
    "expected a .keras file, a folder that model.export() wrote, or a folder with such folders or "
    "files in sub-folders 1, 2, 3, …"
)
VERSION = re.compile(r"[0-9]{1,18}")  # also in a path of the protocol
HDF5 = b"\x89HDF\r\n\x1a\n"
CONVERT = "load it with keras.models.load_model, and save it with model.save('NAME.keras')"
OTHERS = {  # what other files are, by their endings
    ".json": "a model's layers without its weights; serve a .keras file, which has both",
    ".onnx": "an ONNX model, which onnxruntime runs; serve the Keras model that it was made from",
    ".pb": "one part of a SavedModel; serve the whole folder, with variables/ in it",
    ".pt": "a PyTorch model; serve a Keras model, also one of Keras's PyTorch backend",
    ".pth": "a PyTorch model; serve a Keras model, also one of Keras's PyTorch backend",
    ".safetensors": "weights without a model; put them into a Keras model, and save that",
    ".tflite": "a LiteRT model, which runs on phones; serve the Keras model that it was made from",
    ".zip": "a zip; unpack it",
}


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
        raise ValueError(f"{base} is {_what_it_is(base)}")
    if (base / "saved_model.pbtxt").is_file():
        raise ValueError(f"{base} is a SavedModel in text; export it anew: model.export(folder)")
    if (base / "config.json").is_file() and (base / "model.weights.h5").is_file():
        raise ValueError(f"{base} is a .keras file that was unpacked; serve the file itself")
    numbered = [path for path in base.iterdir() if _is_version(path)]
    if not numbered:
        raise ValueError(f"{base} holds no model and no folder with a number as name; {EXPECTED}")
    models = {}
    for path in sorted(numbered):
        with contextlib.suppress(OSError):  # one that cannot be read does not block the others
            models[int(path.name)] = find_model(path)
    return {version: path for version, path in models.items() if path}


def _is_version(path: Path) -> bool:
    return bool(VERSION.fullmatch(path.name)) and path.is_dir()


def find_model(path: Path) -> Path | None:
    """The model that this file or folder is, or that this folder holds alone; or None."""
    if path.is_file():
        return path if path.suffix == ".keras" else None
    if (path / "saved_model.pb").is_file():
        return path
    files = [file for file in sorted(path.glob("*.keras")) if file.is_file()]
    return files[0] if len(files) == 1 else None


def check_model(path: Path) -> None:
    """See from outside whether this file or folder can be a model; quick, without TensorFlow.

    Args:
        path: as ``find_model`` gives it.

    Raises:
        ValueError: it cannot; says what it is, and what to do.
    """
    if path.is_dir():
        if (path / "saved_model.pb").stat().st_size == 0:
            raise ValueError("its saved_model.pb is empty; copy the folder again")
        index, data = path / "variables" / "variables.index", path.glob("variables/variables.data*")
        if index.is_file() != any(data):
            raise ValueError("its folder variables lacks a file; copy the whole folder again")
    elif not zipfile.is_zipfile(path):
        raise ValueError(f"it is {_what_it_is(path)}")
    else:
        with zipfile.ZipFile(path) as packed:
            missing = {"config.json", "metadata.json"} - set(packed.namelist())
        if missing:
            raise ValueError(
                "it is a zip, but no .keras file, in spite of its name: it lacks "
                f"{', '.join(sorted(missing))}; save the model with model.save('NAME.keras')"
            )


def _what_it_is(path):
    """What a file that is no model is, and what to do."""
    with path.open("rb") as file:
        start = file.read(64)
    if path.name.endswith(".weights.h5"):
        return "weights without a model; load_weights them into it, and save it as NAME.keras"
    if start.startswith(HDF5):
        renamed = f"rename it to {path.stem}.h5, " if path.suffix == ".keras" else ""
        return f"an HDF5 file, Keras's older format; {renamed}{CONVERT}"
    if not start:
        return "an empty file; copy or save it again"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS and not the file itself; fetch it with git lfs pull"
    if path.suffix == ".keras":
        cut = "a .keras file that is cut off" if start.startswith(b"PK") else "no .keras file"
        return f"{cut}{'' if 'cut' in cut else ', in spite of its name'}; copy or save it again"
    return OTHERS.get(path.suffix.lower(), f"no model; {EXPECTED}")


def fingerprint(path: str | os.PathLike) -> tuple:
    """What changes while a model is still being copied: names, sizes and times of its files."""
    path = Path(path)
    files = [path]
    if path.is_dir():
        files = [Path(root, name) for root, _, names in os.walk(path) for name in names]
    entries = []
    for file in sorted(files):
        with contextlib.suppress(OSError):  # taken away meanwhile, or a link that leads nowhere
            status = file.stat()
            entries.append((file.as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(entries)
