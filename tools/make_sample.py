"""Makes data/mnist_sample.npz: the 1,797 UCI digits of scikit-learn, put in MNIST's form.

    python tools/make_sample.py            writes the file and prints the digests for the registry
    python tools/make_sample.py --check    compares the file with a fresh one, writes nothing

A UCI digit is a black-and-white bitmap of 32 by 32 pixels, kept as 8 by 8 counts of the inked
pixels in each cell of 4 by 4 (0 to 16). Three steps bring it to 28 by 28 grey levels:

1. `bitmap`: a black-and-white picture that gives these very counts again. The counts are
   interpolated, and each cell inks its brightest places, as many as its count says.
2. `fit_in_20_by_20`: the digit's bounding box, scaled with its aspect kept; averaging areas
   makes the grey levels.
3. `center_in_28_by_28`: moved so that the centre of mass lies in the middle.

Steps 2 and 3 are what LeCun et al. (1998, doi:10.1109/5.726791, section III.A) did to NIST's
digits. Only NumPy computes here, so the arrays do not depend on an imaging library's version.
"""

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from dlkit.machine import print_anything

TARGET = Path(__file__).resolve().parents[1] / "data" / "mnist_sample.npz"
PLACES = 8  # places along one side of a cell: the bitmap has 64 by 64
PER_CLASS = 30  # digits of each class in val, and in test


def cubic_weights(positions: np.ndarray, size: int) -> np.ndarray:
    """Matrix that interpolates `size` samples at `positions` (Keys 1981, a = -1/2)."""
    d = np.abs(positions[:, None] - np.arange(size))
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def area_weights(size: int, new_size: int) -> np.ndarray:
    """Matrix that averages `size` samples over `new_size` intervals of equal length."""
    edges = np.linspace(0, size, new_size + 1)
    starts = np.arange(size)
    overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return np.clip(overlap, 0, None) * new_size / size


def bitmap(counts: np.ndarray) -> np.ndarray:
    """The bitmap (64, 64) of bool in which cell (i, j) is inked to counts[i, j] sixteenths."""
    n = len(counts)
    weights = cubic_weights((np.arange(n * PLACES) + 0.5) / PLACES - 0.5, n)
    brightness = np.round(weights @ counts @ weights.T, 6)  # rounded: ties stay ties everywhere
    cells = brightness.reshape(n, PLACES, n, PLACES).swapaxes(1, 2).reshape(n * n, PLACES**2)
    order = np.argsort(-cells, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    inked = rank < counts.reshape(n * n, 1) * PLACES**2 / 16
    return inked.reshape(n, n, PLACES, PLACES).swapaxes(1, 2).reshape(n * PLACES, n * PLACES)


def fit_in_20_by_20(ink: np.ndarray) -> np.ndarray:
    """Grey levels 0 to 255 of the bounding box of `ink`, its longer side scaled to 20."""
    rows, cols = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    box = ink[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    height, width = box.shape
    longer = max(height, width)
    new_height = max(1, round(20 * height / longer))
    new_width = max(1, round(20 * width / longer))
    gray = area_weights(height, new_height) @ box @ area_weights(width, new_width).T
    return np.floor(np.round(255 * gray, 6) + 0.5).astype(np.uint8)


def center_in_28_by_28(digit: np.ndarray) -> np.ndarray:
    """`digit` in an image of 28 by 28, its centre of mass at row and column 14, as in MNIST."""
    image = np.zeros((28, 28), np.uint8)
    height, width = digit.shape
    mass = digit.sum(dtype=float)
    row = digit.sum(axis=1, dtype=float) @ np.arange(height) / mass
    col = digit.sum(axis=0, dtype=float) @ np.arange(width) / mass
    top = min(max(int(np.floor(14.5 - row)), 0), 28 - height)
    left = min(max(int(np.floor(14.5 - col)), 0), 28 - width)
    image[top : top + height, left : left + width] = digit
    return image


def split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks (train, val, test): 30 of each class to val, 30 to test, spread evenly; no chance."""
    val, test = np.zeros(len(labels), bool), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        chosen = places[np.arange(2 * PER_CLASS) * len(places) // (2 * PER_CLASS)]
        val[chosen[0::2]] = True
        test[chosen[1::2]] = True
    return ~(val | test), val, test


def make() -> dict[str, np.ndarray]:
    """The arrays of the sample: x_train, y_train, x_val, y_val, x_test, y_test, all uint8."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = np.stack([center_in_28_by_28(fit_in_20_by_20(bitmap(counts))) for counts in digits.images])
    y = digits.target.astype(np.uint8)
    arrays = {}
    for name, mask in zip(("train", "val", "test"), split(y), strict=True):
        arrays[f"x_{name}"], arrays[f"y_{name}"] = x[mask], y[mask]
    return arrays


def main() -> int:
    """Writes the sample or, with --check, compares it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arrays: dict[str, Any] = make()
    if parser.parse_args().check:
        with np.load(TARGET, allow_pickle=False) as there:
            same = all(np.array_equal(there[name], array) for name, array in arrays.items())
        print(f"{TARGET.name} is {'as' if same else 'NOT as'} this script makes it")
        return 0 if same else 1
    np.savez_compressed(TARGET, **arrays)
    for name, array in arrays.items():
        print(f'"{name}": ArraySpec({array.shape}, "{hashlib.sha256(array.data).hexdigest()}"),')
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    print_anything()
    sys.exit(main())
