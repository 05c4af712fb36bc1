"""Answers to the exercises of lesson 22: wrong ones with what they must hear, and right ones."""

import numpy as np

# ---- flops -----------------------------------------------------------------------------------


def pairs(widths):
    return [(a, b) for a, b in zip(widths, widths[1:], strict=False)]


def forward_only(widths):
    return sum(2 * a * b for a, b in pairs(widths))


def all_three_times(widths):
    return 3 * forward_only(widths)


def backward_only(widths):
    weights = sum(2 * a * b for a, b in pairs(widths))
    inputs = sum(2 * a * b for a, b in pairs(widths)[1:])  # not of the pixels
    return weights + inputs


def adds_for_free(widths):
    return by_layers(widths) // 2


def adds_widths(widths):
    return 2 * sum(3 * (a + b) for a, b in pairs(widths))


def by_layers(widths):
    total = 0
    for layer, (a, b) in enumerate(pairs(widths)):
        forward, own_gradient = 2 * a * b, 2 * a * b
        total += forward + own_gradient + (2 * a * b if layer else 0)
    return total


def by_dot(widths):
    w = np.asarray(widths)
    return 6 * w[:-1] @ w[1:] - 2 * w[0] * w[1]


# ---- fits ------------------------------------------------------------------------------------


def without_adam(memory, parameters, outputs):
    return (memory - 8 * parameters) // (4 * outputs)


def without_gradients(memory, parameters, outputs):
    return (memory - 12 * parameters) // (4 * outputs)


def bytes_are_numbers(memory, parameters, outputs):
    return (memory - 4 * parameters) // outputs


def half_an_image(memory, parameters, outputs):
    return (memory / 4 - 4 * parameters) / outputs


def only_activations(memory, parameters, outputs):
    return memory // (4 * outputs)


def in_bytes(memory, parameters, outputs):
    return (memory - 16 * parameters) // (4 * outputs)


def as_float(memory, parameters, outputs):
    return np.floor((memory / 4 - 4 * parameters) / outputs)


# ---- scaled_step -----------------------------------------------------------------------------


def finite(gradient):
    return np.isfinite(gradient).all()


def too_early(w, gradient, scale, learning_rate):
    if not finite(gradient):
        return w, scale / 2
    return w - learning_rate * (gradient / np.float16(scale)), scale


def still_scaled(w, gradient, scale, learning_rate):
    return (w - learning_rate * np.float32(gradient), scale) if finite(gradient) else (w, scale / 2)


def same_scale(w, gradient, scale, learning_rate):
    return in_doubles(w, gradient, scale, learning_rate)[0], scale


def leaves_out(w, gradient, scale, learning_rate):
    good = np.isfinite(gradient)
    step = learning_rate * np.where(good, gradient, 0).astype(float) / scale
    return w - step, scale if good.all() else scale / 2


def only_weights(w, gradient, scale, learning_rate):
    return in_doubles(w, gradient, scale, learning_rate)[0]


def in_doubles(w, gradient, scale, learning_rate):
    if np.isinf(gradient).any() or np.isnan(gradient).any():
        return w.copy(), scale * 0.5
    return w - learning_rate / scale * np.asarray(gradient, dtype=float), scale


def in_lists(w, gradient, scale, learning_rate):
    w, scale = in_doubles(w, gradient, scale, learning_rate)
    return w.tolist(), scale


# ---- cheapest --------------------------------------------------------------------------------


def ignores_the_clock(images, hours, speeds, prices):
    return int(np.argmin(prices / speeds))


def quickest(images, hours, speeds, prices):
    return int(np.argmax(speeds))


def lowest_price(images, hours, speeds, prices):
    return int(np.argmin(prices))


def always_somebody(images, hours, speeds, prices):
    found = one_by_one(images, hours, speeds, prices)
    return 0 if found == -1 else found


def one_by_one(images, hours, speeds, prices):
    best, answer = None, -1
    for index, (speed, price) in enumerate(zip(speeds, prices, strict=True)):
        needed = images / speed / 3600
        if needed <= hours and (best is None or needed * price < best):
            best, answer = needed * price, index
    return answer


WRONG = {
    "flops": [
        (forward_only, "forward pass alone"),
        (backward_only, "backward pass alone"),
        (all_three_times, "gradient of the pixels"),
        (adds_for_free, "are two"),
        (adds_widths, "softmax regression"),
    ],
    "fits": [
        (without_adam, "two numbers per parameter"),
        (without_gradients, "gradients take room"),
        (bytes_are_numbers, "four bytes"),
        (half_an_image, "round down"),
        (only_activations, "stay in memory"),
    ],
    "scaled_step": [
        (too_early, "underflows"),
        (still_scaled, "divide by scale"),
        (same_scale, "is halved"),
        (leaves_out, "no weight moves"),
        (only_weights, "2"),
    ],
    "cheapest": [
        (ignores_the_clock, "also be in time"),
        (quickest, "not the cheapest"),
        (lowest_price, "many hours"),
        (always_somebody, "say -1"),
    ],
}

RIGHT = {
    "flops": [by_layers, by_dot],
    "fits": [in_bytes, as_float],
    "scaled_step": [in_doubles, in_lists],
    "cheapest": [one_by_one],
}
