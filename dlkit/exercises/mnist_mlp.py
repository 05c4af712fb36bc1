"""Exercises of lesson 07: a paired test, wrong labels, a part less, a small network, a referee."""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from dlkit import audit
from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.exercises.engine.properties import few_parameters, reads_digits
from dlkit.scratch import Sequential, layers, optimizers

# ---- mcnemar ---------------------------------------------------------------------------------


def _by_chi_squared(only_first, only_second, correction):
    n = only_first + only_second
    distance = max(abs(only_first - only_second) - correction, 0)
    return math.erfc(distance / math.sqrt(2 * n)) if n else 1.0


def _ways(n, up_to):
    return sum(math.comb(n, k) for k in range(up_to + 1)) / 2**n


mcnemar = Exercise(
    "mcnemar",
    reference=audit.mcnemar,
    cases=[
        Case("eight against two", 8, 2),
        Case("two against eight", 2, 8),
        Case("a tie", 5, 5),
        Case("all for one", 0, 12),
        Case("no difference at all", 0, 0),
        Case("many", 86, 150),
    ],
    mistakes=[
        Mistake(
            "You counted one side alone. It would surprise you as much if the other model were "
            "ahead by so much.",
            lambda a, b: _ways(a + b, min(a, b)),
        ),
        Mistake(
            "A probability is 1 at most. In a tie the two sides overlap in the middle.",
            lambda a, b: 2 * _ways(a + b, min(a, b)),
        ),
        Mistake(
            "That is the probability of exactly this split. Add those that are more uneven still.",
            lambda a, b: math.comb(a + b, a) / 2 ** (a + b),
        ),
        Mistake(
            "That is twice the probability of exactly this split. Add the more uneven ones.",
            lambda a, b: min(1.0, 2 * math.comb(a + b, a) / 2 ** (a + b)),
        ),
        Mistake(
            "You added up from the wrong end: start at the rarer side, and count down to 0.",
            lambda a, b: min(1.0, 2 * _ways(a + b, max(a, b))),
        ),
        Mistake(
            "That is the normal approximation. It is good for many coins; here you count exactly.",
            lambda a, b: _by_chi_squared(a, b, 0),
        ),
        Mistake(
            "That is the approximation with the continuity correction. Here you count exactly.",
            lambda a, b: _by_chi_squared(a, b, 1),
        ),
    ],
    hints=[
        "Of n tosses, how many of the 2^n sequences have exactly k heads? math.comb(n, k) says it.",
        "Let m be the smaller of the two counts. Add the sequences with 0, 1, ..., m heads.",
        "An equally uneven split the other way counts as well: double it, but stop at 1.",
    ],
    solution="""
import math


def my_mcnemar(only_first, only_second):
    n = only_first + only_second
    fewer = min(only_first, only_second)
    ways = sum(math.comb(n, k) for k in range(fewer + 1))
    return min(1.0, 2 * ways / 2**n)
""",
)

# ---- suspects --------------------------------------------------------------------------------


