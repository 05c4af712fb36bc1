"""Judges networks of step neurons with two inputs by what they say at the four corners."""

import numpy as np

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
NAMES = {0: "always 0", 1: "AND", 6: "XOR", 7: "OR", 9: "equal", 14: "NAND", 15: "always 1"}


def _arrays(answer, **shapes):
    """The parts of an answer as arrays; raises a ValueError that says what is wrong with it."""
    parts = tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)
    if len(parts) != len(shapes):
        wanted = ", ".join(shapes)
        raise ValueError(f"it has {len(parts)} parts; give {len(shapes)}: ({wanted})")
    try:
        arrays = [np.asarray(part, dtype=float) for part in parts]
    except (TypeError, ValueError):
        raise ValueError("one of its parts does not hold numbers in even rows") from None
    for array, (name, shape) in zip(arrays, shapes.items(), strict=True):
        if array.shape != shape or not np.isfinite(array).all():
            raise ValueError(f"{name} is {array.tolist()}; expected numbers of shape {shape}")
    return arrays


def says(wanted, scores_of):
    """A test for a `Property`: the scores at the four corners must give the wanted answers."""

    def test(answer):
        try:
            scores = scores_of(answer)
        except ValueError as error:
            return str(error)
        answers = (scores > 0).astype(int)
        if (answers == wanted).all():
            return None
        first = (answers != wanted).argmax()
        edge = ", just on the boundary, where the step says 0" if scores[first] == 0 else ""
        known = NAMES.get(int(answers @ [8, 4, 2, 1]))
        also = f" Your answers are those of {known}." if known else ""
        return f"at {CORNERS[first].tolist()} the score is {scores[first]:g}{edge}.{also}"

    return test


def neuron_scores(answer):
    w, b = _arrays(answer, weights=(2,), bias=())
    return CORNERS @ w + b


def network_scores(answer):
    units = np.size(answer[1]) if isinstance(answer, (tuple, list)) and len(answer) > 1 else 1
    shapes = {"W": (2, units), "biases": (units,), "v": (units,), "c": ()}
    W, biases, v, c = _arrays(answer, **shapes)
    hidden = (CORNERS @ W + biases > 0).astype(int)
    for one, other in ((0, 1), (0, 2), (3, 1), (3, 2)):
        if (hidden[one] == hidden[other]).all():
            same = f"{CORNERS[one].tolist()} and {CORNERS[other].tolist()}"
            raise ValueError(f"the hidden layer gives {same} one answer, but they must differ")
    return hidden @ v + c
