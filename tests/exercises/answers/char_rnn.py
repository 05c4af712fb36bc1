"""Answers to the exercises of lesson 14: wrong ones with what they must hear, and right ones."""

import math

import keras
import numpy as np
import scipy.special
import scipy.stats
import tensorflow as tf

# A text of six characters in which two before say more than one before.
CYCLE = np.array([0, 1, 2, 0, 1, 3, 2, 1, 0, 3, 4, 5, 0])
VAL_IDS = np.tile(CYCLE, 40)
CLASSES = 6


def counted(*columns, start=1.0):
    table = np.full((CLASSES,) * len(columns), start)
    np.add.at(table, columns, 1)
    with np.errstate(invalid="ignore"):
        return table / table.sum(axis=-1, keepdims=True)


TRAIN_IDS = np.tile(CYCLE, 100)
PAIRS = counted(TRAIN_IDS[:-1], TRAIN_IDS[1:])
THREE = TRAIN_IDS[:-2], TRAIN_IDS[1:-1], TRAIN_IDS[2:]
GOOD = counted(*THREE)
GIVEN = {"trigrams": (VAL_IDS, PAIRS)}

# ---- tempered --------------------------------------------------------------------------------


def of_scaled(scale):
    return lambda logits, temperature: scipy.special.softmax(scale(logits, temperature), axis=-1)


def divides_the_result(logits, temperature):
    return scipy.special.softmax(logits, axis=-1) / temperature


def powers_unnormalized(logits, temperature):
    return scipy.special.softmax(logits, axis=-1) ** (1 / temperature)


def down_the_columns(logits, temperature):
    return scipy.special.softmax(logits / temperature, axis=0)


def over_everything(logits, temperature):
    return scipy.special.softmax(logits / temperature)


def naive(logits, temperature):
    with np.errstate(all="ignore"):
        powers = np.e ** (logits / temperature)
        return powers / powers.sum(axis=1, keepdims=True)


def by_tensorflow(logits, temperature):
    return tf.nn.softmax(logits / temperature)


def by_differences(logits, temperature):
    rows = []
    for row in (logits / temperature).tolist():
        rows.append([1 / sum(math.exp(min(b - a, 700)) for b in row) for a in row])
    return rows


def in_place(logits, temperature):
    logits -= logits.max(axis=1)[:, None]
    logits /= temperature
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1)[:, None]
    return logits


# ---- bits ------------------------------------------------------------------------------------


def by_loop(probabilities):
    total = 0.0
    for p in probabilities:
        total += math.log2(1 / p)
    return total / len(probabilities)


def from_nats(probabilities):
    ones = np.ones(len(probabilities))
    entries = np.stack([probabilities, ones - probabilities], axis=1)
    return scipy.special.rel_entr(ones, entries[:, 0]).mean() / np.log(2)


# ---- gru_parameters --------------------------------------------------------------------------


def by_keras(layer):
    def count(features, units):
        made = layer(units)
        made.build((None, None, features))
        return made.count_params()

    return count


# ---- lstm_step -------------------------------------------------------------------------------


def keras_step(x, h, c, kernel, recurrent_kernel, bias):
    cell = keras.layers.LSTMCell(h.shape[1], dtype="float64")
    cell.build(x.shape)
    cell.set_weights([kernel, recurrent_kernel, bias])
    return cell(x, [h, c])[1]


def logistic(z):
    return 1 / (1 + np.exp(-z))


def lstm(order="ifgo", forget=None, squash=np.tanh, end=np.tanh, biased=True, old=False):
    """An LSTM's step, unit by unit, with what may be wrong about it."""

    def step(x, h, c, kernel, recurrent_kernel, bias):
        n = h.shape[1]
        z = np.concatenate([x, h], axis=1) @ np.concatenate([kernel, recurrent_kernel])
        z = z + bias if biased else z
        part = {name: z[:, k * n : (k + 1) * n] for k, name in enumerate(order)}
        i, o = logistic(part["i"]), logistic(part["o"])
        f = logistic(part["f"]) if forget is None else forget(i)
        new = f * c + i * squash(part["g"])
        return o * end(c if old else new), new

    return step


