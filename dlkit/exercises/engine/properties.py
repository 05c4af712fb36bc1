"""What several lessons ask: few parameters, most digits read, one number, one accuracy."""

from typing import Any

import numpy as np

from dlkit.exercises.engine.exercise import Property


def few_parameters(limit: int) -> Property:
    """A `Property`: the model has at most so many parameters.

    Args:
        limit: the largest number that will do.

    Returns:
        A `Property` whose test takes ``(model, x_val, y_val)``.

    Example:
        >>> few_parameters(10_000).label
        'it has at most 10,000 parameters'
    """

    def test(model, x_val, y_val):
        if hasattr(model, "history") and hasattr(model, "epoch"):
            return "this is the history that fit returns. Give the model itself."
        if isinstance(model, type) or not hasattr(model, "count_params"):
            return f"this is no Keras model, but of type {type(model).__name__}."
        count = model.count_params()
        return None if count <= limit else f"it has {count:,}."

    return Property(f"it has at most {limit:,} parameters", test)


def is_a_number(value: Any) -> bool:
    """Whether an answer is one real number, of Python or of NumPy; a truth value is none.

    Example:
        >>> is_a_number(np.float32(0.5)), is_a_number([0.5]), is_a_number(True)
        (True, False, False)
    """
    if isinstance(value, (bool, str)) or value is None or np.ndim(value):
        return False
    return np.asarray(value).dtype.kind in "iuf"


def not_an_accuracy(answer: Any) -> str | None:
    """Why an answer is no mean accuracy over ten seeds; None if it is one.

    Example:
        >>> not_an_accuracy(98)
        'give an accuracy from 0 to 1, not in per cent.'
    """
    if isinstance(answer, (str, bool)) or np.ndim(answer) or not np.isreal(answer):
        return "give one number, the mean accuracy over ten seeds."
    if 1 < answer <= 100:
        return "give an accuracy from 0 to 1, not in per cent."
    if not 0 <= answer <= 1:
        return "an accuracy lies between 0 and 1."
    return None


def reads_digits(share: float, share_of_sample: float) -> Property:
    """A `Property`: the model reads at least this share of the validation digits.

    Args:
        share: from 0 to 1, of MNIST.
        share_of_sample: the same for the offline sample, whose validation digits are few.

    Returns:
        A `Property` whose test takes ``(model, x_val, y_val)``.

    Example:
        >>> reads_digits(0.95, 0.92).label
        'it reads 95% of the validation digits (92% of the offline sample)'
    """

    def test(model, x_val, y_val):
        scores = np.asarray(model.predict(x_val, batch_size=1000, verbose=0))
        if scores.shape != (len(x_val), 10):
            return (
                f"its output has shape {scores.shape}. Expected {(len(x_val), 10)}: one score for "
                "each image and digit."
            )
        if not np.isfinite(scores).all():
            return "its output holds NaN or infinity: the training diverged. Try smaller steps."
        read = np.mean(scores.argmax(axis=1) == y_val)
        if read <= 0.2:
            return f"it reads {read:.1%}, hardly more than by guessing. Is it trained?"
        wanted = share if len(x_val) >= 1000 else share_of_sample
        return None if read >= wanted else f"it reads only {read:.2%}."

    label = f"it reads {share:.0%} of the validation digits ({share_of_sample:.0%} of the offline"
    return Property(f"{label} sample)", test)
