"""One table that judges all generators of digits alike, and real digits beside them.

    .venv/bin/python benchmarks/generators.py [--seeds 0 1] [--only NAME ...] [--keep]

Every generator learns from the 55,000 training digits by its lesson's recipe, none of which was
searched here, and draws 5,000 digits, 500 of each kind if it can be told which. An independent
convolutional network, which learns from the same training digits with a seed of its own, judges
them: the share read as asked; by its 64 features the Fréchet distance from 5,000 test digits, and
precision, recall and coverage (k = 5) beside them; and the median distance in pixels from 1,000 of
them to the nearest training digit, over that of real test digits. The other 5,000 test digits, as
they are and restored from 32 numbers, and copies of training digits are the controls. (The test
digits are shuffled first: MNIST's two halves come from different groups of writers.)

A family is one function in `FAMILIES`: it trains, and returns a list of `Generator`. With --keep
each row goes into the table that lesson 21 shows, in place of the same one before. Seconds are
those of the processor; on two quiet cores divide them by about 1.7. About four minutes a seed.
"""

import argparse
import datetime
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # several threads wait for one another

from dlkit import machine  # noqa: E402

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers, ops  # noqa: E402

from dlkit import data, judging, measured, models  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.scratch import activations, autoencoders  # noqa: E402

KINDS, NOTHING, DRAWN, COMPARED = 10, 10, 5000, 1000
AT_ONCE = 1 if keras.backend.backend() == "torch" else 20  # steps between two looks of Python


class Generator(NamedTuple):
    """What a family returns: draw(asked, rng) gives pictures (n, 28, 28, 1) in [0, 1]."""

    name: str
    draw: Callable
    can_be_told: bool
    train_seconds: float


def gray(images):
    """Grey values from 0 to 1, with a channel axis."""
    return images[..., None] / np.float32(255)


def falling(rate, examples, batch_size, epochs):
    """Adam whose rate falls to 0 along a cosine."""
    steps = epochs * -(-examples // batch_size)
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))


def predict(model, x):
    """What a model says of all of x, in large batches."""
    return model.predict(x, batch_size=1000, verbose=0)


# ---- Lesson 19: variational autoencoders -----------------------------------------------------


def pixel_nats(y_true, logits):
    """-log p(x | z), added up over the pixels."""
    losses = ops.binary_crossentropy(y_true, logits, from_logits=True)
    return ops.sum(losses, axis=-1)


def _vae(x, y, seed, told, epochs=6, numbers=16, units=256):
    """Lesson 19's; told the digit, both halves get it one-hot as further inputs."""
    keras.utils.set_random_seed(seed)
    begun, rng = time.process_time(), np.random.default_rng(seed)
    x, kinds = x.reshape(len(x), -1), np.eye(KINDS, dtype="float32")
    pixels, kind = keras.Input((x.shape[1],)), keras.Input((KINDS,))
    code = keras.Input((numbers,))

    def with_kind(h):
        return layers.Concatenate()([h, kind]) if told else h

    h = layers.Dense(units, "relu")(with_kind(pixels))
    drawn = models.GaussianCode()(layers.Dense(2 * numbers)(h))
    logits = layers.Dense(x.shape[1])(layers.Dense(units, "relu")(with_kind(code)))
    decoder = keras.Model([code, kind] if told else code, logits)
    inputs = [pixels, kind] if told else pixels
    model = keras.Model(inputs, decoder([drawn, kind] if told else drawn))
    model.compile(falling(3e-3, len(x), 128, epochs), pixel_nats, steps_per_execution=AT_ONCE)
    for _ in range(epochs):
        black = (rng.random(x.shape, dtype="float32") < x).astype("float32")
        given = [black, kinds[y]] if told else black
        model.fit(given, black, batch_size=128, verbose=0)

    def draw(asked, rng):
        z = rng.normal(size=(len(asked), numbers)).astype("float32")
        logits = predict(decoder, [z, kinds[asked]] if told else z)
        return activations.sigmoid(logits).reshape(len(asked), 28, 28, 1)

    name = "VAE, told the digit" if told else "VAE of lesson 19"
    return [Generator(name, draw, told, time.process_time() - begun)]


