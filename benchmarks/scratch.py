"""dlkit.scratch beside Keras on one thread: milliseconds, ratio, largest difference.

    .venv/bin/python benchmarks/scratch.py [--train] [--repeats N]

Per function a row forward and one backward, in float32, both sides on one thread. Ours and
Keras's run in turn, so that a machine whose speed drifts slows both; milliseconds are medians, the
ratio is the median over the pairs (above 1: ours is slower). Keras runs compiled, on tensors that
are there already. Its backward pass contains the forward pass that the tape needs. The difference
is the largest on these inputs, as a part of the largest value where that is above 1. The backward
passes of softmax and log_softmax are whole Jacobians, the rows of the optimizers are steps.

With --train instead: 784-128-10 on MNIST, the same first weights, optimizer and batch size. Keras
may use all cores; NumPy keeps to one thread, since two are no faster on matrices this small, and
far slower while another program is busy. Seconds of fit until validation, looked at after each
epoch, is at 97.7 %, Keras's compilation included; seconds of the quickest epoch; then, once, the
accuracy on the test set.
"""

import argparse
import os
import time
from functools import partial

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--repeats", type=int, help="pairs of runs (21), or of trainings (3)")
parser.add_argument("--tiny", action="store_true", help="batches of two, to try the script")
parser.add_argument("--train", action="store_true", help="train on MNIST instead")
arguments = parser.parse_args()
repeats = arguments.repeats or (3 if arguments.train else 21)

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when NumPy is imported

from dlkit import machine  # noqa: E402

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from dlkit import data  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.scratch import (  # noqa: E402
    Sequential,
    activations,
    layers,
    losses,
    operations,
    optimizers,
)

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def batch(*shape):
    """Normal numbers, as many examples as the first number says, or two."""
    return normal(2 if arguments.tiny else shape[0], *shape[1:])


def cases():
    """Name, our two passes, Keras's function, inputs, whether backward means the Jacobian."""
    for name in activations.NAMES:
        is_over_classes = name.endswith("softmax")
        x = batch(1024, 10) if is_over_classes else batch(256, 1024)
        derivative = getattr(activations, f"{name}_derivative")
        oracle = getattr(keras.activations, name)
        yield name, activations.get(name), derivative, oracle, [x], is_over_classes
    for name in losses.NAMES:
        y_pred = batch(4096, 100)
        y_true = RNG.integers(0, 100, len(y_pred))
        if not name.startswith("sparse"):
            y_true = np.eye(100, dtype="float32")[y_true]
        options = {"from_logits": True} if name.endswith("crossentropy") else {}
        loss, gradient = (partial(f, y_true, **options) for f in losses.get(name))
        oracle = partial(getattr(keras.losses, name), tf.constant(y_true), **options)
        yield name, loss, gradient, oracle, [y_pred], False
    yield from operation_cases()


def operation_cases():
    """The same for the operations; the upstream is ones, as it is for the tape's sum."""
    ones = partial(np.ones, dtype="float32")
    x, kernel, bias = batch(512, 784), normal(784, 128), normal(128)
    upstream = ones((len(x), 128))

    def dense_backward(x, kernel, bias, upstream=upstream):
        return operations.dense_backward(upstream, x, kernel)

    inputs = [x, kernel, bias]
    yield "dense", operations.dense, dense_backward, lambda x, w, b: x @ w + b, inputs, False

    for padding, strides in [("valid", 1), ("same", 2)]:
        x, kernel, bias = batch(32, 28, 28, 8), normal(3, 3, 8, 16), normal(16)
        options = {"strides": strides, "padding": padding}
        upstream = ones(operations.conv2d(x, kernel, bias, **options).shape)

        def conv2d_backward(x, kernel, bias, upstream=upstream, options=options):
            return operations.conv2d_backward(upstream, x, kernel, **options)

        def conv2d(x, kernel, bias, options=options):
            return tf.nn.conv2d(x, kernel, options["strides"], options["padding"].upper()) + bias

        name = f"conv2d, {padding}, strides {strides}"
        ours = partial(operations.conv2d, **options)
        yield name, ours, conv2d_backward, conv2d, [x, kernel, bias], False

    x = batch(64, 28, 28, 16)
    pool_backward = partial(operations.max_pool2d_backward, ones((len(x), 14, 14, 16)))
    oracle = partial(tf.nn.max_pool2d, ksize=2, strides=2, padding="VALID")
    yield "max_pool2d", operations.max_pool2d, pool_backward, oracle, [x], False

    x, weights = batch(64, 32, 32), [normal(32, 64) / 6, normal(64, 64) / 8, normal(64)]

    def simple_rnn(x, kernel, recurrent_kernel, bias):
        states, state = [], tf.zeros((x.shape[0], 64))
        for time_step in range(x.shape[1]):
            state = tf.tanh(x[:, time_step] @ kernel + state @ recurrent_kernel + bias)
            states.append(state)
        return tf.stack(states, axis=1)

    def rnn_backward(x, kernel, recurrent_kernel, bias):
        states = operations.simple_rnn(x, kernel, recurrent_kernel, bias)
        upstream = np.ones_like(states)
        return operations.simple_rnn_backward(upstream, x, states, kernel, recurrent_kernel)

    yield "simple_rnn", operations.simple_rnn, rnn_backward, simple_rnn, [x, *weights], False