def only_h(*args):
    return lstm()(*args)[0]


def c_first(*args):
    return lstm()(*args)[::-1]


# ---- trigrams --------------------------------------------------------------------------------


def interpolated():
    """Counts of three, backed by counts of two."""
    alone = counted(*THREE, start=1e-9)
    return 0.9 * alone + 0.1 * PAIRS[None]


WRONG = {
    "tempered": [
        (of_scaled(lambda z, t: z * t), "You multiply by the temperature"),
        (of_scaled(lambda z, t: z), "changes nothing"),
        (divides_the_result, "You divide the probabilities"),
        (powers_unnormalized, "do not sum to one"),
        (down_the_columns, "Each row is a text"),
        (over_everything, "“cold, 0.5” fails"),
        (naive, "overflows"),
    ],
    "bits": [
        (lambda p: -np.log(p).mean(), "in nats"),
        (lambda p: np.log2(p).mean(), "sign"),
        (lambda p: -np.log2(p).sum(), "all bits together"),
        (lambda p: -np.log2(np.mean(p)), "logarithm of the mean"),
        (lambda p: 1 / scipy.stats.gmean(p), "perplexity"),
        (lambda p: -np.log10(p).mean(), "not 10"),
        (lambda p: -np.log2(p), "The shape is (3,)"),
    ],
    "gru_parameters": [
        (lambda f, u: 3 * u * (f + u + 1), "one beside W"),
        (lambda f, u: 3 * u * (f + u), "biases are missing"),
        (by_keras(keras.layers.SimpleRNN), "“2 features, 3 units” fails"),
        (lambda f, u: u * (f + u + 2), "That is one block"),
        (lambda f, u: 2 * u * (f + u + 2), "candidate has weights"),
        (by_keras(keras.layers.LSTM), "an LSTM, with"),
        (lambda f, u: 3 * u * (f + 2), "recurrent weights are missing"),
    ],
    "lstm_step": [
        (lstm("ifog"), "another order"),
        (lstm("figo"), "exchanged"),
        (lstm(forget=np.ones_like), "Nothing is ever forgotten"),
        (lstm(forget=lambda i: 1 - i), "as in a GRU"),
        (lstm(squash=logistic), "no gate"),
        (lstm(end=lambda c: c), "tanh is missing"),
        (lstm(old=True), "old memory, not"),
        (lstm(biased=False), "bias is missing"),
        (only_h, "1 parts; expected 2"),
        (c_first, "You return c first"),
    ],
    "trigrams": [
        (PAIRS, "it has shape (6, 6)"),
        (counted(*THREE, start=0.0), "never came together"),
        (GOOD.transpose(2, 0, 1), "along axis 0"),
        (np.round(GOOD * 200) + 1, "must sum to 1"),
        (counted(*THREE, start=500.0), "smoothed a little"),
        (np.repeat(PAIRS[None], CLASSES, axis=0), "bits per character"),
        (np.tile(np.eye(CLASSES), (CLASSES, 1, 1)), "infinitely many bits"),
        (GOOD - 1, "negative numbers"),
        (GOOD.astype(str), "expected numbers"),
        (0.5, "it has shape ()"),
    ],
}

RIGHT = {
    "tempered": [
        by_tensorflow,
        by_differences,
        in_place,
        lambda z, t: scipy.special.softmax(z.astype("float32") / t, axis=1),
    ],
    "bits": [by_loop, from_nats, lambda p: -tf.reduce_mean(tf.math.log(p)) / math.log(2)],
    "gru_parameters": [
        by_keras(keras.layers.GRU),
        lambda features, units: float(3 * units * (features + units + 2)),
    ],
    "lstm_step": [keras_step, lstm(), lambda *args: [part.tolist() for part in lstm()(*args)]],
    "trigrams": [GOOD, GOOD.tolist(), tf.constant(GOOD, tf.float32), interpolated()],
}