def vae(x, y, seed):
    """As in lesson 19: it draws whatever comes."""
    return _vae(x, y, seed, told=False)


def vae_told(x, y, seed):
    """The same, told the digit."""
    return _vae(x, y, seed, told=True)


# ---- Lesson 20: a GAN ------------------------------------------------------------------------


def gan(x, y, seed, rounds=2000):
    """Lesson 20's, by its own script: it draws 64 principal components of the digit asked for."""
    sys.path.append(str(Path(__file__).parent))
    import gans

    begun, flat = time.process_time(), x.reshape(len(x), -1)
    pca = autoencoders.PCA(gans.CODE).fit(flat[:20_000])
    numbers = pca.transform(flat)
    unit, kinds = numbers[:20_000].std(), np.eye(KINDS, dtype="float32")
    rows, labels = (numbers / unit).astype("float32"), kinds[y]
    generator, judge = gans.build_players(seed)
    trainers = gans.build_trainers(generator, judge, rounds)
    rng = np.random.default_rng(seed)
    for _ in range(rounds):
        gans.play_round(generator, judge, trainers, rows, labels, rng)

    def draw(asked, rng):
        z = rng.normal(size=(len(asked), gans.NOISE)).astype("float32")
        made = pca.inverse_transform(predict(generator, [z, kinds[asked]]) * unit)
        return np.clip(made, 0, 1).reshape(len(asked), 28, 28, 1)

    return [Generator("GAN of lesson 20", draw, True, time.process_time() - begun)]


# ---- Lesson 21: diffusion --------------------------------------------------------------------


def build_velocity(numbers, width=256, blocks=3):
    """Lesson 21's residual network: a velocity for a place, a time and a class."""
    place, t, asked = keras.Input((numbers,)), keras.Input((1,)), keras.Input((), dtype="int32")
    angles = t * (np.pi * 2.0 ** np.arange(6)).astype("float32").reshape(1, 6)
    waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
    told = layers.Dense(width)(waves) + layers.Embedding(KINDS + 1, width)(asked)
    h = layers.Dense(width)(place)
    for _ in range(blocks):
        inner = layers.LayerNormalization()(h + told)
        h = h + layers.Dense(width)(layers.Dense(width, "silu")(inner))
    return keras.Model([place, t, asked], layers.Dense(numbers)(layers.LayerNormalization()(h)))


def train_velocity(network, rows, y, epochs, seed):
    """Flow matching: fresh noise and times in each epoch; a tenth of the classes left out."""
    rng = np.random.default_rng(seed)
    network.compile(falling(2e-3, len(rows), 256, epochs), "mse", steps_per_execution=AT_ONCE)
    for _ in range(epochs):
        noise = rng.normal(size=rows.shape).astype("float32")
        t = activations.sigmoid(rng.normal(size=(len(rows), 1))).astype("float32")
        asked = np.where(rng.random(len(rows)) < 0.1, NOTHING, y).astype("int32")
        given = [(1 - t) * noise + t * rows, t, asked]
        network.fit(given, rows - noise, batch_size=256, verbose=0)


def follow(network, asked, numbers, guidance, rng, steps=20):
    """Euler's steps from noise, pushed towards the classes asked for."""
    asked = np.asarray(asked, "int32")
    place = rng.normal(size=(len(asked), numbers)).astype("float32")
    for i in range(steps):
        t = np.full((len(asked), 1), i / steps, "float32")
        v = predict(network, [place, t, asked])
        if guidance != 1:
            untold = predict(network, [place, t, np.full_like(asked, NOTHING)])
            v = untold + guidance * (v - untold)
        place = place + v / steps
    return place


