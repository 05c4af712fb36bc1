"""How often a GAN collapses, and what the cures are worth: lesson 20's games, over more seeds.

    .venv/bin/python benchmarks/gans.py [--seeds 0 1 …] [--only NAME ...] [--keep]

Games on the ring are lesson 20's, by the layers of dlkit.scratch: two hidden layers of 32 units
each, batches of 64, Adam with a rate of 0.003 (not searched), 900 rounds. A heap is reached if 2 %
of 2,000 fakes are within 0.25 of it. Games of digits are lesson 20's in Keras: 64 principal
components a digit, two hidden layers of 256 units, batches of 128, Adam whose rate falls from 0.003
to 0 along a cosine; penalty 0.03 where there is one. A small CNN, trained on training digits with
their labels, reads 1,000 drawn digits. Nothing reads the test digits. With --keep each run goes
into the table that lesson 20 shows, in place of the same run before. Processor seconds are those
of training. About 8 processor seconds a seed for the ring, 150 for the digits.
"""

import argparse
import datetime
import json
import os
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # several threads wait for one another

from dlkit import machine  # noqa: E402

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402

from dlkit import data, measured  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.scratch import autoencoders, optimizers  # noqa: E402
from dlkit.scratch import layers as by_hand  # noqa: E402
from dlkit.scratch.activations import sigmoid  # noqa: E402
from dlkit.scratch.sequential import Sequential  # noqa: E402

RING = {
    "1 step": {},
    "5 steps": {"judge_steps": 5},
    "5 steps, saturating": {"judge_steps": 5, "saturating": True},
    "5 steps, penalty": {"judge_steps": 5, "penalty": 0.1},
    "momentum 0.9": {"momentum": 0.9},
    "momentum 0.9, penalty": {"momentum": 0.9, "penalty": 0.1},
}
DIGITS = {
    "pairs, penalties": {"rounds": 800},
    "pairs, no penalty": {"rounds": 800, "penalty": 0.0},
    "one by one, penalties": {"rounds": 800, "in_pairs": False},
    "pairs, penalties, momentum 0.5": {"rounds": 800, "momentum": 0.5},
    "pairs, penalties, 2,000 rounds": {"rounds": 2000},
    "pairs, penalties, 6,000 rounds": {"rounds": 6000},
}
NUDGE, CODE, NOISE = 0.01, 64, 32
ANGLES = 2 * np.pi * np.arange(8) / 8
CENTERS = 2 * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)

# ---- the ring --------------------------------------------------------------------------------


def draw_ring(n, rng):
    """Real points: eight heaps on a ring of radius 2."""
    return CENTERS[rng.integers(0, 8, n)] + 0.05 * rng.normal(size=(n, 2))


def count_heaps(points):
    """How many heaps are reached, and the share of points near one."""
    distances = np.linalg.norm(points[:, np.newaxis] - CENTERS, axis=2)
    is_near = distances.min(axis=1) < 0.25
    counts = np.bincount(distances.argmin(axis=1)[is_near], minlength=8)
    return int(np.sum(counts >= 0.02 * len(points))), float(is_near.mean())


def judge_step(judge, optimizer, real, fake, penalty, rng):
    """One step of the discriminator; a penalty is paid along random directions."""
    n, points = len(real), np.concatenate([real, fake])
    if penalty:
        points = np.concatenate([points, points + NUDGE * rng.normal(size=points.shape)])
    logits = judge(points)
    of_logits = np.concatenate([-sigmoid(-logits[:n]), sigmoid(logits[n : 2 * n])])
    if penalty:
        of_nudged = penalty * (logits[2 * n :] - logits[: 2 * n]) / NUDGE**2
        of_logits = np.concatenate([of_logits - of_nudged, of_nudged])
    judge.backward(of_logits / n)
    optimizer.apply(judge.gradients, judge.trainable_variables)


