"""One step of an LSTM in Keras's order of gates, and how it goes wrong."""

import numpy as np

from dlkit.exercises.engine import Case, Mistake
from dlkit.scratch.activations import sigmoid


def one_lstm_step(x, h, c, kernel, recurrent_kernel, bias):
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
    shapes = [(batch, features), (batch, units), (batch, units)]
    shapes += [(features, 4 * units), (units, 4 * units), (4 * units,)]
    return [1.5 * rng.normal(size=shape).round(2) for shape in shapes]


def _first_step(x, h, c, *weights):
    return [x, 0 * h, 0 * c, *weights]


CASES = [
    Case("one unit", *_arrays(1, 2, 1)),
    Case("a batch of three, four units", *_arrays(3, 2, 4, seed=1)),
    Case("the first step, all states zero", *_first_step(*_arrays(2, 3, 2, seed=2))),
]

MISTAKES = [
    Mistake(
        "Your columns are in another order. It is input, forget, candidate, output.",
        _mistaken(lambda i, f, o, g, c: _from(sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o), c)),
    ),
    Mistake(
        "The input gate and the forget gate are exchanged.",
        _mistaken(lambda f, i, g, o, c: _from(sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o), c)),
    ),
    Mistake(
        "Nothing is ever forgotten: the old memory needs its gate.",
        _mistaken(lambda i, f, g, o, c: _from(sigmoid(i), 1.0, np.tanh(g), sigmoid(o), c)),
    ),
    Mistake(
        "Your forget gate is 1 minus the input gate, as in a GRU. Here it has weights of its own.",
        _mistaken(
            lambda i, f, g, o, c: _from(sigmoid(i), 1 - sigmoid(i), np.tanh(g), sigmoid(o), c)
        ),
    ),
    Mistake(
        "The candidate is no gate: it takes a tanh, and may be negative.",
        _mistaken(lambda i, f, g, o, c: _from(sigmoid(i), sigmoid(f), sigmoid(g), sigmoid(o), c)),
    ),
    Mistake("h is the gated tanh of c. Your tanh is missing.", _mistaken(_no_tanh_at_the_end)),
    Mistake("Your h is made from the old memory, not from the new one.", _mistaken(_old_memory)),
    Mistake("The bias is missing.", _no_bias),
    Mistake("You return c first. Expected: h, then c.", lambda *args: one_lstm_step(*args)[::-1]),
]
