"""Exercises of lesson 22: operations, memory, loss scaling, the cheapest machine."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake


def flops_per_image(widths: list[int]) -> int:
    """Operations of one training step of an MLP, per image.

    Example:
        >>> flops_per_image([784, 256, 10])
        818176
    """
    weights = [a * b for a, b in zip(widths[:-1], widths[1:], strict=True)]
    return 2 * (3 * sum(weights) - weights[0])


def largest_batch(memory: int, parameters: int, outputs: int) -> int:
    """The largest batch that Adam can train within so many bytes, all numbers float32.

    Example:
        >>> largest_batch(1_000_000, 10_000, 100)
        2100
    """
    return (memory // 4 - 4 * parameters) // outputs


def one_scaled_step(
    w: np.ndarray, gradient: np.ndarray, scale: float, learning_rate: float
) -> tuple[np.ndarray, float]:
    """A step of SGD from a float16 gradient of scale times the loss: new weights, new scale.

    Example:
        >>> w, gradient = np.array([1, 2], np.float32), np.array([8, np.inf], np.float16)
        >>> one_scaled_step(w, gradient, scale=8.0, learning_rate=0.5)
        (array([1., 2.], dtype=float32), 4.0)
    """
    if not np.isfinite(gradient).all():
        return w, scale / 2
    return w - learning_rate * (gradient.astype("float32") / scale), scale


def cheapest_in_time(images: float, hours: float, speeds: np.ndarray, prices: np.ndarray) -> int:
    """The index of the machine that does the job for least money among those that are in time.

    Example:
        >>> cheapest_in_time(3_600_000, 1.0, np.array([500, 2000]), np.array([0.1, 0.5]))
        1
    """
    needed = images / speeds / 3600  # hours
    costs = np.where(needed <= hours, needed * prices, np.inf)
    return int(costs.argmin()) if np.isfinite(costs).any() else -1


# ---- flops -----------------------------------------------------------------------------------


def _products(widths):
    return [a * b for a, b in zip(widths[:-1], widths[1:], strict=True)]


flops = Exercise(
    "flops",
    reference=flops_per_image,
    cases=[
        Case("softmax regression", [784, 10]),
        Case("the lesson's MLP", [784, 256, 128, 10]),
        Case("four hidden layers", [20, 30, 40, 30, 20, 2]),
    ],
    mistakes=[
        Mistake("A multiplication and an addition are two.", lambda w: flops_per_image(w) / 2),
        Mistake("That is the forward pass alone.", lambda w: 2 * sum(_products(w))),
        Mistake(
            "Nobody asks for the gradient of the pixels: the first layer does two products.",
            lambda w: 6 * sum(_products(w)),
        ),
        Mistake(
            "That is the backward pass alone.",
            lambda w: 2 * (2 * sum(_products(w)) - _products(w)[0]),
        ),
    ],
    hints=[
        "How many weights has the layer between two neighbouring widths?",
        "Each weight is used in three products: forward, its own gradient, the input's gradient.",
        "Each use is a multiplication and an addition. The first layer has only two products.",
    ],
)

# ---- fits ------------------------------------------------------------------------------------


def _batch(copies, bytes_per_number=4):
    def mistaken(memory, parameters, outputs):
        return (memory // bytes_per_number - copies * parameters) // outputs

    return mistaken


fits = Exercise(
    "fits",
    reference=largest_batch,
    cases=[
        Case("the lesson's network on 1 GB", 10**9, 29_658, 40_362),
        Case("a large network on 16 GB", 16 * 10**9, 25_000_000, 11_000_000),
        Case("just three", 4 * (4 * 100 + 3 * 10), 100, 10),
    ],
    mistakes=[
        Mistake("Adam keeps two numbers per parameter.", _batch(2)),
        Mistake("The gradients take room, too.", _batch(3)),
        Mistake("Only the parameters themselves are in your sum.", _batch(1)),
        Mistake("A float32 has four bytes.", lambda m, p, o: (m - 4 * p) // o),
        Mistake("The parameters stay in memory as well.", lambda m, p, o: m // 4 // o),
        Mistake("Only whole images fit: round down.", lambda m, p, o: (m / 4 - 4 * p) / o),
    ],
    hints=[
        "How many numbers of four bytes does the memory hold?",
        "Take away what does not depend on the batch: parameters, gradients, Adam's two.",
        "Each image takes `outputs` numbers. How many whole images fit into the rest?",
    ],
)

# ---- scaled_step -----------------------------------------------------------------------------


def _divides_in_half(w, gradient, scale, learning_rate):
    if not np.isfinite(gradient).all():
        return w, scale / 2
    return w - learning_rate * (gradient / np.float16(scale)).astype("float32"), scale


def _never_divides(w, gradient, scale, learning_rate):
    if not np.isfinite(gradient).all():
        return w, scale / 2
    return w - learning_rate * gradient.astype("float32"), scale


def _never_halves(w, gradient, scale, learning_rate):
    return one_scaled_step(w, gradient, scale, learning_rate)[0], scale


def _steps_anyway(w, gradient, scale, learning_rate):
    kept = np.where(np.isfinite(gradient), gradient, 0).astype("float32")
    return w - learning_rate * kept / scale, scale / (1 if np.isfinite(gradient).all() else 2)


def _looks_for_nan(w, gradient, scale, learning_rate):
    if np.isnan(gradient).any():
        return w, scale / 2
    with np.errstate(invalid="ignore"):
        return w - learning_rate * (gradient.astype("float32") / scale), scale


_W = np.array([1.0, -2.0, 0.5], np.float32)

scaled_step = Exercise(
    "scaled_step",
    reference=one_scaled_step,
    cases=[
        Case("an ordinary gradient", _W, np.array([64, -128, 0], np.float16), 32.0, 0.1),
        Case("a tiny one", _W, np.array([1e-3, 2e-4, -5e-4], np.float16), 16384.0, 1e4),
        Case("too large for float16", _W, np.array([64, np.inf, 1], np.float16), 1024.0, 0.1),
        Case("not a number", _W, np.array([np.nan, 2, 1], np.float16), 2.0, 0.1),
    ],
    mistakes=[
        Mistake("Convert to float32 first, then divide, or it underflows.", _divides_in_half),
        Mistake("The gradient is that of scale times the loss: divide by scale.", _never_divides),
        Mistake("After an overflow the scale is halved.", _never_halves),
        Mistake("After an overflow no weight moves at all in this step.", _steps_anyway),
        Mistake("An infinite entry is an overflow as well, not only NaN.", _looks_for_nan),
    ],
    hints=[
        "np.isfinite says of each entry whether it is neither infinite nor NaN.",
        "If one entry is not finite: the old weights, and half the scale.",
        "Otherwise convert, divide by the scale, and take an ordinary step; the scale stays.",
    ],
    rtol=1e-4,
)

# ---- cheapest --------------------------------------------------------------------------------


def _any_time(images, hours, speeds, prices):
    return cheapest_in_time(images, np.inf, speeds, prices)


def _never_too_late(images, hours, speeds, prices):
    needed = images / speeds / 3600
    return int(np.where(needed <= hours, needed * prices, np.inf).argmin())


_FOUR = np.array([5_000, 12_000, 90_000, 300_000]), np.array([0.05, 0.1, 0.6, 3.5])

cheapest = Exercise(
    "cheapest",
    reference=cheapest_in_time,
    cases=[
        Case("all night", 6e8, 48.0, *_FOUR),
        Case("before noon", 6e8, 1.0, *_FOUR),
        Case("no hurry, cheap machines", 6e8, 48.0, *(part[:2] for part in _FOUR)),
        Case("a cheap one that is slow", 6e8, 48.0, _FOUR[0], np.array([0.02, 0.1, 0.9, 3.5])),
        Case("nobody is in time", 6e10, 1.0, *_FOUR),
    ],
    mistakes=[
        Mistake("The cheapest one must also be in time.", _any_time),
        Mistake("If nobody is in time, say -1.", _never_too_late),
        Mistake("The quickest is not the cheapest.", lambda i, h, s, p: int(np.argmax(s))),
        Mistake("A low price per hour can take many hours.", lambda i, h, s, p: int(np.argmin(p))),
    ],
    hints=[
        "Hours first: images over images per second, over 3,600. Then money.",
        "Set the cost of a machine that is late to infinity, and look for the smallest cost.",
        "argmin finds it; if even the smallest cost is infinite, return -1.",
    ],
)