def play_ring(seed, judge_steps=1, penalty=0.0, momentum=0.5, saturating=False, rounds=900):
    """2,000 fakes of a generator at the end of its game."""
    rng = np.random.default_rng(seed)

    def net(outputs, seed):
        hidden = [by_hand.Dense(32, "relu"), by_hand.Dense(32, "relu")]
        return Sequential([*hidden, by_hand.Dense(outputs)], seed=seed)

    generator, judge = net(2, seed), net(1, seed + 100)
    generator_adam, judge_adam = (optimizers.Adam(0.003, momentum, 0.99) for _ in range(2))
    for _ in range(rounds):
        for _ in range(judge_steps):
            fake = generator(rng.normal(size=(64, 8)))
            judge_step(judge, judge_adam, draw_ring(64, rng), fake, penalty, rng)
        logits = judge(generator(rng.normal(size=(64, 8))))
        of_logits = -sigmoid(logits) if saturating else -sigmoid(-logits)
        generator.backward(judge.backward(of_logits / 64))
        generator_adam.apply(generator.gradients, generator.trainable_variables)
    return generator(rng.normal(size=(2000, 8)))


# ---- digits ----------------------------------------------------------------------------------


class Digits:
    """Training and validation digits as 64 numbers each, the way back, and a reader.

    Args:
        mnist: what `data.load_mnist` gives.
        epochs: of the reader.
    """

    def __init__(self, mnist, epochs=2):
        x_train, x_val = (
            part.x.reshape(len(part.x), -1) / np.float32(255) for part in (mnist.train, mnist.val)
        )
        self.pca = autoencoders.PCA(CODE).fit(x_train[:20_000])
        self.unit = self.pca.transform(x_train[:20_000]).std()
        self.train, self.val = self.encode(x_train), self.encode(x_val)
        self.y_train, self.y_val = mnist.train.y, mnist.val.y
        keras.utils.set_random_seed(0)
        self.reader = keras.Sequential(
            [
                keras.Input((784,)),
                layers.Reshape((28, 28, 1)),
                layers.Conv2D(16, 5, strides=2, padding="same", activation="relu"),
                layers.Conv2D(32, 3, strides=2, padding="same", activation="relu"),
                layers.Flatten(),
                layers.Dense(64, "relu"),
                layers.Dense(10),
            ]
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.reader.compile(falling(3e-3, epochs * -(-len(x_train) // 128)), loss)
        self.reader.fit(x_train, self.y_train, batch_size=128, epochs=epochs, verbose=0)

    def encode(self, pixels):
        """64 numbers a digit, in a common unit."""
        return (self.pca.transform(pixels) / self.unit).astype("float32")

    def read(self, codes):
        """Which digit the reader takes each for."""
        pixels = np.clip(self.pca.inverse_transform(codes * self.unit), 0, 1)
        return self.reader.predict(pixels, batch_size=500, verbose=0).argmax(axis=1)


def falling(rate, steps, **options):
    """Adam whose rate falls to 0 along a cosine."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    return keras.optimizers.Adam(schedule, **options)


def build_players(seed, code=CODE, units=256):
    """Generator: noise and label to code. Discriminator: code and label to logit."""
    keras.utils.set_random_seed(seed)
    z, label = keras.Input((NOISE,)), keras.Input((10,))
    h = layers.Concatenate()([z, label])
    for _ in range(2):
        h = layers.Dense(units, "relu")(h)
    generator = keras.Model([z, label], layers.Dense(code)(h))
    digit, kind = keras.Input((code,)), keras.Input((10,))
    h = layers.Concatenate()([digit, kind])
    for _ in range(2):
        h = layers.LeakyReLU(0.2)(layers.Dense(units)(h))
    return generator, keras.Model([digit, kind], layers.Dense(1)(h))


def mean_of_output(_, output):
    """The output is the loss."""
    return ops.mean(output)


def build_trainers(generator, judge, rounds, penalty=0.03, in_pairs=True, momentum=0.0):
    """The discriminator's model and the generator's: what they put out is to be made small."""
    real, z, label = (keras.Input((size,)) for size in (judge.inputs[0].shape[1], NOISE, 10))
    fake = generator([z, label])
    of_real, of_fake = judge([real, label]), judge([fake, label])
    if in_pairs:
        judge_loss, loss = ops.softplus(of_fake - of_real), ops.softplus(of_real - of_fake)
    else:
        judge_loss = ops.softplus(-of_real) + ops.softplus(of_fake)
        loss = ops.softplus(-of_fake) + 0 * of_real
    if penalty:
        for digit, logit in ((real, of_real), (fake, of_fake)):
            moved = layers.GaussianNoise(NUDGE)(digit)
            steep = ops.square((judge([moved, label]) - logit) / NUDGE)
            judge_loss = judge_loss + penalty / 2 * steep
    trainers = [keras.Model([real, z, label], one) for one in (judge_loss, loss)]
    for trainer in trainers:
        trainer.compile(falling(0.003, rounds, beta_1=momentum, beta_2=0.99), mean_of_output)
    return trainers


def play_round(generator, judge, trainers, codes, labels, rng, batch=128):
    """One step of the discriminator, and then one of the generator; each holds the other fast."""
    for trainer, judge_learns in zip(trainers, (True, False), strict=True):
        judge.trainable, generator.trainable = judge_learns, not judge_learns
        rows = rng.integers(0, len(codes), batch)
        z = rng.normal(size=(batch, NOISE)).astype("float32")
        trainer.train_on_batch([codes[rows], z, labels[rows]], np.zeros((batch, 1)))
    judge.trainable = generator.trainable = True


def measure_digits(digits, seed, rounds, **settings):
    """Train one arm; what is measured of 1,000 drawn digits."""
    generator, judge = build_players(seed)
    trainers = build_trainers(generator, judge, rounds, **settings)
    rng, labels = np.random.default_rng(seed), np.eye(10, dtype="float32")[digits.y_train]
    begun = time.process_time()
    for _ in range(rounds):
        play_round(generator, judge, trainers, digits.train, labels, rng)
    seconds = time.process_time() - begun
    asked = np.arange(1000) % 10
    z = rng.normal(size=(1000, NOISE)).astype("float32")
    drawn = generator.predict([z, np.eye(10, dtype="float32")[asked]], batch_size=500, verbose=0)
    return {
        "processor_seconds": round(seconds, 1),
        "read_as_asked": round(float(np.mean(digits.read(drawn) == asked)), 3),
        "nearest_train": round(median_nearest(drawn[:300], digits.train), 3),
        "nearest_train_of_real": round(median_nearest(digits.val[:300], digits.train), 3),
    }


def median_nearest(codes, train):
    """Median distance from a code to the nearest training code."""
    squares = np.sum(train**2, axis=1)
    return float(
        np.median([np.sqrt(np.min(squares - 2 * train @ code) + code @ code) for code in codes])
    )


# ---- the table -------------------------------------------------------------------------------


def keep(part, row, path):
    """Put one run into the table, in place of the same run before."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found = {(entry["name"], entry["seed"]): entry for entry in [*table.get(part, []), row]}
    order = list({"ring": RING, "digits": DIGITS}[part])
    made = {
        "date": datetime.date.today().isoformat(),
        "hardware": machine.report(),
        "versions": f"Keras {keras.__version__} on {keras.backend.backend()}",
        "ring": table.get("ring", []),
        "digits": table.get("digits", []),
    }
    made[part] = [
        found[key] for key in sorted(found, key=lambda key: (order.index(key[0]), key[1]))
    ]
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def main():
    """Measure, show, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    names = [*RING, *DIGITS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="put it into the lesson's table")
    options = parser.parse_args()
    digits = None
    for name in options.only:
        for seed in options.seeds:
            row = {"name": name, "seed": seed}
            if name in RING:
                begun = time.process_time()
                heaps, near = count_heaps(play_ring(seed, **RING[name]))
                seconds = round(time.process_time() - begun, 1)
                row |= {"heaps": heaps, "near": round(near, 3), "processor_seconds": seconds}
            else:
                if digits is None:
                    mnist = data.load_mnist()
                    if mnist.is_sample:
                        raise SystemExit("The table needs MNIST; the sample would say nothing.")
                    digits = Digits(mnist)
                row |= measure_digits(digits, seed, **DIGITS[name])
            print(row, flush=True)
            if options.keep:
                keep("ring" if name in RING else "digits", row, measured.GANS)


if __name__ == "__main__":
    print_anything()
    main()
