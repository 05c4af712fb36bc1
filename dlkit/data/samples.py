"""Makes stand-ins on the spot, for data sets that the course cannot carry: no file, no network."""

import numpy as np

from dlkit.data.readers import Arrays, DataError

SHAPES = (
    "disc",
    "ring",
    "square",
    "frame",
    "diamond",
    "triangle",
    "plus",
    "cross",
    "stripes across",
    "stripes down",
)
SIZES = {"train": 2000, "val": 500, "test": 500}


def drawn_shapes(seed: int = 0) -> Arrays:
    """Coloured shapes on coloured grounds, 32 by 32 pixels, in ten classes of equal size.

    A shape's place, size, two colours and noise are drawn at random, so that neither a colour
    nor a single pixel tells the class.

    Args:
        seed: the same seed gives the same images.

    Returns:
        x_train, y_train, x_val, y_val, x_test, y_test; x uint8 of shape (n, 32, 32, 3).

    >>> drawn_shapes()["x_train"].shape
    (2000, 32, 32, 3)
    """
    rng = np.random.default_rng(seed)
    n = sum(SIZES.values())
    y = rng.permutation(np.arange(n) % len(SHAPES)).astype(np.uint8)
    radius = rng.uniform(7, 12, (n, 1, 1)).astype(np.float32)
    center = rng.uniform(12, 19, (2, n, 1, 1)).astype(np.float32)
    colors = rng.integers(0, 256, (2, n, 1, 1, 3)).astype(np.float32)
    near = np.abs(colors[0] - colors[1]).max(axis=-1, keepdims=True) < 80
    colors[1] = np.where(near, (colors[0] + 128) % 256, colors[1])  # else it cannot be seen

    rows, columns = np.mgrid[:32, :32].astype(np.float32)
    down, across = (rows - center[0]) / radius, (columns - center[1]) / radius
    inked = np.zeros((n, 32, 32), bool)
    for label, shape in enumerate(SHAPES):
        mine = y == label
        inked[mine] = _inside(shape, down[mine], across[mine])
    x = np.where(inked[..., None], colors[0], colors[1])
    x += rng.normal(0, 1, x.shape).astype(np.float32) * rng.uniform(4, 24, (n, 1, 1, 1))
    x = np.clip(np.rint(x), 0, 255).astype(np.uint8)

    arrays, start = {}, 0
    for part, size in SIZES.items():
        arrays[f"x_{part}"] = x[start : start + size]
        arrays[f"y_{part}"] = y[start : start + size]
        start += size
    return arrays


def _inside(shape: str, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Which pixels the shape covers; coordinates in units of its radius, 0 at its centre."""
    round_distance = np.hypot(down, across)
    square_distance = np.maximum(np.abs(down), np.abs(across))
    box = square_distance < 0.9
    covers = {
        "disc": round_distance < 1,
        "ring": (round_distance < 1) & (round_distance > 0.6),
        "square": box,
        "frame": box & (square_distance > 0.5),
        "diamond": np.abs(down) + np.abs(across) < 1.15,
        "triangle": (down < 0.8) & (np.abs(across) < (down + 0.9) / 1.8),
        "plus": box & (np.minimum(np.abs(down), np.abs(across)) < 0.28),
        "cross": box & (np.abs(np.abs(down) - np.abs(across)) < 0.35),
        "stripes across": box & (np.abs(down * 2.5) % 1 < 0.5),
        "stripes down": box & (np.abs(across * 2.5) % 1 < 0.5),
    }
    return covers[shape]


def python_manual() -> Arrays:
    """The chapters of the language reference that Python's own help() shows, as ASCII bytes.

    Raises:
        DataError: this Python was installed without them.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataError("the text that stands in, Python's own manual, is missing") from error
    text = "\n\n".join(topics[name].strip() for name in sorted(topics))
    return {"text": np.frombuffer(text.encode("ascii", "ignore"), np.uint8)}
