"""The cells of a new lesson: each says what belongs there, beside a small example that runs."""

from pathlib import Path

TEXT, CODE = "markdown", "code"


def cells_of(entry, before, setup):
    """(kind, text) of each cell.

    Args:
        entry: the lesson in course.toml.
        before: the lesson that comes before it.
        setup: text of the set-up cell.
    """
    name, number = Path(entry["file"]).stem, Path(entry["file"]).name[:2]
    earlier = Path(before["file"]).name
    minutes = "1 minute" if entry["minutes"] == 1 else f"{entry['minutes']} minutes"
    facts = {
        "Time": f"{minutes} on two CPU cores",
        "Data": "points drawn from a seed",
        "Before this": f"[{earlier[:2]} · {before['title']}]({earlier})",
        "Afterwards you can": "do three or four things, each of them a verb and its object",
    }
    head = f"# {number} · {entry['title']}\n\nOne sentence promises what you can do at the end.\n\n"
    yield TEXT, head + "\n".join(f"- **{label}:** {fact}" for label, fact in facts.items())
    yield CODE, setup
    yield CODE, IMPORTS.format(name=name)
    yield from BODY


IMPORTS = """import matplotlib.pyplot as plt
import numpy as np

from dlkit import plotting
from dlkit.claims import Claims

plt.style.use("dlkit.plotting.course")
rng = np.random.default_rng(0)
claims = Claims("{name}")"""

BODY = [
    (
        TEXT,
        "## Predict first\n\n"
        "Put a question here that a learner can answer by a guess, and that the "
        "lesson settles by measuring. For example: how many more readings halve the error of a "
        "mean?",
    ),
    (
        TEXT,
        "## The idea in a picture\n\nShow the idea before you name it, in the smallest example in "
        "which it can be seen.",
    ),
    (
        CODE,
        "true_value = 3.0\n"
        "readings = true_value + rng.normal(size=(500, 64))  # 500 series of 64 readings",
    ),
    (TEXT, "Say what the cell above made, and what the next one will show."),
    (
        CODE,
        "counts = np.arange(1, 65)\n"
        "means = readings.cumsum(axis=1) / counts\n"
        "spread = means.std(axis=0)",
    ),
    (
        CODE,
        'ax = plotting.plot_lines(counts, {"spread of the mean": spread})\n'
        'ax.set(xlabel="number of readings", ylabel="standard deviation")\n'
        'ax.set_title("Say in the title what is to be seen");',
    ),
    (
        TEXT,
        "**In words:** after every figure a sentence says what it shows, for those who cannot see "
        "it. Here a curve falls steeply at first, and ever more slowly later.\n\nThen say what "
        "follows from it.",
    ),
    (
        TEXT,
        "## From scratch in NumPy\n\n"
        "Give the formula, name its letters, and write it as directly as "
        "NumPy allows. The mean of $n$ readings with standard deviation $\\sigma$ has the standard "
        "deviation $\\sigma / \\sqrt{n}$.",
    ),
    (CODE, "predicted = 1 / np.sqrt(counts)\nlargest_gap = np.abs(spread - predicted).max()"),
    (
        TEXT,
        "A number in the text needs a claim: a cell that measures it, and fails outside its band. "
        "Try three seeds before you choose a band.",
    ),
    (CODE, 'claims("largest gap between formula and experiment", largest_gap, real=(0, 0.1))'),
    (TEXT, "Does it answer the question at the top? Four times as many readings halve the error."),
    (CODE, 'claims("error of 4 against 16", spread[3] / spread[15], real=(1.8, 2.2))'),
    (
        TEXT,
        "## The same in Keras\n\n"
        "Start Keras here and not before, and show that it agrees with what "
        "was written by hand.",
    ),
    (
        CODE,
        "from dlkit import machine\n\nmachine.start_keras()\nimport keras",
    ),
    (TEXT, "Keep Keras visible: no function of the course stands between it and the learner."),
    (CODE, "keras_means = keras.ops.convert_to_numpy(keras.ops.mean(readings, axis=1))"),
    (TEXT, "Compare by the largest difference, and say how large a difference would be a fault."),
    (
        CODE,
        "difference = np.abs(keras_means - readings.mean(axis=1)).max()\n"
        'claims("largest difference to Keras", difference, real=(0, 1e-5))',
    ),
    (
        TEXT,
        "## Break it on purpose\n\n"
        "Take away one assumption, and show the failure before you explain "
        "it. Here all readings of a series share one error.",
    ),
    (
        CODE,
        "shared = readings + rng.normal(size=(500, 1))\n"
        "shared_means = shared.cumsum(axis=1) / counts",
    ),
    (TEXT, "Predict the picture before you run the next cell: where will the new curve end?"),
    (
        CODE,
        'curves = {"independent": spread, "with a shared error": shared_means.std(axis=0)}\n'
        "ax = plotting.plot_lines(counts, curves)\n"
        'ax.set(xlabel="number of readings", ylabel="standard deviation")\n'
        'ax.set_title("A shared error does not average out");',
    ),
    (
        TEXT,
        "**In words:** the lower curve falls towards 0 as before. The upper one, with a shared "
        "error, levels off near 1.\n\nExplain why, and how one would notice it in practice.",
    ),
    (CODE, 'claims("what remains", shared_means.std(axis=0)[-1], real=(0.9, 1.1))'),
    (
        TEXT,
        "## Exercises\n\n"
        "Three to five, from easy to open, each in a cell with a stub and its check. "
        "[CONTRIBUTING.md](../CONTRIBUTING.md) says how they are written and tested.",
    ),
    (TEXT, "**1.** State the task in one or two sentences, with shapes and units."),
    (CODE, "my_answer = ...  # here a stub, then the check"),
    (TEXT, "## What to remember\n\n- Three to five lines that a learner should know in a month."),
    (
        TEXT,
        "## Sources\n\n- Author (year). *Title.* With its DOI, and a word on why to read it.",
    ),
    (
        TEXT,
        "## Next\n\nWhat is still unanswered, and [which lesson](../README.md) takes it up.",
    ),
]
