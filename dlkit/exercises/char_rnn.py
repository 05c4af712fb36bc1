"""Exercises of lesson 14: temperature, bits, parameters of a GRU, an LSTM's step, counting."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property
from dlkit.scratch.activations import sigmoid, softmax

# ---- tempered --------------------------------------------------------------------------------


def tempered_softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
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


def bits_per_character(probabilities: np.ndarray) -> float:
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


def count_gru(features: int, units: int) -> int:
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


def one_lstm_step(
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    kernel: np.ndarray,
    recurrent_kernel: np.ndarray,
    bias: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """One step of an LSTM: the new state h and the new memory c.

    In kernel, recurrent_kernel and bias the columns of the input gate come first, then those of
    the forget gate, of the candidate and of the output gate.

    Args:
        x: inputs ``(batch, features)``.
        h: states ``(batch, units)``.
        c: memories ``(batch, units)``.
        kernel: ``(features, 4 * units)``.
        recurrent_kernel: ``(units, 4 * units)``.
        bias: ``(4 * units,)``.

    Returns:
        The new h and the new c, each ``(batch, units)``.

    Source: Hochreiter, Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; the forget gate is of
    Gers, Schmidhuber, Cummins (2000), doi:10.1162/089976600300015015.

    Example:
        >>> state = np.zeros((1, 1))
        >>> weights = np.zeros((1, 4)), np.zeros((1, 4)), np.array([0.0, 0.0, 1.0, 0.0])
        >>> h, c = one_lstm_step(np.ones((1, 1)), state, state, *weights)
        >>> h.round(3), c.round(3)
        (array([[0.182]]), array([[0.381]]))
    """
    z = x @ kernel + h @ recurrent_kernel + bias
    into, forget, candidate, out = np.split(z, 4, axis=-1)
    c = sigmoid(forget) * c + sigmoid(into) * np.tanh(candidate)
    return sigmoid(out) * np.tanh(c), c


def _mistaken(change):
    """The step with something else about it: ``change`` maps its parts to the new h and c."""

    def step(x, h, c, kernel, recurrent_kernel, bias):
        z = x @ kernel + h @ recurrent_kernel + bias
        return change(*np.split(z, 4, axis=-1), c)

    return step


def _from(gate_in, gate_forget, candidate, gate_out, c):
    c = gate_forget * c + gate_in * candidate
    return gate_out * np.tanh(c), c


def _no_tanh_at_the_end(i, f, g, o, c):
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * c, c


def _old_memory(i, f, g, o, c):
    return sigmoid(o) * np.tanh(c), sigmoid(f) * c + sigmoid(i) * np.tanh(g)


def _no_bias(x, h, c, kernel, recurrent_kernel, bias):
    return one_lstm_step(x, h, c, kernel, recurrent_kernel, 0 * bias)


def _arrays(batch, features, units, seed=0):
    rng = np.random.default_rng(seed)
    shapes: list[tuple[int, ...]] = [(batch, features), (batch, units), (batch, units)]
    shapes += [(features, 4 * units), (units, 4 * units), (4 * units,)]
    return [1.5 * rng.normal(size=shape).round(2) for shape in shapes]


def _first_step(x, h, c, *weights):
    return [x, 0 * h, 0 * c, *weights]


lstm_step = Exercise(
    "lstm_step",
    reference=one_lstm_step,
    cases=[
        Case("one unit", *_arrays(1, 2, 1)),
        Case("a batch of three, four units", *_arrays(3, 2, 4, seed=1)),
        Case("the first step, all states zero", *_first_step(*_arrays(2, 3, 2, seed=2))),
    ],
    mistakes=[
        Mistake(
            "Your columns are in another order. It is input, forget, candidate, output.",
            _mistaken(
                lambda i, f, o, g, c: _from(sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o), c)
            ),
        ),
        Mistake(
            "The input gate and the forget gate are exchanged.",
            _mistaken(
                lambda f, i, g, o, c: _from(sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o), c)
            ),
        ),
        Mistake(
            "Nothing is ever forgotten: the old memory needs its gate.",
            _mistaken(lambda i, f, g, o, c: _from(sigmoid(i), 1.0, np.tanh(g), sigmoid(o), c)),
        ),
        Mistake(
            "Your forget gate is 1 minus the input gate, as in a GRU. Here it has weights of its "
            "own.",
            _mistaken(
                lambda i, f, g, o, c: _from(sigmoid(i), 1 - sigmoid(i), np.tanh(g), sigmoid(o), c)
            ),
        ),
        Mistake(
            "The candidate is no gate: it takes a tanh, and may be negative.",
            _mistaken(
                lambda i, f, g, o, c: _from(sigmoid(i), sigmoid(f), sigmoid(g), sigmoid(o), c)
            ),
        ),
        Mistake("h is the gated tanh of c. Your tanh is missing.", _mistaken(_no_tanh_at_the_end)),
        Mistake(
            "Your h is made from the old memory, not from the new one.", _mistaken(_old_memory)
        ),
        Mistake("The bias is missing.", _no_bias),
        Mistake(
            "You return c first. Expected: h, then c.", lambda *args: one_lstm_step(*args)[::-1]
        ),
    ],
    hints=[
        "All four blocks at once: one matrix product with x, one with h, and the bias.",
        "np.split(z, 4, axis=-1) cuts the result into four. Three of them are gates.",
        "The new c first, from the old one; then h from the new c.",
    ],
)

# ---- trigrams --------------------------------------------------------------------------------


def pair_bits(table: np.ndarray, ids: np.ndarray) -> float:
    """Bits per character of a table of pairs, as `trigram_bits` of one that ignores the first.

    Args:
        table: ``(classes, classes)``, table[a, b] the probability that b follows a.
        ids: a text as whole numbers ``(characters,)``.

    Returns:
        One number; infinity if the text holds a pair of probability 0.

    Example:
        >>> float(pair_bits(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 1, 0])))
        0.5
    """
    with np.errstate(divide="ignore"):
        return -np.log2(table[ids[:-1], ids[1:]]).mean()


def trigram_bits(table: np.ndarray, ids: np.ndarray) -> float:
    """Bits per character of a table of three: minus the mean of log2 table[a, b, c].

    Args:
        table: ``(classes, classes, classes)``, table[a, b, c] the probability that c follows a, b.
        ids: a text as whole numbers ``(characters,)``.

    Returns:
        One number; infinity if the text holds three characters of probability 0.

    Example:
        >>> float(trigram_bits(np.full((2, 2, 2), 0.5), np.array([0, 1, 1, 0])))
        1.0
    """
    with np.errstate(divide="ignore"):
        return -np.log2(table[ids[:-2], ids[1:-1], ids[2:]]).mean()


def _is_a_cube(table, val_ids, table_of_pairs):
    shape, n = np.shape(table), len(table_of_pairs)
    if shape != (n, n, n):
        return f"it has shape {shape}; expected {(n, n, n)}: two characters before, one after."
    table = np.asarray(table)
    if table.dtype.kind not in "fiu":
        return f"it holds {table.dtype}; expected numbers."
    if not np.isfinite(table).all():
        return "it holds NaN or infinity: what becomes of two characters that never came together?"
    if (table < 0).any():
        return "it holds negative numbers. A probability is 0 at least."


def _sums_to_one(table, val_ids, table_of_pairs):
    table = np.asarray(table, dtype=float)
    for axis in (2, 1, 0):
        if np.allclose(table.sum(axis=axis), 1, atol=1e-3):
            break
    else:
        largest = table.sum(axis=2).max()
        return f"table[a, b] must sum to 1 for each a, b. One of yours sums to {largest:.4g}."
    if axis != 2:
        return f"it sums to 1 along axis {axis}. The next character is on the last axis."


def _beats_pairs(table, val_ids, table_of_pairs):
    bits = trigram_bits(np.asarray(table, dtype=float), val_ids)
    target = pair_bits(table_of_pairs, val_ids) - 0.5
    if np.isinf(bits):
        return "it gives 0 to something that the validation text holds: infinitely many bits."
    if bits > target:
        return (
            f"it needs {bits:.2f} bits per character on the validation text; {target:.2f} at most "
            "would do. Is it counted on the whole training text, and smoothed a little?"
        )


trigrams = Exercise(
    "trigrams",
    properties=[
        Property("two characters before, one after", _is_a_cube),
        Property("each row is a probability distribution", _sums_to_one),
        Property("half a bit per character better than pairs", _beats_pairs),
    ],
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
