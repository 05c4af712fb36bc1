"""How good made pictures are: as asked, as varied and as typical as real ones, and not copied.

All of it compares rows of numbers: the pixels of pictures, or what a network that reads them makes
of them (its *features*). None of it says much without a control: put real examples that nobody
learned from through the same function.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

CHUNK = 500  # rows whose distances to all others are in memory at a time


class Nearest(NamedTuple):
    """Of each sample, the nearest example: how far it is, and which one."""

    distances: np.ndarray
    indices: np.ndarray


class Support(NamedTuple):
    """How two sets of features cover one another, each a share but for the density."""

    precision: float
    recall: float
    density: float
    coverage: float


def _rows(name, value, at_least=1):
    rows = np.asarray(value)
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if rows.ndim != 2 or len(rows) < at_least:
        raise ValueError(
            f"{name} has shape {rows.shape}; expected (n, numbers), with n of {at_least} or more: "
            "make a row of each picture, with .reshape(len(pictures), -1)"
        )
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} holds NaN or infinity; expected finite numbers: look at it first")
    return rows


def _two(name, value, other_name, other, at_least=1):
    rows, others = _rows(name, value, at_least), _rows(other_name, other, at_least)
    if rows.shape[1] != others.shape[1]:
        raise ValueError(
            f"{name} has {rows.shape[1]} numbers a row and {other_name} {others.shape[1]}; "
            "expected as many: compare features of the same network"
        )
    return rows, others


def share_as_asked(probabilities: ArrayLike, asked: ArrayLike) -> float:
    """Share of pictures in which a judge sees the class that was asked for.

    Args:
        probabilities: the judge's, or its logits, ``(n, classes)``.
        asked: int classes ``(n,)``.

    Returns:
        A float in [0, 1].

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> share_as_asked([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 1, 1])  # two of three
        0.6666666666666666
    """
    scores, wanted = _rows("probabilities", probabilities), np.asarray(asked)
    if wanted.shape != scores.shape[:1]:
        raise ValueError(
            f"asked has shape {wanted.shape} and probabilities {scores.shape}; expected one class "
            "for each row"
        )
    return float(np.mean(scores.argmax(axis=1) == wanted))


def _root(matrix):
    """Square root of a symmetric matrix without negative eigenvalues (but for rounding)."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def gaussian_distance(
    mean: ArrayLike, covariance: ArrayLike, other_mean: ArrayLike, other_covariance: ArrayLike
) -> float:
    """Squared Fréchet distance (also called Wasserstein-2) between two Gaussians.

        |m - n|^2 + trace(S + T - 2 (S^(1/2) T S^(1/2))^(1/2))

    The roots are those of symmetric matrices, from their eigenvectors.

    Args:
        mean: m, ``(numbers,)``.
        covariance: S, ``(numbers, numbers)``, symmetric, no eigenvalue below 0.
        other_mean: n, of the same shape as mean.
        other_covariance: T, of the same shape as covariance.

    Returns:
        A float, 0 or more but for rounding.

    Raises:
        ValueError: the shapes do not fit.

    Source: Dowson and Landau (1982), doi:10.1016/0047-259X(82)90077-X.

    Example:
        >>> round(gaussian_distance([0.0], [[1.0]], [3.0], [[4.0]]), 6)  # 3^2 + (2 - 1)^2
        10.0
    """
    m, n = np.asarray(mean, dtype=float), np.asarray(other_mean, dtype=float)
    s, t = np.asarray(covariance, dtype=float), np.asarray(other_covariance, dtype=float)
    if m.ndim != 1 or n.shape != m.shape or s.shape != (len(m), len(m)) or t.shape != s.shape:
        raise ValueError(
            f"means have shapes {m.shape} and {n.shape}, covariances {s.shape} and {t.shape}; "
            "expected (numbers,) and (numbers, numbers)"
        )
    root = _root(s)
    return float(((m - n) ** 2).sum() + np.trace(s + t - 2 * _root(root @ t @ root)))


def frechet_distance(features: ArrayLike, other_features: ArrayLike) -> float:
    """Squared Fréchet distance between Gaussians fitted to two sets of features.

    With the features of a certain large network of photographs this is the "FID"; with those of
    another network its numbers compare only among themselves. It is too large for small sets, also
    for two sets from the same source: compare only numbers from sets of equal sizes, and with that
    of real examples.

    Args:
        features: ``(n, numbers)``, n of 2 or more.
        other_features: ``(m, numbers)``, m of 2 or more.

    Returns:
        A float, 0 or more but for rounding.

    Raises:
        ValueError: the shapes do not fit, or a number is not finite.

    Source: Heusel and others (2017), arXiv:1706.08500.

    Example:
        >>> x = np.array([[0.0], [1.0], [2.0]])
        >>> round(frechet_distance(x, x + 3), 6)  # the means lie 3 apart, the widths are equal
        9.0
    """
    x, y = _two("features", features, "other_features", other_features, at_least=2)
    fitted = []
    for rows in (x.astype(np.float64), y.astype(np.float64)):
        fitted += [rows.mean(axis=0), np.atleast_2d(np.cov(rows.T))]
    return gaussian_distance(*fitted)