def with_wrong_labels(labels: ArrayLike) -> np.ndarray:
    """Labels among which one in fifty, and ten at least, is exchanged for another digit.

    Args:
        labels: digits from 0 to 9, shape (n,), n of 10 or more.

    Returns:
        A new array of the same shape and type; the same labels always give the same.

    Example:
        >>> int((with_wrong_labels(np.zeros(1000, dtype="uint8")) != 0).sum())
        20
    """
    labels = np.array(labels)
    rng = np.random.default_rng(11)
    places = rng.choice(len(labels), max(10, len(labels) // 50), replace=False)
    labels[places] = (labels[places] + rng.integers(1, 10, len(places))) % 10
    return labels


def _are_places(answer, y_val):
    places = np.asarray(answer)
    if places.dtype == bool:
        return "these are True and False. Give the places: np.flatnonzero finds them."
    if places.ndim != 1 or not np.issubdtype(places.dtype, np.integer):
        return f"it has shape {places.shape} and type {places.dtype}. Give places, whole numbers."
    if not len(places):
        return "it names no place."
    if places.min() < 0 or places.max() >= len(y_val):
        return f"places run from 0 to {len(y_val) - 1}; found {places.min()} to {places.max()}."
    if len(np.unique(places)) < len(places):
        return "a place is named twice."


def _found(answer, y_val):
    is_wrong = with_wrong_labels(y_val) != np.asarray(y_val)
    return int(is_wrong[np.asarray(answer)].sum()), int(is_wrong.sum())


def _finds_most(answer, y_val):
    found, planted = _found(answer, y_val)
    if found >= 0.9 * planted:
        return None
    if found <= 0.2 * planted:
        return (
            f"of {planted} wrong labels it names {found}. Where does the network disagree with "
            "noisy_labels, the labels that you were handed?"
        )
    return f"of {planted} wrong labels it names {found}."


def _accuses_few(answer, y_val):
    found, _ = _found(answer, y_val)
    if found >= 0.65 * len(answer):
        return None
    return (
        f"it accuses {len(answer)} labels, and {found} of them are wrong. Elsewhere the network "
        "is: how sure is it there?"
    )


suspects = Exercise(
    "suspects",
    properties=[
        Property("it names places in the validation set", _are_places),
        Property("it finds nine tenths of the wrong labels", _finds_most),
        Property("two thirds of those that it accuses are wrong", _accuses_few),
    ],
    hints=[
        "The network learned from other images. What does it make of these, and how sure is it?",
        "Take the places where the prediction is not the label. Many are the network's mistakes.",
        "Of a wrong label the network is usually sure that it is wrong: ask for confidence > 0.9.",
    ],
    solution="""
disagrees = y_pred != noisy_labels
my_suspects = np.flatnonzero(disagrees & (confidence > 0.9))
""",
)

# ---- ingredient ------------------------------------------------------------------------------


def _is_large(model, x_val, y_val):
    if isinstance(model, type) or not hasattr(model, "count_params"):
        return f"this is no Keras model, but of type {type(model).__name__}."
    if (count := model.count_params()) < 500_000:
        return f"it has {count:,}. Leave the layers and their widths as they are."


def _is_straight(model, x_val, y_val):
    half = len(x_val) // 2
    a, b = x_val[:half], x_val[half : 2 * half]
    logits = model.predict(np.concatenate([a, b, a + b, 0 * a]), batch_size=1000, verbose=0)
    of_a, of_b, of_sum, of_zero = np.split(np.asarray(logits, dtype=float), 4)
    off = np.abs(of_sum + of_zero - of_a - of_b).max() / max(np.abs(logits).max(), 1e-9)
    if off > 1e-3:
        return (
            "it still bends: its scores for the sum of two images are not those of the one plus "
            "those of the other. Which part of the recipe lets it?"
        )


ingredient = Exercise(
    "ingredient",
    properties=[
        Property("it has 500,000 parameters or more", _is_large),
        reads_digits(0.88, 0.8),
        Property("it is no more than a linear model", _is_straight),
    ],
    hints=[
        "Softmax regression has 7,850 parameters. What can the large network do that it cannot?",
        "Two dense layers in a row, x W1 W2, are one dense layer with the weights W1 W2.",
        'Unless something stands between them: activation="relu". Leave it out.',
    ],
    solution="""
keras.utils.set_random_seed(0)
my_ingredient = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(512),  # no activation: the layers are one linear map
        keras.layers.Dense(256),
        keras.layers.Dense(10),
    ]
)
my_ingredient.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
my_ingredient.fit(x_train, y_train, batch_size=min(512, len(x_train) // 32), epochs=2, verbose=0)
""",
    time_limit=60.0,
)

# ---- small_model -----------------------------------------------------------------------------

small_model = Exercise(
    "small_model",
    properties=[few_parameters(10_000), reads_digits(0.95, 0.92)],
    hints=[
        "Where are the parameters? Nearly all are in the first layer: 784 for each of its units.",
        "Twelve units on 784 pixels just fit. But must the network see every single pixel?",
        "Average each square of 2 by 2 pixels before the first dense layer: 196 inputs are left.",
    ],
    solution="""
keras.utils.set_random_seed(0)
my_model = keras.Sequential(
    [
        keras.Input((28, 28)),
        keras.layers.Reshape((28, 28, 1)),
        keras.layers.AveragePooling2D(2),  # 14 x 14: a quarter of the weights
        keras.layers.Flatten(),
        keras.layers.Dense(46, activation="relu"),
        keras.layers.Dense(10),
    ]
)
my_model.compile(
    optimizer=keras.optimizers.Adam(3e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
my_model.fit(x_train, y_train, batch_size=min(128, len(x_train) // 32), epochs=6, verbose=0)
""",
    time_limit=60.0,
)

# ---- referee ---------------------------------------------------------------------------------

FLAWS = (
    "it overfits",
    "the training labels are in another order than the images",
    "the validation labels are in another order than the images",
    "the validation images are not scaled",
    "the validation images lie on their side",
)
_FLAW = FLAWS[4]
_CONTROLS = {
    FLAWS[0]: (
        "then it would read its own training images well, however they are prepared. Prepare some "
        "of them as the validation images were, and see."
    ),
    FLAWS[1]: "then it could not read the training images so well: nothing would go together.",
    FLAWS[2]: (
        "then it would be right by chance alone, for about a tenth. Is it? Look at some rows with "
        "their labels."
    ),
    FLAWS[3]: "what are the smallest and the largest number in run.rows?",
}


@dataclasses.dataclass(frozen=True)
class Run:
    """What a colleague hands over.

    Args:
        model: the trained network, for rows of 784 numbers.
        train_accuracy: on the images that it learned from.
        val_accuracy: on the validation images.
        rows: the validation images as they were fed to it, shape (n, 784).
        labels: theirs, shape (n,).
    """

    model: Sequential
    train_accuracy: float
    val_accuracy: float
    rows: np.ndarray
    labels: np.ndarray

    def predict(self, rows: ArrayLike) -> np.ndarray:
        """Logits, shape (n, 10), of rows of pixels in [0, 1], shape (n, 784)."""
        return self.model.predict(rows)


def colleagues_run(
    x_train: np.ndarray, y_train: np.ndarray, x_val: np.ndarray, y_val: np.ndarray
) -> Run:
    """A colleague's training on the first 10,000 images: what is wrong with it?

    Args:
        x_train: images in [0, 1], shape (n, 28, 28).
        y_train: their digits, shape (n,).
        x_val: more images, shape (m, 28, 28).
        y_val: their digits, shape (m,).

    Example:
        >>> x, y = np.zeros((20, 28, 28)), np.arange(20) % 10
        >>> colleagues_run(x, y, x, y).rows.shape
        (20, 784)
    """
    rows, labels = x_train[:10_000].reshape(-1, 784), y_train[:10_000]
    model = Sequential([layers.Dense(64, activation="relu"), layers.Dense(10)])
    model.fit(rows, labels, optimizer=optimizers.SGD(0.1, momentum=0.9), epochs=5, batch_size=64)
    fed = np.transpose(x_val, (0, 2, 1)).reshape(-1, 784)
    train_accuracy, val_accuracy = (
        float(np.mean(model.predict(x).argmax(axis=1) == y))
        for x, y in ((rows, labels), (fed, y_val))
    )
    return Run(model, train_accuracy, val_accuracy, fed, np.asarray(y_val))


def _has_both(answer, run, x_val, y_val):
    if not isinstance(answer, dict) or set(answer) != {"flaw", "val_accuracy"}:
        return 'give {"flaw": one of exercises.FLAWS, "val_accuracy": a number}.'
    if answer["flaw"] not in FLAWS:
        return f"the flaw is {answer['flaw']!r}. Give one of exercises.FLAWS, word for word."


def _names_the_flaw(answer, run, x_val, y_val):
    if answer["flaw"] != _FLAW:
        return f"it is not that {answer['flaw']}: {_CONTROLS[answer['flaw']]}"


def _ran_the_control(answer, run, x_val, y_val):
    share = answer["val_accuracy"]
    if isinstance(share, (str, bool)) or np.ndim(share) or not 0 <= float(share) <= 1:
        return f"the accuracy is {share!r}. Give a share from 0 to 1."
    rows = np.asarray(x_val).reshape(-1, 784)
    true = np.mean(run.predict(rows).argmax(axis=1) == y_val)
    if abs(share - true) <= 0.002:
        return None
    if abs(share - run.val_accuracy) <= 0.002:
        return "that is the colleague's own number. Feed the images as they should be fed."
    return f"it is not {share:.3f}. Feed run.predict the validation images, put upright again."


referee = Exercise(
    "referee",
    properties=[
        Property("it names a flaw and gives an accuracy", _has_both),
        Property("the flaw is the one that is there", _names_the_flaw),
        Property("the accuracy is that of the mended run", _ran_the_control),
    ],
    hints=[
        "Each of the five flaws leaves its own traces. What would each do to the two accuracies?",
        "Look at what was fed: plotting.plot_images(run.rows[:10].reshape(-1, 28, 28)).",
        "Columns and rows are exchanged. np.transpose(images, (0, 2, 1)) exchanges them again.",
    ],
    solution="""
upright = run.rows.reshape(-1, 28, 28).transpose(0, 2, 1)
read = run.predict(upright.reshape(-1, 784)).argmax(axis=1)
my_referee = {
    "flaw": "the validation images lie on their side",
    "val_accuracy": np.mean(read == run.labels),
}
""",
)
