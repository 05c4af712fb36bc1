"""Answers to the exercises of lesson 11: wrong ones with what they must hear, and right ones."""

import keras
import numpy as np

# ---- nesterov_step ---------------------------------------------------------------------------


def plain_momentum(w, gradient, velocity, learning_rate, momentum):
    velocity = momentum * velocity - learning_rate * gradient
    return w + velocity, velocity


def uphill(w, gradient, velocity, learning_rate, momentum):
    velocity = momentum * velocity + learning_rate * gradient
    return w + momentum * velocity + learning_rate * gradient, velocity


def forgets(w, gradient, velocity, learning_rate, momentum):
    new = momentum * velocity - learning_rate * gradient
    return w + momentum * new - learning_rate * gradient, velocity


def rate_outside(w, gradient, velocity, learning_rate, momentum):
    velocity = momentum * velocity - gradient
    return w + learning_rate * (momentum * velocity - gradient), velocity


def only_weights(w, gradient, velocity, learning_rate, momentum):
    return nesterov_in_place(w, gradient, velocity, learning_rate, momentum)[0]


def nesterov_in_place(w, gradient, velocity, learning_rate, momentum):
    velocity *= momentum
    velocity -= learning_rate * gradient
    w += momentum * velocity - learning_rate * gradient
    return w, velocity


def nesterov_in_one(w, gradient, velocity, learning_rate, momentum):
    step = learning_rate * gradient
    ahead = momentum**2 * velocity - (1 + momentum) * step
    return (w + ahead).tolist(), keras.ops.convert_to_tensor(momentum * velocity - step)


# ---- adam_step -------------------------------------------------------------------------------


def means(gradient, m, s):
    return 0.9 * m + 0.1 * gradient, 0.999 * s + 0.001 * gradient**2


def uncorrected(w, gradient, m, s, t, learning_rate):
    m, s = means(gradient, m, s)
    return w - learning_rate * m / (np.sqrt(s) + 1e-7), m, s


def sizes_not_squares(w, gradient, m, s, t, learning_rate):
    m, s = 0.9 * m + 0.1 * gradient, 0.999 * s + 0.001 * np.abs(gradient)
    rate = learning_rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - rate * m / (np.sqrt(s) + 1e-7), m, s


def by_hats(divisor):
    """Adam from the corrected means."""

    def step(w, gradient, m, s, t, learning_rate):
        m, s = means(gradient, m, s)
        m_hat, s_hat = m / (1 - 0.9**t), s / (1 - 0.999**t)
        return w - learning_rate * m_hat / divisor(s_hat, t), m, s

    return step


def t_from_zero(w, gradient, m, s, t, learning_rate):
    return by_hats(keras_divisor)(w, gradient, m, s, t + 1, learning_rate)


def returns_the_step(w, gradient, m, s, t, learning_rate):
    return w - by_hats(keras_divisor)(w, gradient, m, s, t, learning_rate)[0]


def keras_divisor(s_hat, t):
    return np.sqrt(s_hat) + 1e-7 / np.sqrt(1 - 0.999**t)


def adam_by_lists(w, gradient, m, s, t, learning_rate):
    w, m, s = adam_in_place(w, gradient, m, s, t, learning_rate)
    return w.tolist(), m.tolist(), s.tolist()


def adam_in_place(w, gradient, m, s, t, learning_rate):
    m += 0.1 * (gradient - m)
    s += 0.001 * (gradient**2 - s)
    w -= learning_rate * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t) * m / (s**0.5 + 1e-7)
    return w, m, s


# ---- schedule --------------------------------------------------------------------------------


def half_cosine(share):
    return (1 + np.cos(np.pi * share)) / 2


