"""How many nats a digit costs: lesson 19's VAE, trained longer, and the shape of a published one.

    .venv/bin/python benchmarks/autoencoders.py [--seeds 0 1] [--only NAME ...] [--keep]

Every arm learns from the 55,000 training digits, black and white drawn afresh in each epoch, with
one draw of the code per digit, in batches of 128, by Adam whose rate falls from 0.003 to 0 along a
cosine; the rate was not searched. Burda, Grosse and Salakhutdinov (2016, arXiv:1509.00519) report
86.8 nats for the shape "two layers of 200, 50 numbers": after 3,280 epochs in batches of 20, by a
bound from 5,000 draws, on the test digits. Here nothing reads the test digits: the bound is from
200 draws, on the first 500 validation digits. A judge, lesson 19's, says which share of 1,000 draws
it takes for a digit. With --keep each run goes into the table that lesson 19 shows, in place of the
same run before. Processor seconds are those of training; on two quiet cores divide them by
about 1.7. About six minutes a seed on two quiet cores.
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

from dlkit import data, measured, models  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402
from dlkit.scratch import activations, autoencoders  # noqa: E402

LESSON = {"numbers": 16, "hidden": [256], "activation": "relu"}
PAPER = {"numbers": 50, "hidden": [200, 200], "activation": "tanh"}
ARMS = {
    "lesson 19, 6 epochs": LESSON | {"epochs": 6},
    "lesson 19, 24 epochs": LESSON | {"epochs": 24},
    "two layers of 200, 6 epochs": PAPER | {"epochs": 6},
    "two layers of 200, 24 epochs": PAPER | {"epochs": 24},
}
DRAWS, DIGITS, DRAWN = 200, 500, 1000


def load():
    """x_train, y_train, x_val: grey values in [0, 1], a row a digit, and labels."""
    mnist = data.load_mnist()
    if mnist.is_sample:
        raise SystemExit("The table needs MNIST; the sample would say nothing of it.")
    x_train, x_val = (
        part.x.reshape(len(part.x), -1) / np.float32(255) for part in (mnist.train, mnist.val)
    )
    return x_train, mnist.train.y, x_val


def binarize(gray, rng):
    """Black (1) with the grey value as the probability, else white (0)."""
    return (rng.random(gray.shape, dtype="float32") < gray).astype("float32")


def pixel_nats(y_true, logits):
    """-log p(x | z): binary cross-entropy, added up over the pixels."""
    losses = keras.ops.binary_crossentropy(y_true, logits, from_logits=True)
    return keras.ops.sum(losses, axis=-1)


def falling(rate, steps):
    """Adam whose rate falls to 0 along a cosine."""
    return keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps))


def build(arm, seed, pixels=784):
    """The whole model, its encoder (means and logarithms of variances), its decoder (logits)."""
    keras.utils.set_random_seed(seed)
    inputs = h = keras.Input((pixels,))
    for units in arm["hidden"]:
        h = keras.layers.Dense(units, arm["activation"])(h)
    parameters = keras.layers.Dense(2 * arm["numbers"])(h)
    code = models.GaussianCode()(parameters)
    z = h = keras.Input((arm["numbers"],))
    for units in arm["hidden"][::-1]:
        h = keras.layers.Dense(units, arm["activation"])(h)
    decoder = keras.Model(z, keras.layers.Dense(pixels)(h))
    return keras.Model(inputs, decoder(code)), keras.Model(inputs, parameters), decoder


def predict(model, x):
    """What a model says of all of x, in large batches."""
    return model.predict(x, batch_size=1000, verbose=0)


def bound(encoder, decoder, black, draws, rng):
    """-log p(x) at most, in nats per digit: the mean of the importance-weighted bound."""
    mean, log_variance = np.split(predict(encoder, black), 2, axis=1)
    log_weights = []
    for _ in range(draws):
        noise = rng.normal(size=mean.shape).astype("float32")
        z = autoencoders.reparametrize(mean, log_variance, noise)
        log_weight = autoencoders.bernoulli_log_likelihood(black, predict(decoder, z))
        log_weight = log_weight + autoencoders.gaussian_log_density(z, 0.0, 0.0)
        log_weights.append(log_weight - autoencoders.gaussian_log_density(z, mean, log_variance))
    return float(-autoencoders.importance_weighted_bound(np.array(log_weights)).mean())


def train_judge(x, y, epochs=3):
    """A network that reads black and white digits, by lesson 19's recipe."""
    keras.utils.set_random_seed(0)
    parts = [models.mlp((x.shape[1],), 10, units=(256,)), keras.layers.Softmax()]
    judge = keras.Sequential([keras.Input((x.shape[1],)), *parts])
    steps = epochs * -(-len(x) // 128)
    judge.compile(falling(2e-3, steps), "sparse_categorical_crossentropy")
    judge.fit((x > 0.5).astype("float32"), y, batch_size=128, epochs=epochs, verbose=0)
    return judge


def share_taken(judge, pictures):
    """Share of pictures to which the judge gives one class a probability of 0.9 or more."""
    p = predict(judge, (pictures > 0.5).astype("float32"))
    return float(np.mean(p.max(axis=1) >= 0.9))


def measure(name, arm, seed, x_train, x_val, judge):
    """Train one arm; a row of the table."""
    model, encoder, decoder = build(arm, seed, x_train.shape[1])
    steps = arm["epochs"] * -(-len(x_train) // 128)
    model.compile(falling(3e-3, steps), pixel_nats, steps_per_execution=10)
    rng, seconds = np.random.default_rng(seed), 0.0
    for _ in range(arm["epochs"]):
        black = binarize(x_train, rng)
        begun = time.process_time()
        model.fit(black, black, batch_size=128, verbose=0)
        seconds += time.process_time() - begun
    fixed = np.random.default_rng(2)  # the same pixels for every arm
    black = binarize(x_val, fixed)
    mean, log_variance = np.split(predict(encoder, black), 2, axis=1)
    codes = autoencoders.gaussian_kl(mean, log_variance).mean(axis=0)
    z = fixed.normal(size=(DRAWN, arm["numbers"])).astype("float32")
    return {
        "name": name,
        "seed": seed,
        "epochs": arm["epochs"],
        "parameters": model.count_params() - 1,  # beta is none
        "processor_seconds": round(seconds, 1),
        "minus_elbo": round(float(model.evaluate(black, black, batch_size=1000, verbose=0)), 2),
        "bound": round(bound(encoder, decoder, black[:DIGITS], DRAWS, fixed), 2),
        "code_nats": round(float(codes.sum()), 2),
        "numbers_in_use": int(np.sum(codes > 0.1)),
        "taken_for_digits": round(share_taken(judge, activations.sigmoid(predict(decoder, z))), 3),
    }


def show(rows):
    """Print the table in Markdown."""
    print("\n| arm | seed | parameters | processor s | -ELBO | bound | code | in use | digits |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(
            f"| {row['name']} | {row['seed']} | {row['parameters']:,} | "
            f"{row['processor_seconds']} | {row['minus_elbo']:.1f} | {row['bound']:.1f} | "
            f"{row['code_nats']:.1f} | {row['numbers_in_use']} | {row['taken_for_digits']:.0%} |"
        )


def keep(row, path):
    """Put one run into the table, in place of the same run before."""
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": []}
    found = {(entry["name"], entry["seed"]): entry for entry in [*table["rows"], row]}
    order = sorted(found, key=lambda key: (list(ARMS).index(key[0]), key[1]))
    made = {
        "date": datetime.date.today().isoformat(),
        "hardware": machine.report(),
        "versions": f"Keras {keras.__version__} on {keras.backend.backend()}",
        "measure": f"validation digits; bound from {DRAWS} draws on {DIGITS} of them",
        "rows": [found[key] for key in order],
    }
    path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def main():
    """Measure, show, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", choices=ARMS, default=list(ARMS), metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="put it into the lesson's table")
    options = parser.parse_args()
    x_train, y_train, x_val = load()
    judge, rows = train_judge(x_train, y_train), []
    for seed in options.seeds:
        for name in options.only:
            rows.append(measure(name, ARMS[name], seed, x_train, x_val, judge))
            print(rows[-1], flush=True)
            if options.keep:
                keep(rows[-1], measured.AUTOENCODERS)
    show(rows)


if __name__ == "__main__":
    print_anything()
    main()
