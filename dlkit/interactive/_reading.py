"""What a network says of a drawing: probabilities, and the sentence that goes with them."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlkit.interactive._mnist_form import as_mnist, render


def read(
    predict: Callable[[np.ndarray], ArrayLike],
    strokes: Sequence[Sequence[Sequence[float]]],
    class_names: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a drawing into MNIST's form and ask the network.

    Args:
        predict: float32 images of shape (1, 28, 28, 1) in [0, 1] -> probabilities, shape
            (1, classes).
        strokes: as in ``render``.
        class_names: one name for each class.

    Returns:
        ``(seen, probabilities)``: uint8 image of shape (28, 28); float array of shape (classes,).

    Raises:
        ValueError: ``predict`` does not return probabilities of this shape; or what it raises.
    """
    seen = as_mnist(render(strokes))
    return seen, checked(predict((seen / np.float32(255))[None, :, :, None]), class_names)[0]


def checked(answer: ArrayLike, class_names: Sequence[str]) -> np.ndarray:
    """What a network said, if it is one row of probabilities.

    Args:
        answer: what ``predict`` returned.
        class_names: one name for each class.

    Returns:
        float64 array of shape (1, classes).

    Raises:
        ValueError: it has another shape, or holds no probabilities.
    """
    answer = np.asarray(answer, dtype=float)
    if answer.shape != (1, len(class_names)):
        raise ValueError(
            f"predict returned shape {answer.shape}; expected (1, {len(class_names)}): one row, "
            "with a probability for each class"
        )
    if not (answer >= 0).all() or abs(answer.sum() - 1) > 0.01:
        raise ValueError(
            f"predict returned numbers from {answer.min():.3g} to {answer.max():.3g} with sum "
            f"{answer.sum():.3g}; expected probabilities. Of logits, take the softmax first"
        )
    return answer


def verdict(
    probabilities: Sequence[float] | np.ndarray, class_names: Sequence[str], verb: str = "reads"
) -> str:
    """The sentence under the pad.

    Example:
        >>> verdict([0.03, 0.97], ["cat", "dog"])
        'It reads dog, 97 %'
    """
    best = int(np.argmax(probabilities))
    return f"It {verb} {class_names[best]}, {percent(probabilities[best])}"


def percent(probability: float) -> str:
    """A probability in whole percent; what would round to 100 % is never quite sure."""
    return "over 99 %" if probability >= 0.995 else f"{100 * probability:.0f} %"