def cosine_from_zero(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * half_cosine(min(step / total, 1))


def rises_again(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * half_cosine((step - warmup) / (total - warmup))


def a_line(step, total, peak, warmup):
    if step < warmup:
        return peak * step / warmup
    return peak * max(0, (total - step) / (total - warmup))


def no_warmup(step, total, peak, warmup):
    return peak * half_cosine(np.clip((step - warmup) / (total - warmup), 0, 1))


def one_ahead(step, total, peak, warmup):
    return peak * (step + 1) / warmup if step < warmup else no_warmup(step, total, peak, warmup)


def divides_by_no_warmup(step, total, peak, warmup):
    return min(peak * step / warmup, no_warmup(step, total, peak, warmup))


def by_the_sine(step, total, peak, warmup):
    if step >= total:
        return 0
    if step < warmup:
        return peak / warmup * step
    return peak * (1 - np.sin(np.pi / 2 * (step - warmup) / (total - warmup)) ** 2)


def by_keras(step, total, peak, warmup):
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(peak, total)(step)
    kept = {"warmup_target": peak, "warmup_steps": warmup}
    return keras.optimizers.schedules.CosineDecay(0.0, total - warmup, **kept)(step)


# ---- clip ------------------------------------------------------------------------------------


def norm_of(gradients):
    return np.sqrt(sum(np.sum(g**2) for g in gradients))


def each_alone(gradients, limit):
    return [g * min(1, limit / max(np.linalg.norm(g), 1e-9)) for g in gradients]


def values(gradients, limit):
    return [np.clip(g, -limit, limit) for g in gradients]


def scales_up(gradients, limit):
    return [g * limit / max(norm_of(gradients), 1e-9) for g in gradients]


def divides_by_zero(gradients, limit):
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.divide(limit, norm_of(gradients))
        return [
            g * (factor if norm_of(gradients) > limit or factor > 1e9 else 1) for g in gradients
        ]


def to_length_one(gradients, limit):
    norm = norm_of(gradients)
    return [g / norm if norm > limit else g for g in gradients]


def sum_of_sizes(gradients, limit):
    norm = sum(np.abs(g).sum() for g in gradients)
    return [g * limit / norm if norm > limit else g for g in gradients]


def as_one_vector(gradients, limit):
    norm = np.linalg.norm(np.concatenate([np.ravel(g) for g in gradients]))
    return [g / max(1, norm / limit) for g in gradients]


def in_place(gradients, limit):
    norm = norm_of(gradients)
    if norm > limit:
        for g in gradients:
            g *= limit / norm
    return gradients


def in_float32(gradients, limit):
    return [g.astype("float32") for g in as_one_vector(gradients, limit)]


WRONG = {
    "nesterov_step": [
        (plain_momentum, "without Nesterov"),
        (uphill, "uphill"),
        (forgets, "old velocity"),
        (rate_outside, "missing from your velocity"),
        (only_weights, "2"),
    ],
    "adam_step": [
        (uncorrected, "start at 0 is missing"),
        (sizes_not_squares, "of their squares"),
        (by_hats(lambda s, t: np.sqrt(s + 1e-7)), "inside the root"),
        (by_hats(lambda s, t: np.sqrt(s) + 1e-7), "as in the paper"),
        (by_hats(lambda s, t: s + 1e-7), "not by its root"),
        (t_from_zero, "raise t by one"),
        (returns_the_step, "3"),
    ],
    "schedule": [
        (cosine_from_zero, "begins at step 0"),
        (rises_again, "periodic"),
        (a_line, "straight line"),
        (no_warmup, "warm-up is missing"),
        (one_ahead, "add 1"),
        (divides_by_no_warmup, "ZeroDivisionError"),
    ],
    "clip": [
        (each_alone, "on its own"),
        (values, "each number"),
        (scales_up, "small gradients up"),
        (divides_by_zero, "“all zero”"),
        (to_length_one, "forget the limit"),
        (sum_of_sizes, "adds up sizes"),
    ],
    "tune": [
        (0.001, "Try a larger"),
        (0.3, "it diverges"),
        (-0.01, "above 0"),
        ([0.01, 0.02], "one number"),
    ],
}

RIGHT = {
    "nesterov_step": [nesterov_in_place, nesterov_in_one],
    "adam_step": [by_hats(keras_divisor), adam_in_place, adam_by_lists],
    "schedule": [by_the_sine, by_keras],
    "clip": [as_one_vector, in_place, in_float32],
    "tune": [0.02, np.float32(0.04)],
}
