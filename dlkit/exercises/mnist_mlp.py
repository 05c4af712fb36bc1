"""Exercises of lesson 07: counting, measuring, and a small network that reads digits."""

import math

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake
from dlkit.exercises.engine.properties import few_parameters, reads_digits


def count_parameters(widths):
    """Weights and biases of a multilayer perceptron: the sum of m n + n over its layers.

    Args:
        widths: numbers of units from the input to the output, e.g. ``[784, 128, 10]``.

    Returns:
        One whole number.

    Example:
        >>> count_parameters([784, 128, 10])
        101770
    """
    return sum(m * n + n for m, n in zip(widths[:-1], widths[1:], strict=True))


parameters = Exercise(
    "parameters",
    reference=count_parameters,
    cases=[
        Case("one hidden layer", [784, 128, 10]),
        Case("no hidden layer", [20, 3]),
        Case("three hidden layers", [784, 300, 100, 30, 10]),
    ],
    mistakes=[
        Mistake(
            "You counted the weights and left out the biases.",
            lambda widths: sum(m * n for m, n in zip(widths[:-1], widths[1:], strict=True)),
        ),
        Mistake(
            "You gave a bias to each input of a layer. Who needs one: what comes in, or each unit "
            "that adds up?",
            lambda widths: sum(m * n + m for m, n in zip(widths[:-1], widths[1:], strict=True)),
        ),
        Mistake(
            "You gave one bias to each layer. Each unit has its own.",
            lambda widths: sum(m * n + 1 for m, n in zip(widths[:-1], widths[1:], strict=True)),
        ),
        Mistake("You counted the units. Each of them has many weights.", sum),
        Mistake(
            "These are the parameters of the last layer alone.", lambda w: w[-2] * w[-1] + w[-1]
        ),
    ],
    hints=[
        "Take one dense layer first. Each of its units looks at all inputs: how many weights?",
        "Each unit also has one bias.",
        "Go through the pairs of neighbouring widths, and add up what each pair contributes.",
    ],
)


def count_steps(examples, batch_size, epochs):
    """Steps of a training: every epoch takes ceil(examples / batch_size) of them.

    Args:
        examples: number of training examples, 1 or more.
        batch_size: examples in a batch; the last batch of an epoch may hold fewer.
        epochs: how often each example is used.

    Returns:
        One whole number.

    Example:
        >>> count_steps(100, 32, 2)
        8
    """
    return epochs * -(-examples // batch_size)  # // rounds down, so - twice rounds up


steps = Exercise(
    "steps",
    reference=count_steps,
    cases=[
        Case("a batch left over", 100, 32, 1),
        Case("batches that fit", 96, 32, 1),
        Case("several epochs", 100, 32, 3),
        Case("MNIST", 55_000, 512, 8),
        Case("a batch larger than the data", 10, 32, 2),
    ],
    mistakes=[
        Mistake(
            "You left out the last, incomplete batch. Keras trains on it as well.",
            lambda examples, batch_size, epochs: epochs * (examples // batch_size),
        ),
        Mistake(
            "You added a batch although nothing was left over.",
            lambda examples, batch_size, epochs: epochs * (examples // batch_size + 1),
        ),
        Mistake(
            "You joined the epochs into one long list. Each epoch starts with a fresh batch.",
            lambda examples, batch_size, epochs: math.ceil(epochs * examples / batch_size),
        ),
        Mistake(
            "A step is a whole number: what becomes of the fraction?",
            lambda examples, batch_size, epochs: epochs * examples / batch_size,
        ),
    ],
    hints=[
        "Think of one epoch first: 100 examples in batches of 32. How large is each batch?",
        "A batch of 4 is still a batch. Which rounding counts it?",
        "Round up within an epoch, then multiply by the number of epochs.",
    ],
)


def accuracy_of(y_true, logits):
    """Share of examples whose largest logit is at the true class.

    Args:
        y_true: class numbers, shape ``(n,)``.
        logits: scores, shape ``(n, classes)``.

    Returns:
        One number from 0 to 1.

    Example:
        >>> float(accuracy_of(np.array([1, 0]), np.array([[0.0, 2.0], [-3.0, -1.0]])))
        0.5
    """
    return np.mean(np.argmax(logits, axis=1) == y_true)


SCORES = np.array([[2.0, -1.0, 0.5], [0.1, 0.3, -0.2], [4.0, 1.0, 3.0]])

accuracy = Exercise(
    "accuracy",
    reference=accuracy_of,
    cases=[
        Case("three examples, three classes", np.array([0, 1, 2]), SCORES),
        Case("five examples", np.array([1, 1, 0, 0, 1]), np.array([[0.0, 1]] * 4 + [[3.0, 2]])),
        Case("negative logits", np.array([2, 0]), np.array([[-9.0, -5, -7], [-1.0, -2, -3]])),
        Case("one example", np.array([3]), np.array([[0.0, 0.1, 0.2, 0.3]])),
    ],
    mistakes=[
        Mistake(
            "You compared along the wrong axis: the classes of one image are in a row.",
            lambda y_true, logits: np.mean(np.argmax(logits, axis=0) == y_true),
        ),
        Mistake(
            "argmax without an axis gives one place for the whole table. Each row has a vote.",
            lambda y_true, logits: np.mean(np.argmax(logits) == y_true),
        ),
        Mistake(
            "That is a percentage, or a count. The accuracy is a share, from 0 to 1.",
            lambda y_true, logits: 100 * accuracy_of(y_true, logits),
        ),
        Mistake(
            "That is the number of right answers. What share of all answers is it?",
            lambda y_true, logits: np.sum(np.argmax(logits, axis=1) == y_true),
        ),
        Mistake(
            "That is the share of wrong answers.",
            lambda y_true, logits: 1 - accuracy_of(y_true, logits),
        ),
        Mistake(
            "You compared the logits themselves with the labels. Which class does a row vote for?",
            lambda y_true, logits: np.mean(logits.max(axis=1) == y_true),
        ),
    ],
    hints=[
        "Which class does the network choose for an image, given its row of scores?",
        "NumPy's argmax gives the place of the largest number. Along which axis?",
        "Compare the chosen classes with y_true. The mean of True and False is a share.",
    ],
)


def loss_of_a_guess(classes):
    """Cross-entropy of a network that gives each class the same probability: log(classes).

    Args:
        classes: number of classes, 2 or more.

    Returns:
        One number, in nats.

    Example:
        >>> float(loss_of_a_guess(10).round(2))
        2.3
    """
    return -np.log(1 / classes)


untrained_loss = Exercise(
    "untrained_loss",
    reference=loss_of_a_guess,
    cases=[Case("ten digits", 10), Case("two classes", 2), Case("ImageNet", 1000)],
    mistakes=[
        Mistake(
            "The logarithm is the natural one here, not the one to base 10.",
            lambda classes: math.log10(classes),
        ),
        Mistake(
            "The logarithm is the natural one here, not the one to base 2 (those are bits).",
            lambda classes: math.log2(classes),
        ),
        Mistake(
            "A loss is never negative: look at the sign.", lambda classes: math.log(1 / classes)
        ),
        Mistake("That is the probability. What is the loss at it?", lambda classes: 1 / classes),
        Mistake(
            "That is the error rate of guessing, not the loss.", lambda classes: 1 - 1 / classes
        ),
    ],
    hints=[
        "Which probability does the true class get, if all get the same?",
        "The loss of an example is the negative logarithm of that probability.",
        "math.log and np.log are the natural logarithm.",
    ],
)


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
