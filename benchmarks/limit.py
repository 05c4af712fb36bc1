"""How far is `fit` from the limit? Seconds per epoch, layer of overhead by layer.

    .venv/bin/python benchmarks/limit.py [--rounds 5]

Each line trains the same network on the same 55,000 digits and leaves out one thing more, down to
the bare arithmetic: the matrix products (or convolutions) of its forward and backward pass on one
batch that lies ready. The last line is the rate of one large matrix product. All lines run in turn,
round by round, after a first round that does not count (tracing, compilation).
"""

import argparse
import functools

from dlkit import machine

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from dlkit import data, models, speed  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.speed import rates  # noqa: E402

BATCH_SIZE = 256
NETWORKS = {
    "MLP 256-128": lambda: models.mlp((28, 28, 1), 10, units=(256, 128)),
    "CNN 16-32-64": lambda: models.convnet((28, 28, 1), 10),
}
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def with_fit(build, x, y, **compiling):
    """One epoch of Keras's `fit`."""
    model = build()
    model.compile(optimizer="adam", loss=LOSS, **compiling)
    return lambda: model.fit(x, y, batch_size=BATCH_SIZE, epochs=1, verbose=0)


def with_loop(build, x, y, *, update=True, gather=True):
    """One epoch as one compiled loop: batches in a random order, gradient, Adam's update."""
    model, optimizer = build(), keras.optimizers.Adam()
    variables = model.trainable_variables
    optimizer.build(variables)
    steps = len(x) // BATCH_SIZE
    x, y = tf.constant(x), tf.constant(y)

    @tf.function
    def epoch():
        order = tf.random.shuffle(tf.range(len(x)))
        total = 0.0
        for step in tf.range(steps):
            rows = order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]
            if gather:
                inputs, labels = tf.gather(x, rows), tf.gather(y, rows)
            else:  # a batch that differs a little each time, or the loop would be done once
                inputs = x[:BATCH_SIZE] * (1.0 + 1e-6 * tf.cast(step, "float32"))
                labels = y[:BATCH_SIZE]
            with tf.GradientTape() as tape:
                loss = LOSS(labels, model(inputs, training=True))
            gradients = tape.gradient(loss, variables)
            if update:
                optimizer.apply(gradients, variables)
            else:  # the gradients must be wanted by somebody, or they are not computed
                total += tf.add_n([tf.reduce_sum(g) for g in gradients])
            total += loss
        return total

    return lambda: epoch().numpy()


def with_arithmetic(build, x, steps):
    """The products of dense and convolution layers alone, forward and backward, on one batch."""
    jobs = []
    for layer in (layer for layer in build().layers if hasattr(layer, "kernel")):
        inputs = tf.random.normal((BATCH_SIZE, *layer.input.shape[1:]))
        upstream = tf.random.normal((BATCH_SIZE, *layer.output.shape[1:]))
        if len(inputs.shape) == 2:
            product = tf.matmul
        else:
            strides, padding = list(layer.strides), layer.padding.upper()
            product = functools.partial(tf.nn.conv2d, strides=strides, padding=padding)
        jobs.append((product, inputs, layer.kernel.value, upstream))

    @tf.function
    def epoch():
        total = 0.0
        for step in tf.range(steps):
            scale = 1.0 + 1e-6 * tf.cast(step, "float32")  # or the loop would be done once
            for index, (product, inputs, kernel, upstream) in enumerate(jobs):
                inputs = inputs * scale
                wanted = [kernel, inputs] if index else [kernel]
                with tf.GradientTape() as tape:
                    tape.watch(wanted)
                    outputs = product(inputs, kernel)
                found = [outputs, *tape.gradient(outputs, wanted, upstream)]
                total += tf.add_n([tf.reshape(f, [-1])[0] for f in found])
        return total

    return lambda: epoch().numpy()


def main():
    """Time all, print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    raw = data.load_mnist()
    x, y = raw.train.x[..., None] / np.float32(255), raw.train.y.astype("int32")
    print(f"{raw.source}; batches of {BATCH_SIZE}, median of {rounds} rounds")
    for name, build in NETWORKS.items():
        keras.utils.set_random_seed(0)
        flops = speed.training_flops(build()) * len(x)
        ways = {
            "`fit`": with_fit(build, x, y),
            "`fit`, 43 steps per execution": with_fit(build, x, y, steps_per_execution=43),
            "`fit`, the same, XLA": with_fit(build, x, y, steps_per_execution=43, jit_compile=True),
            "one compiled loop": with_loop(build, x, y),
            "... no batches drawn": with_loop(build, x, y, gather=False),
            "... nor Adam's update": with_loop(build, x, y, gather=False, update=False),
            "the products alone": with_arithmetic(build, x, len(x) // BATCH_SIZE),
        }
        products = []  # the quickest product of each round
        beside = {"product": lambda found=products: found.append(rates.matmul_rate())}
        seconds, _ = speed.time_in_turn(ways | beside, rounds=rounds)
        rate = np.median(products[1:])
        print(f"\n{name}: {flops / 1e9:.0f} billion operations an epoch.\n")
        print("| what runs | s/epoch | billion operations/s | of a large product's rate |")
        print("|---|--:|--:|--:|")
        for way in ways:
            median = np.median(seconds[way])
            print(
                f"| {way} | {median:.2f} | {flops / median / 1e9:.0f} "
                f"| {100 * flops / median / rate:.0f} % |"
            )
        print(f"| a product of 2048 x 2048 matrices | | {rate / 1e9:.0f} | 100 % |")


if __name__ == "__main__":
    print_anything()
    main()