def build_autoencoder(numbers=32):
    """Lesson 21's: the whole, its encoder and its decoder."""
    pictures = keras.Input((28, 28, 1))
    h = layers.Dense(512, "relu")(layers.Flatten()(pictures))
    code = layers.Dense(numbers)(h)
    code = layers.BatchNormalization(scale=False, center=False, momentum=0.9)(code)
    encoder, z = keras.Model(pictures, code), keras.Input((numbers,))
    h = layers.Dense(784, "sigmoid")(layers.Dense(512, "relu")(z))
    decoder = keras.Model(z, layers.Reshape((28, 28, 1))(h))
    noisy = layers.GaussianNoise(0.1)(encoder.output)
    return keras.Model(pictures, decoder(noisy)), encoder, decoder


def codes(x, y, seed, epochs=4, flow_epochs=12):
    """Codes of an autoencoder, drawn from a Gaussian of each digit, and by diffusion."""
    keras.utils.set_random_seed(seed)
    begun = time.process_time()
    whole, encoder, decoder = build_autoencoder()
    optimizer = falling(3e-3, len(x), 128, epochs)
    whole.compile(optimizer, "binary_crossentropy", steps_per_execution=AT_ONCE)
    whole.fit(x, x, batch_size=128, epochs=epochs, verbose=0)
    rows = predict(encoder, x)
    first = time.process_time() - begun

    def by_gaussian(asked, rng):
        drawn = np.zeros((len(asked), rows.shape[1]), "float32")
        for kind in np.unique(asked):
            mine, at = rows[y == kind], np.flatnonzero(asked == kind)
            drawn[at] = rng.multivariate_normal(mine.mean(axis=0), np.cov(mine.T), len(at))
        return predict(decoder, drawn)

    network = build_velocity(rows.shape[1])
    train_velocity(network, rows, y, flow_epochs, seed)
    seconds = time.process_time() - begun

    def by_flow(guidance):
        def draw(asked, rng):
            return predict(decoder, follow(network, asked, rows.shape[1], guidance, rng))

        return draw

    made = [Generator("codes from a Gaussian of the digit", by_gaussian, True, first)]
    for w in (1, 2):
        made.append(Generator(f"diffusion of codes, w = {w}", by_flow(w), True, seconds))
    made.append(Generator("(test digits, restored)", lambda x: predict(whole, x), True, first))
    return made


def pixels(x, y, seed, epochs=12):
    """Lesson 21's network on the pixels themselves, scaled to -1 to 1: for as many steps."""
    keras.utils.set_random_seed(seed)
    begun, rows = time.process_time(), 2 * x.reshape(len(x), -1) - 1
    network = build_velocity(rows.shape[1])
    train_velocity(network, rows, y, epochs, seed)

    def draw(asked, rng):
        made = follow(network, asked, rows.shape[1], 2, rng)
        return np.clip((made + 1) / 2, 0, 1).reshape(len(asked), 28, 28, 1)

    return [Generator("diffusion of pixels, w = 2", draw, True, time.process_time() - begun)]


def real(x, y, seed):
    """Controls that need no training: other test digits, and copies of training digits."""

    def copy(asked, rng):
        return x[[rng.choice(np.flatnonzero(y == kind)) for kind in asked]]

    return [
        Generator("(test digits)", lambda x: x, True, 0.0),
        Generator("(copies of training digits)", copy, True, 0.0),
    ]


FAMILIES = {
    "real": real,
    "vae": vae,
    "vae_told": vae_told,
    "gan": gan,
    "codes": codes,
    "pixels": pixels,
}

# ---- The judge -------------------------------------------------------------------------------


