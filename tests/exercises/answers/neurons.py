"""Answers to the exercises of lesson 01: wrong ones with what they must hear, and right ones."""

import keras
import numpy as np
import tensorflow as tf

# ---- distance --------------------------------------------------------------------------------


def score(x, w, b):
    return x @ w + b


def unsigned_distance(x, w, b):
    return abs(x @ w + b) / np.sqrt((w**2).sum())


def distance_by_square(x, w, b):
    return (x @ w + b) / (w**2).sum()


def distance_without_bias(x, w, b):
    return x @ w / np.linalg.norm(w)


def distance_by_length_with_bias(x, w, b):
    return (x @ w + b) / np.linalg.norm([*w, b])


def distance_of_the_first(x, w, b):
    return (x[0] @ w + b) / np.linalg.norm(w)


def distance_by_loop(x, w, b):
    length = sum(float(weight) ** 2 for weight in w) ** 0.5
    return [sum(float(p) * float(q) for p, q in zip(row, w, strict=True)) / length for row in x]


def distance_by_loop_with_bias(x, w, b):
    length = sum(float(weight) ** 2 for weight in w) ** 0.5
    return [value + float(b) / length for value in distance_by_loop(x, w, b)]


def distance_in_keras(x, w, b):
    x, w = keras.ops.convert_to_tensor(x, "float32"), keras.ops.convert_to_tensor(w, "float32")
    return (keras.ops.matmul(x, w) + b) / keras.ops.norm(w)


def distance_of_unit_weights(x, w, b):
    length = np.linalg.norm(w)
    return (x.astype("float32") @ (w / length).astype("float32")) + b / length


# ---- update ----------------------------------------------------------------------------------


def update_wrong_way(w, b, x, y):
    return (w - y * x, b - y) if y * (w @ x + b) <= 0 else (w, b)


def update_always(w, b, x, y):
    return w + y * x, b + y


def update_without_bias(w, b, x, y):
    return (w + y * x, b) if y * (w @ x + b) <= 0 else (w, b)


def update_as_for_zero_and_one(w, b, x, y):
    """Takes over the rule y - answer, with the answer -1 or 1."""
    answer = 1 if w @ x + b > 0 else -1
    return w + (y - answer) * x, b + (y - answer)


def update_strictly(w, b, x, y):
    return (w + y * x, b + y) if y * (w @ x + b) < 0 else (w, b)


def update_weights_only(w, b, x, y):
    return w + y * x if y * (w @ x + b) <= 0 else w


def update_in_place(w, b, x, y):
    if y * (w @ x + b) <= 0:
        w += y * x
        b += y
    return w, b


def update_by_loop(w, b, x, y):
    total = sum(float(p) * float(q) for p, q in zip(w, x, strict=True)) + b
    wrong = total * y <= 0
    return [[p + wrong * y * q for p, q in zip(w, x, strict=True)], b + wrong * y]


def update_in_tensorflow(w, b, x, y):
    w, x = tf.constant(w, tf.float32), tf.constant(x, tf.float32)
    wrong = tf.cast(y * (tf.tensordot(w, x, 1) + b) <= 0, tf.float32)
    return w + wrong * y * x, b + wrong * y


# ---- average ---------------------------------------------------------------------------------


def walk(x, y, epochs):
    """Every (weights, bias) after a step, and whether the step was a mistake."""
    w, b = np.zeros(x.shape[1]), 0.0
    for _ in range(epochs):
        for example, label in zip(x, y, strict=True):
            error = float(label) - float(example @ w + b > 0)
            w, b = w + error * example, b + error
            yield w, b, error != 0


def mean_of(steps):
    steps = list(steps)
    return np.mean([w for w, *_ in steps], axis=0), np.mean([b for _, b, *_ in steps])


def last_weights(x, y, epochs):
    *_, (w, b, _) = walk(x, y, epochs)
    return w, b


def average_of_mistakes(x, y, epochs):
    return mean_of(step for step in walk(x, y, epochs) if step[2])


def average_of_epochs(x, y, epochs):
    return mean_of([*walk(x, y, epochs)][len(x) - 1 :: len(x)])


def average_before_the_step(x, y, epochs):
    return mean_of([(np.zeros(x.shape[1]), 0.0), *[s[:2] for s in walk(x, y, epochs)][:-1]])


def sum_of_steps(x, y, epochs):
    steps = [*walk(x, y, epochs)]
    return sum(w for w, *_ in steps), sum(b for _, b, _ in steps)


def average_with_last_bias(x, y, epochs):
    return mean_of(walk(x, y, epochs))[0], last_weights(x, y, epochs)[1]


def average_that_stores_one_array(x, y, epochs):
    """Stores the same array again and again, and changes it in place."""
    w, b, steps = np.zeros(x.shape[1]), 0.0, []
    for _ in range(epochs):
        for example, label in zip(x, y, strict=True):
            error = float(label) - float(example @ w + b > 0)
            w += error * example
            b += error
            steps.append((w, b))
    return np.mean([w for w, _ in steps], axis=0), np.mean([b for _, b in steps])


def average_with_the_start(x, y, epochs):
    return mean_of([(np.zeros(x.shape[1]), 0.0, False), *walk(x, y, epochs)])


