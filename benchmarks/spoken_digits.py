"""Spoken digits: six voices on the official split, and a new voice, six times, cure by cure.

    .venv/bin/python benchmarks/spoken_digits.py [--seeds 2] [--only ARM ...] [--keep]

Every arm has the same network and the same recipe; none was tuned. All take the same number of
steps, but for two, which take three times as many, with copies and without. The recipe was set on
the official validation set with seed 0. Three arms were added when the others had been seen
("shifts and speeds" and what is beside it); all arms that were tried are in the table.

- *official*: trained on recordings 10 to 49 of each digit and speaker, read on 0 to 4.
- *a new voice*: six times, one speaker is left out and read, by a network trained on the 2,500
  recordings of the other five. That is 100 recordings more than in the official split, so a fall
  is not for want of recordings.
- *voices, not recordings*: 400 recordings of one, two or five speakers, the same number of
  steps, read on a speaker who is not among them.

What was trained lies in build/spoken_digits, and a later run goes on from there, or starts with
--again. Seconds are processor seconds in one thread. An hour of one quiet core for two seeds; the
waves, what takes three times the steps, and the voices have one.
"""

import argparse
import datetime
import json
import os
import time
from functools import cache
from itertools import product
from pathlib import Path

for _name in ("OPENBLAS_NUM", "OMP_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP"):
    os.environ.setdefault(f"{_name}_THREADS", "1")

from dlkit import machine  # noqa: E402

print(machine.start_keras())

import keras  # noqa: E402
import numpy as np  # noqa: E402

from dlkit import data, measured, sound  # noqa: E402
from dlkit.machine import print_anything  # noqa: E402

BUILD = Path(__file__).resolve().parents[1] / "build" / "spoken_digits"
LENGTH, BATCH, EPOCHS, RATE, COPIES = 8_000, 64, 10, 3e-3, 5
PER_EPOCH = 2_500 // BATCH  # steps, when five of six speakers are learned from
# name: how the recordings are prepared, and what makes the copies that are trained on
ARMS = {
    "as recorded": {},
    "same level": {"level": True},
    "same level, each band's mean taken out": {"level": True, "bands": True},
    "same level, shifts": {"level": True, "shift": 800},
    "same level, noise": {"level": True, "noise": (10, 40)},
    "same level, speeds": {"level": True, "speed": (0.85, 1.18)},
    "same level, all three": {
        "level": True,
        "shift": 800,
        "noise": (10, 40),
        "speed": (0.85, 1.18),
    },
    # The next three came after the others had been seen.
    "same level, shifts and speeds": {"level": True, "shift": 800, "speed": (0.85, 1.18)},
    "same level, three times the steps": {"level": True, "epochs": 3 * EPOCHS},
    "same level, shifts and speeds, three times the steps": {
        "level": True,
        "shift": 800,
        "speed": (0.85, 1.18),
        "epochs": 3 * EPOCHS,
    },
    "wave, same level": {"level": True, "wave": True},
}
VOICES = (1, 2, 5)  # how many speakers 400 recordings are of
FEW = 400


@cache
def load():
    """All recordings as float32 waves, with digit, speaker and part (0 train, 1 val, 2 test)."""
    digits = data.load_spoken_digits()
    if digits.is_sample:
        raise SystemExit("This needs the real recordings; the sample would say nothing of them.")
    parts = (digits.train, digits.val, digits.test)
    waves = [x.astype(np.float32) / 32768 for part in parts for x in part.x]
    y = np.concatenate([part.y for part in parts]).astype(int)
    speaker = np.concatenate([part.speaker for part in parts]).astype(int)
    which = np.repeat([0, 1, 2], [len(part.y) for part in parts])
    return waves, y, speaker, which, digits.speaker_names


def copy_of(wave, arm, rng):
    """One recording as a training copy of an arm: another speed, noise, another place."""
    if "speed" in arm:
        wave = sound.change_speed(wave, rng.uniform(*arm["speed"]))
    if "level" in arm:
        wave = sound.same_level(wave)
    if "noise" in arm:
        wave = sound.add_noise(wave, rng.uniform(*arm["noise"]), rng)
    shift = int(rng.integers(-arm["shift"], arm["shift"] + 1)) if "shift" in arm else 0
    return sound.fit_length(wave, LENGTH, shift=shift)


def inputs(waves, arm):
    """What the network gets: log-mel pictures (n, 39, 32, 1), or the waves (n, 8000, 1)."""
    waves = np.stack(waves)
    if "wave" in arm:
        return waves[..., np.newaxis]
    pictures = sound.log_mel(waves)
    if "bands" in arm:
        pictures = pictures - pictures.mean(axis=1, keepdims=True)
    return pictures[..., np.newaxis]