def train_judge(x, y, epochs=2):
    """A network that gives 64 features and 10 logits of a picture."""
    keras.utils.set_random_seed(100)
    pictures = keras.Input((28, 28, 1))
    features = models.convnet((28, 28, 1), 64)(pictures)
    logits = layers.Dense(KINDS)(layers.ReLU()(features))
    judge = keras.Model(pictures, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    judge.compile(falling(3e-3, len(x), 128, epochs), loss, steps_per_execution=AT_ONCE)
    judge.fit(x, y, batch_size=128, epochs=epochs, verbose=0)
    return keras.Model(pictures, [features, logits])


def measure(generator, seed, judge, x_train, x_test, y_test):
    """One row of the table. The name of a control that is given test digits is in brackets."""
    half = min(DRAWN, len(x_test) // 2)
    given, asked, others = x_test[:half], y_test[:half], x_test[half:]
    begun = time.process_time()
    if generator.name.startswith("(test"):
        pictures = generator.draw(given)
    else:
        asked = np.arange(half) % KINDS
        pictures = generator.draw(asked, np.random.default_rng([7, seed]))
    seconds = time.process_time() - begun
    features, logits = predict(judge, pictures)
    known, _ = predict(judge, others)
    support = judging.support(known[: len(features)], features)
    train_rows = x_train.reshape(len(x_train), -1)
    apart = [
        np.median(judging.nearest_examples(rows.reshape(len(rows), -1), train_rows).distances)
        for rows in (pictures[:COMPARED], given[:COMPARED])
    ]
    as_asked = judging.share_as_asked(logits, asked) if generator.can_be_told else None
    return {
        "name": generator.name,
        "seed": seed,
        "as_asked": as_asked if as_asked is None else round(as_asked, 4),
        "frechet": round(judging.frechet_distance(features, known), 2),
        "precision": round(support.precision, 3),
        "recall": round(support.recall, 3),
        "coverage": round(support.coverage, 3),
        "nearest": round(float(apart[0] / apart[1]), 3),
        "train_seconds": round(generator.train_seconds, 1),
        "draw_seconds": round(seconds, 2),
    }


def show(rows):
    """Print the table in Markdown."""
    columns = [key for key in rows[0] if key != "name"]
    print("\n| generator | " + " | ".join(columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for row in rows:
        values = ("–" if row[key] is None else str(row[key]) for key in columns)
        print(f"| {row['name']} | " + " | ".join(values) + " |")


def keep(row, path):
    """Put one row into the table, in place of the same generator and seed before."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
    found = {(entry["name"], entry["seed"]): entry for entry in [*table["rows"], row]}
    made = {
        "date": datetime.date.today().isoformat(),
        "hardware": machine.report(),
        "versions": f"Keras {keras.__version__} on {keras.backend.backend()}",
        "measure": f"{DRAWN} drawn beside {DRAWN} test digits; processor seconds",
        "rows": [found[key] for key in sorted(found, key=lambda key: (key[0], key[1]))],
    }
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load():
    """x_train, y_train, x_test, y_test: pictures in [0, 1], and labels."""
    mnist = data.load_mnist()
    if mnist.is_sample:
        raise SystemExit("The table needs MNIST; the sample would say nothing of it.")
    # The first half of the test digits comes from other writers than the second: shuffle them.
    mixed = np.random.default_rng(0).permutation(len(mnist.test.x))
    x_test, y_test = gray(mnist.test.x[mixed]), mnist.test.y[mixed]
    return gray(mnist.train.x), mnist.train.y, x_test, y_test


def main():
    """Measure, show, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--keep", action="store_true", help="put it into the lesson's table")
    options = parser.parse_args()
    x_train, y_train, x_test, y_test = load()
    judge, rows = train_judge(x_train, y_train), []
    for seed in options.seeds:
        for family in options.only:
            for generator in FAMILIES[family](x_train, y_train, seed):
                rows.append(measure(generator, seed, judge, x_train, x_test, y_test))
                print(rows[-1], flush=True)
                if options.keep:
                    keep(rows[-1], measured.GENERATORS)
    show(rows)


if __name__ == "__main__":
    print_anything()
    main()