def running_average(x, y, epochs):
    """Moves the mean by a share of the difference at each step."""
    mean_w, mean_b = np.zeros(x.shape[1]), 0.0
    for count, (w, b, _) in enumerate(walk(x, y, epochs), start=1):
        mean_w += (w - mean_w) / count
        mean_b += (b - mean_b) / count
    return [*mean_w], mean_b


def average_in_float32(x, y, epochs):
    w, b = mean_of(walk(x.astype("float32"), y, epochs))
    return tf.constant(w, tf.float32), np.float32(b)


WRONG = {
    "nor": [
        (([1.0, 1.0], -0.5), "Your answers are those of OR"),
        (([-1.0, -1.0], 1.5), "Your answers are those of NAND"),
        (([1.0, 1.0], -1.5), "Your answers are those of AND"),
        (([-1.0, -1.0], 0.0), "at [0.0, 0.0] the score is 0, just on the boundary"),
        (([-1.0, 0.0], 0.5), "at [0.0, 1.0] the score is 0.5"),
        ((-1.0, -1.0, 0.5), "it has 3 parts; give 2"),
        (([[-1.0], [-1.0]], 0.5), "weights is [[-1.0], [-1.0]]; expected numbers of shape (2,)"),
        (("minus", 0.5), "does not hold numbers"),
        (lambda x: x, "it has 1 parts; give 2"),
    ],
    "distance": [
        (score, "This is the score"),
        (unsigned_distance, "The sign is lost"),
        (distance_by_square, "not its square"),
        (distance_without_bias, "Where is the bias?"),
        (distance_by_loop, "weights of length 1"),
        (distance_by_length_with_bias, "Leave b out of the length"),
        (distance_of_the_first, "shape"),
    ],
    "update": [
        (update_wrong_way, "The step goes the wrong way"),
        (update_always, "A right answer changes nothing"),
        (update_without_bias, "The bias learns too"),
        (update_as_for_zero_and_one, "Your step is twice as long"),
        (update_strictly, "A score of exactly zero"),
        (update_weights_only, "The shape is (); expected (2,)"),
    ],
    "equal": [
        (([[1, -1], [1, -1]], [-0.5, 1.5], [1, 1], -1.5), "Your answers are those of XOR"),
        (([[1, -1], [1, -1]], [-1.5, 0.5], [1, 1], -1.5), "Your answers are those of always 0"),
        (([[1], [1]], [-0.5], [1], 0), "they must differ"),
        (([[1, -1], [1, -1]], [-1.5, 0.5], [1], -0.5), "w2 is [1.0]"),
        (([1, 1], -1.5), "it has 2 parts; give 4"),
        (([[1, -1]], [-1.5, 0.5], [1, 1], -0.5), "W1 is [[1.0, -1.0]]"),
        (([[1, -1], [1]], [-1.5, 0.5], [1, 1], -0.5), "in even rows"),
        (([[1, -1], [1, -1]], [-1.5, np.nan], [1, 1], -0.5), "b1 is [-1.5, nan]"),
    ],
    "average": [
        (last_weights, "These are the last weights"),
        (average_of_mistakes, "Right answers count too"),
        (average_of_epochs, "Count every example"),
        (average_before_the_step, "Count corrected steps"),
        (sum_of_steps, "This is the sum"),
        (average_with_last_bias, "Average b too"),
        (average_that_stores_one_array, "four examples"),
        (average_with_the_start, "[0.8]"),
    ],
    "no_bias": [
        ((0, 0, 30), "column 0 runs from 0.3"),
        ((4, 0, 30), "there is no column 4"),
        ((2, 0, 0), "Is the column still there?"),
        ((2, 30, 0), "swapped"),
        ((2, 3, 30), "Start from zeros"),
        ((2, 0, 300), "there are 80 leaves"),
        ((2, 0), "it has 2 parts"),
    ],
}

RIGHT = {
    "nor": [
        ([-2, -3], 1),
        (np.array([-1.0, -1.0], "float32"), np.array(0.5)),
        [(-5.0, -0.6), 0.1],
        (tf.constant([-1.0, -1.0]), tf.constant(0.5)),
    ],
    "distance": [distance_by_loop_with_bias, distance_in_keras, distance_of_unit_weights],
    "update": [update_in_place, update_by_loop, update_in_tensorflow],
    "equal": [
        ([[1.0, -1.0], [1.0, -1.0]], [-1.5, 0.5], [1.0, 1.0], -0.5),
        # OR and NAND as in the lesson, and then NAND
        (np.array([[1, -1], [1, -1]]), np.array([-0.5, 1.5]), np.array([-1, -1]), 1.5),
        # one neuron for each corner, the last one picks two of them
        (
            [[-1, -1, 1, 1], [-1, 1, -1, 1]],
            [0.5, -0.5, -0.5, -1.5],
            [1, 0, 0, 1],
            tf.constant(-0.5),
        ),
        [[[1, 1], [1, 1]], [-0.5, -1.5], [-2, 2], 1],
    ],
    "average": [running_average, average_in_float32],
    "no_bias": [(2, 0, 1), [2, 0, 37], np.array([2.0, 0.0, 31.0])],
}