def _squared_distances(x, y):
    """(n, m), by |x|^2 + |y|^2 - 2 x y."""
    products = x @ y.T
    squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * products
    return np.maximum(squares, 0)


def nearest_examples(samples: ArrayLike, examples: ArrayLike) -> Nearest:
    """Of each sample, the nearest example: how far it is, and which one.

    Args:
        samples: ``(n, numbers)``.
        examples: ``(m, numbers)``, such as the pixels of all training pictures.

    Returns:
        Nearest: ``distances`` (Euclidean) and ``indices``, both ``(n,)``.

    Raises:
        ValueError: the shapes do not fit, or a number is not finite.

    Example:
        >>> nearest_examples([[0.0, 0.0]], [[3.0, 4.0], [9.0, 9.0]])
        Nearest(distances=array([5.]), indices=array([0]))
    """
    x, known = _two("samples", samples, "examples", examples)
    indices = np.zeros(len(x), dtype=np.int64)
    for start in range(0, len(x), CHUNK):
        part = slice(start, start + CHUNK)
        indices[part] = _squared_distances(x[part], known).argmin(axis=1)
    # Once more by differences: for near neighbours the formula with products cancels.
    return Nearest(np.sqrt(((x - known[indices]) ** 2).sum(axis=1)), indices)


def _radii(rows, k):
    """Squared distance of each row to its k-th nearest other row."""
    found = []
    for start in range(0, len(rows), CHUNK):
        squares = _squared_distances(rows[start : start + CHUNK], rows)
        found.append(np.partition(squares, k, axis=1)[:, k])  # number 0 is the row itself
    return np.concatenate(found)


def support(real: ArrayLike, made: ArrayLike, k: int = 5) -> Support:
    """Precision, recall, density and coverage, from balls around the features.

    Each real example gets a ball that reaches to its k-th nearest other real example; each made
    sample one that reaches to its k-th nearest other made sample.

    - precision: share of the samples that lie in some ball of a real example (typical);
    - recall: share of the real examples that lie in some ball of a sample (varied);
    - density: how many balls of real examples a sample lies in, on average, over k;
    - coverage: share of the balls of real examples in which some sample lies.

    Far-off samples have large balls, and so may make the recall too large; coverage uses the balls
    of real examples alone. All depend on k and on how many there are: compare sets of equal sizes,
    and put real examples in the place of the samples as a control.

    Args:
        real: features of real examples, ``(n, numbers)``.
        made: features of samples, ``(m, numbers)``.
        k: which neighbour, 1 or more and below n and m.

    Returns:
        Support: four floats.

    Raises:
        ValueError: the shapes do not fit, a number is not finite, or k is out of range.

    Sources: Kynkäänniemi and others (2019), arXiv:1904.06991; Naeem and others (2020),
    arXiv:2002.09797.

    Example:
        >>> real = np.array([[0.0], [1.0], [2.0], [10.0]])
        >>> support(real, np.array([[0.1], [0.9], [50.0]]), k=1).coverage  # the balls of 0 and 1
        0.5
    """
    x, y = _two("real", real, "made", made)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k < min(len(x), len(y)):
        raise ValueError(
            f"k is {k!r}; expected a whole number of 1 or more, below the {len(x)} real "
            f"examples and the {len(y)} samples"
        )
    real_radii, made_radii = _radii(x, k), _radii(y, k)
    in_real = np.zeros(len(y), dtype=np.int64)  # of how many real examples it lies in the ball
    reached = np.zeros(len(x), dtype=np.bool_)
    covered = np.zeros(len(x), dtype=np.bool_)
    for start in range(0, len(y), CHUNK):
        part = slice(start, start + CHUNK)
        squares = _squared_distances(y[part], x)
        inside = squares <= real_radii
        in_real[part] = inside.sum(axis=1)
        covered |= inside.any(axis=0)
        reached |= (squares <= made_radii[part, None]).any(axis=0)
    return Support(
        precision=float(np.mean(in_real > 0)),
        recall=float(reached.mean()),
        density=float(in_real.mean() / k),
        coverage=float(covered.mean()),
    )