def compiled(function, inputs):
    """Keras's forward pass, without arguments."""
    run, tensors = tf.function(function), [tf.constant(x) for x in inputs]
    return lambda: run(*tensors)


def compiled_backward(function, inputs, mean, jacobian):
    """Gradients of the sum or the mean by the tape, without arguments."""

    @tf.function
    def run(*tensors):
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y = function(*tensors)
            y = tf.reduce_mean(y) if mean else y
        return tape.batch_jacobian(y, tensors[0]) if jacobian else tape.gradient(y, tensors)

    tensors = [tf.constant(x) for x in inputs]
    return lambda: run(*tensors)


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def as_list(result):
    return [np.asarray(r) for r in (result if isinstance(result, (list, tuple)) else [result])]


def row(name, ours, oracle):
    """Time the pairs and print a line of the table."""
    mine, theirs = as_list(ours()), as_list(oracle())  # and warm both up
    difference = max(
        np.abs(a - b).max() / max(1, np.abs(b).max()) for a, b in zip(mine, theirs, strict=True)
    )
    pairs = np.array([(seconds(ours), seconds(oracle)) for _ in range(repeats)])
    ms, keras_ms = 1000 * np.median(pairs, axis=0)
    ratio = np.median(pairs[:, 0] / pairs[:, 1])
    print(f"| {name} | {ms:.3f} | {keras_ms:.3f} | {ratio:.2f} | {difference:.1e} |", flush=True)


def optimizer_row(name):
    """A step of 784-128-10, by the same gradients each time."""
    shapes = [(784, 128), (128,), (128, 10), (10,)]
    variables, gradients = [normal(*s) for s in shapes], [normal(*s) for s in shapes]
    theirs = [keras.Variable(v) for v in variables]
    oracle, ours = getattr(keras.optimizers, name)(), getattr(optimizers, name)()
    oracle.build(theirs)
    tensors = [tf.constant(g) for g in gradients]
    oracle_step = tf.function(lambda: oracle.apply(tensors, theirs))

    def step():
        ours.apply(gradients, variables)
        return variables

    def their_step():
        oracle_step()
        return [v.numpy() for v in theirs]

    row(f"{name}, step", step, their_step)


def compare_functions():
    """The table."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    print("\n| function | ours, ms | Keras, ms | ratio | largest difference |")
    print("|---|---|---|---|---|")
    for name, ours, backward, oracle, inputs, jacobian in cases():
        row(name, partial(ours, *inputs), compiled(oracle, inputs))
        tape = compiled_backward(oracle, inputs, name in losses.NAMES, jacobian)
        row(f"{name}, backward", partial(backward, *inputs), tape)
    for name in ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW"):
        optimizer_row(name)


TARGET = 0.977  # on validation, which leaves the harder test set above 0.97


def train_to(accuracy, fit, evaluate, validation, test, most_epochs=20):
    """Seconds of fit until validation is that accurate, epochs, quickest epoch, test accuracy."""
    epochs = []
    while len(epochs) < most_epochs:
        epochs.append(seconds(fit))
        if evaluate(*validation) >= accuracy:
            return sum(epochs), len(epochs), min(epochs), evaluate(*test)
    return float("nan"), len(epochs), min(epochs), evaluate(*test)


def race(seed, train, validation, test):
    """Ours, then Keras: the same first weights, optimizer and batch size."""
    ours = Sequential([layers.Dense(128, activation="relu"), layers.Dense(10)], seed=seed)
    ours.build((None, 784))
    first_weights = ours.get_weights()
    optimizer = optimizers.SGD(0.1, momentum=0.9)
    fit = partial(ours.fit, *train, optimizer=optimizer, batch_size=128)
    mine = train_to(TARGET, fit, lambda x, y: ours.evaluate(x, y)["accuracy"], validation, test)

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.set_weights(first_weights)
    model.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    fit = partial(model.fit, *train, batch_size=128, verbose=0)

    def evaluate(x, y):
        return model.evaluate(x, y, batch_size=1000, verbose=0)[1]

    return mine, train_to(TARGET, fit, evaluate, validation, test)


def compare_training():
    """The race, seed by seed."""
    raw = data.load_mnist()
    parts = [
        (p.x.reshape(len(p.x), 784) / np.float32(255), p.y) for p in (raw.train, raw.val, raw.test)
    ]
    print(f"\n{raw.source}; SGD(0.1, momentum=0.9), batches of 128\n")
    print("| seed | who | s to 97.7 % | epochs | s of quickest epoch | test accuracy |")
    print("|---|---|---|---|---|---|")
    ratios = []
    for seed in range(repeats):
        results = race(seed, *parts)
        ratios.append(results[0][0] / results[1][0])
        for who, (total, epochs, quickest, test) in zip(("ours", "Keras"), results, strict=True):
            print(
                f"| {seed} | {who} | {total:.2f} | {epochs} | {quickest:.2f} | {test:.2%} |",
                flush=True,
            )
    print(f"\nseconds to 97.7 %, ours / Keras, median: {np.median(ratios):.2f}")


if __name__ == "__main__":
    print_anything()
    compare_training() if arguments.train else compare_functions()
