"""Exercises of lesson 11: temperature, bits, parameters of a GRU, an LSTM's step, counting."""

import numpy as np

from dlkit.exercises import _cells, _trigrams
from dlkit.exercises.engine import Case, Exercise, Mistake
from dlkit.scratch.activations import softmax

# ---- tempered --------------------------------------------------------------------------------


def tempered_softmax(logits, temperature):
    """Probabilities at a temperature: softmax(logits / temperature), row by row.

    Example:
        >>> tempered_softmax(np.log([[1.0, 3.0]]), 0.5)
        array([[0.1, 0.9]])
    """
    scaled = logits / temperature
    exp = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def _overflowing(logits, temperature):
    with np.errstate(over="ignore", invalid="ignore"):
        exp = np.exp(logits / temperature)
        return exp / exp.sum(axis=-1, keepdims=True)


_ROWS = np.array([[2.0, 1.0, -1.0, 0.0], [0.5, 0.5, -3.0, 0.1]])

tempered = Exercise(
    "tempered",
    reference=tempered_softmax,
    cases=[
        Case("cold, 0.5", _ROWS, 0.5),
        Case("hot, 2", _ROWS, 2.0),
        Case("1, the softmax itself", _ROWS, 1.0),
        Case("logits of 1000", 1000 * _ROWS, 0.7),
    ],
    mistakes=[
        Mistake("You multiply by the temperature.", lambda z, t: softmax(z * t)),
        Mistake("The temperature changes nothing in your result.", lambda z, t: softmax(z)),
        Mistake(
            "You divide the probabilities. Divide the logits, before the exponential.",
            lambda z, t: softmax(z) / t,
        ),
        Mistake(
            "Your rows do not sum to one: after the power they must be divided by their sum again.",
            lambda z, t: softmax(z) ** (1 / t),
        ),
        Mistake("Each row is a text of its own: sum along it.", lambda z, t: softmax(z / t, 0)),
        Mistake(
            "Your exponential overflows. Subtract the row's largest number first.", _overflowing
        ),
    ],
    hints=[
        "It is the softmax of something. Of what?",
        "Divide the logits by the temperature first, then take the softmax of each row.",
        "Against overflow: subtract the largest of each row before the exponential.",
    ],
)

# ---- bits ------------------------------------------------------------------------------------


def bits_per_character(probabilities):
    """Minus the mean of log2 of the probability that each true character got.

    Example:
        >>> float(bits_per_character(np.array([0.5, 0.25])))
        1.5
    """
    return -np.log2(probabilities).mean()


bits = Exercise(
    "bits",
    reference=bits_per_character,
    cases=[
        Case("three characters", np.array([0.5, 0.25, 0.9])),
        Case("one of them hardly expected", np.array([0.9, 0.8, 1e-6, 0.7])),
        Case("a guess among 65", np.full(5, 1 / 65)),
        Case("all certain", np.ones(4)),
    ],
    mistakes=[
        Mistake("That is in nats. Bits take the logarithm to base 2.", lambda p: -np.log(p).mean()),
        Mistake("Look at the sign: a cost is not negative.", lambda p: np.log2(p).mean()),
        Mistake("That is all bits together. How many per character?", lambda p: -np.log2(p).sum()),
        Mistake(
            "You took the logarithm of the mean. It is the mean of the logarithms.",
            lambda p: -np.log2(p.mean()),
        ),
        Mistake(
            "That is the perplexity, two to the power of the bits.",
            lambda p: 2.0 ** -np.log2(p).mean(),
        ),
        Mistake("The logarithm is the one to base 2, not 10.", lambda p: -np.log10(p).mean()),
    ],
    hints=[
        "How many bits does one character cost that got a probability of 1/2? And of 1/4?",
        "A character of probability p costs minus log2(p).",
        "Then the mean over all characters.",
    ],
)

# ---- gru_parameters --------------------------------------------------------------------------


def count_gru(features, units):
    """Parameters of Keras's GRU: three blocks, each with two biases per unit.

    Example:
        >>> count_gru(2, 1)
        15
    """
    return 3 * (features * units + units * units + 2 * units)


gru_parameters = Exercise(
    "gru_parameters",
    reference=count_gru,
    cases=[
        Case("2 features, 3 units", 2, 3),
        Case("32 features, 128 units", 32, 128),
        Case("one unit", 1, 1),
        Case("more features than units", 65, 20),
    ],
    mistakes=[
        Mistake(
            "You counted one bias per gate and unit. Here are two: one beside W, one beside U.",
            lambda f, u: 3 * (f * u + u * u + u),
        ),
        Mistake("The biases are missing.", lambda f, u: 3 * (f * u + u * u)),
        Mistake(
            "That is one block. There are the reset gate, the update gate and the candidate.",
            lambda f, u: f * u + u * u + 2 * u,
        ),
        Mistake(
            "You counted the two gates. The candidate has weights as well.",
            lambda f, u: 2 * (f * u + u * u + 2 * u),
        ),
        Mistake("Four blocks: that is an LSTM.", lambda f, u: 4 * (f * u + u * u + 2 * u)),
        Mistake("That is an LSTM, with its four blocks.", lambda f, u: 4 * (f * u + u * u + u)),
        Mistake("The recurrent weights are missing.", lambda f, u: 3 * (f * u + 2 * u)),
    ],
    hints=[
        "Count the simple cell first: W, U, and a bias.",
        "Then look at the lesson's equations: how many times does each of them appear?",
        "Every block has features * units and units * units weights, and twice units biases.",
    ],
)

# ---- lstm_step -------------------------------------------------------------------------------

lstm_step = Exercise(
    "lstm_step",
    reference=_cells.one_lstm_step,
    cases=_cells.CASES,
    mistakes=_cells.MISTAKES,
    hints=[
        "All four blocks at once: one matrix product with x, one with h, and the bias.",
        "np.split(z, 4, axis=-1) cuts the result into four. Three of them are gates.",
        "The new c first, from the old one; then h from the new c.",
    ],
)

# ---- trigrams --------------------------------------------------------------------------------

pair_bits, trigram_bits = _trigrams.pair_bits, _trigrams.trigram_bits

trigrams = Exercise(
    "trigrams",
    properties=_trigrams.PROPERTIES,
    hints=[
        "As for pairs, with one more axis: first an array of ones, of shape (n, n, n).",
        "np.add.at(counts, (first, second, third), 1), with the text cut in three ways.",
        "Then divide by the sum over the last axis. Try a start of 0.1 instead of 1.",
    ],
    solution="""
my_table = np.full((len(vocabulary),) * 3, 0.1)
np.add.at(my_table, (train_ids[:-2], train_ids[1:-1], train_ids[2:]), 1)
my_table /= my_table.sum(axis=2, keepdims=True)
""",
)