@cache
def prepared(name):
    """(inputs to read, inputs to train on) of an arm: plain, and a list of copies."""
    arm, waves = ARMS[name], load()[0]
    plain_arm = {key: arm[key] for key in ("level",) if key in arm}
    plain = inputs([copy_of(wave, plain_arm, None) for wave in waves], arm)
    if not {"shift", "noise", "speed"} & set(arm):
        return plain, [plain]
    rng = np.random.default_rng(0)
    copies = [inputs([copy_of(wave, arm, rng) for wave in waves], arm) for _ in range(COPIES)]
    return plain, copies


def build(name, seed):
    """The lesson's network: three convolutions over the picture, or four over the wave."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    if "wave" in ARMS[name]:
        model = keras.Sequential([keras.Input((LENGTH, 1))])
        for filters, size, strides in ((8, 64, 16), (16, 9, 4), (32, 9, 4), (32, 9, 4)):
            model.add(layers.Conv1D(filters, size, strides=strides, padding="same", use_bias=False))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
    else:
        model = keras.Sequential([keras.Input((39, 32, 1))])
        for filters, size in ((8, 5), (16, 3), (32, 3)):
            model.add(layers.Conv2D(filters, size, strides=2, padding="same", use_bias=False))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
    model.add(layers.Flatten())
    model.add(layers.Dropout(0.3))
    model.add(layers.Dense(10))
    steps = ARMS[name].get("epochs", EPOCHS) * PER_EPOCH
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - steps // 4, warmup_target=RATE, warmup_steps=steps // 4
    )
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.optimizer.build(model.trainable_variables)
    return model


def compiled(name):
    """A network whose variables are set anew for each training: each kind is compiled once."""
    arm = ARMS[name]
    kind = "wave" in arm, arm.get("epochs", EPOCHS)
    if kind not in _COMPILED:
        _COMPILED[kind] = build(name, 0)
    return _COMPILED[kind]


_COMPILED: dict = {}


def train(name, chosen, seed, epochs=None):
    """Train an arm on the chosen recordings. Returns logits of all recordings, and seconds.

    ``epochs`` are the arm's own unless they are given.
    """
    epochs = epochs or ARMS[name].get("epochs", EPOCHS)
    plain, copies = prepared(name)
    y = load()[1][chosen]
    mean, spread = plain[chosen].mean(), plain[chosen].std()
    model = compiled(name)
    fresh = build(name, seed)  # this sets the seeds, too
    variables = [*model.variables, *model.optimizer.variables]
    starts = [*fresh.variables, *fresh.optimizer.variables]
    for variable, start in zip(variables, starts, strict=True):
        variable.assign(start)
    started = time.process_time()
    x = np.concatenate([(copy[chosen] - mean) / spread for copy in copies])
    rounds = max(1, epochs // len(copies))
    model.fit(x, np.tile(y, len(copies)), batch_size=BATCH, epochs=rounds, verbose=0)
    seconds = time.process_time() - started
    return model.predict((plain - mean) / spread, batch_size=500, verbose=0), seconds


def kept(key, again, make, *arguments):
    """What was trained before under this key, or what ``make(*arguments)`` trains."""
    path = BUILD / f"{key}.json"
    if path.exists() and not again:
        return json.loads(path.read_text(encoding="utf-8"))
    found = make(*arguments)
    BUILD.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found), encoding="utf-8")
    print(f"  {key}: {found['said']}", flush=True)
    return found


def official(name, seed):
    """The official split: share right of val and test."""
    _, y, _, which, _ = load()
    logits, seconds = train(name, which == 0, seed)
    right = logits.argmax(axis=1) == y
    val, test = right[which == 1].mean(), right[which == 2].mean()
    return {"val": val, "test": test, "seconds": seconds, "said": f"{val:.1%} {test:.1%}"}


def without(name, speaker, seed):
    """One speaker left out: share of his recordings that is read right, and the confusions."""
    _, y, who, _, _ = load()
    logits, seconds = train(name, who != speaker, seed)
    there = who == speaker
    read = logits[there].argmax(axis=1)
    table = np.zeros((10, 10), int)
    np.add.at(table, (y[there], read), 1)
    share = float(np.mean(read == y[there]))
    return {
        "right": share,
        "confusion": table.tolist(),
        "seconds": seconds,
        "said": f"{share:.1%}",
    }


def of_few(voices, speaker, seed):
    """400 recordings of so many speakers, none of them the one who is read."""
    _, y, who, _, names = load()
    rng = np.random.default_rng([seed, speaker, voices])
    others = [number for number in range(len(names)) if number != speaker]
    chosen = []
    for number in rng.permutation(others)[:voices]:
        for digit in range(10):
            there = np.flatnonzero((who == number) & (y == digit))
            chosen.append(rng.permutation(there)[: FEW // 10 // voices])
    chosen = np.concatenate(chosen)
    logits, seconds = train("same level", chosen, seed, epochs=EPOCHS * 2_500 // FEW)
    there = who == speaker
    share = float(np.mean(logits[there].argmax(axis=1) == y[there]))
    return {"right": share, "recordings": len(chosen), "seconds": seconds, "said": f"{share:.1%}"}


def seeds_of(name, seeds):
    """The seeds of an arm: those that take long have one."""
    return range(1 if {"epochs", "wave"} & set(ARMS[name]) else seeds)


def measure(seeds, arms, again=False):
    """The table's rows, arm by arm, and the curve over the number of voices."""
    names = load()[4]
    key = {name: name.replace(" ", "_").replace(",", "").replace("'", "") for name in arms}
    rows = []
    for seed, name in product(range(seeds), arms):  # first all arms with the first seed
        if seed not in seeds_of(name, seeds):
            continue
        kept(f"{key[name]}-official-{seed}", again, official, name, seed)
        for speaker, who in enumerate(names):
            kept(f"{key[name]}-{who}-{seed}", again, without, name, speaker, seed)
        prepared.cache_clear()
    for name in arms:
        own = seeds_of(name, seeds)
        told = [kept(f"{key[name]}-official-{seed}", False, None) for seed in own]
        folds = {
            who: [kept(f"{key[name]}-{who}-{seed}", False, None) for seed in own] for who in names
        }
        rows.append(
            {
                "name": name,
                "val": [round(100 * one["val"], 2) for one in told],
                "test": [round(100 * one["test"], 2) for one in told],
                "new_voice": {
                    who: [round(100 * one["right"], 2) for one in runs]
                    for who, runs in folds.items()
                },
                "confusion": np.sum(
                    [one["confusion"] for runs in folds.values() for one in runs], axis=0
                ).tolist(),
                "seconds": round(float(np.median([one["seconds"] for one in told])), 1),
            }
        )
    return rows


def measure_voices(seeds, again=False):
    """For each number of voices: share right of each speaker left out, seed by seed."""
    found = {}
    for voices in VOICES:
        found[str(voices)] = by_speaker = {}
        for speaker, who in enumerate(load()[4]):
            keys = [f"voices-{voices}-{who}-{seed}" for seed in range(seeds)]
            runs = [
                kept(key, again, of_few, voices, speaker, seed) for seed, key in enumerate(keys)
            ]
            by_speaker[who] = [round(100 * run["right"], 2) for run in runs]
    return found


def means(row):
    """Mean over the speakers for each seed, in per cent."""
    return np.mean(list(row["new_voice"].values()), axis=0)


def compared(row, with_row):
    """Difference of two arms over the six speakers: mean, and its standard error.

    A speaker's number is the mean of his seeds. Six speakers are few, so the error is rough.
    """
    pairs = [
        np.mean(row["new_voice"][who]) - np.mean(with_row["new_voice"][who])
        for who in row["new_voice"]
    ]
    return float(np.mean(pairs)), float(np.std(pairs, ddof=1) / np.sqrt(len(pairs)))


def show(rows, voices):
    """Print the table in Markdown."""
    base = next((row for row in rows if row["name"] == "same level"), rows[0])
    print("\n| arm | official test % | a new voice %, mean | worst speaker | to same level | s |")
    print("|---|--:|--:|---|---|--:|")
    for row in rows:
        worst = min(row["new_voice"], key=lambda who: np.mean(row["new_voice"][who]))
        difference, error = compared(row, base)
        print(
            f"| {row['name']} | {np.mean(row['test']):.1f} | {means(row).mean():.1f} | "
            f"{worst} {np.mean(row['new_voice'][worst]):.1f} | "
            f"{difference:+.1f} ± {2 * error:.1f} | {row['seconds']:.0f} |"
        )
    for number, by_speaker in (voices or {}).items():
        shares = [np.mean(runs) for runs in by_speaker.values()]
        print(f"{FEW} recordings of {number} voices: {np.mean(shares):.1f} %")


def main():
    """Measure, show, and keep if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=ARMS, default=list(ARMS), metavar="ARM")
    parser.add_argument("--no-voices", action="store_true", help="without the curve over voices")
    parser.add_argument("--again", action="store_true", help="train anew what was trained before")
    parser.add_argument("--keep", action="store_true", help="make it the lesson's table")
    options = parser.parse_args()
    rows = measure(options.seeds, options.only, options.again)
    voices = None if options.no_voices else measure_voices(1, options.again)
    show(rows, voices)
    if options.keep:
        made = {
            "date": datetime.date.today().isoformat(),
            "hardware": f"{machine.processor()}, one thread of {machine.cpu_cores()} cores",
            "versions": f"Keras {keras.__version__} on {keras.backend.backend()}",
            "recipe": {"batch_size": BATCH, "epochs": EPOCHS, "rate": RATE, "copies": COPIES},
            "seeds": options.seeds,
            "rows": rows,
            "voices": voices,
        }
        path = measured.SPOKEN_DIGITS
        path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    print_anything()
    main()
