"""Answers to exercises of lesson 21: wrong ones with what they must hear, and right ones."""

import numpy as np

from dlkit.exercises import diffusion as exercises

# ---- velocity_from_noise ---------------------------------------------------------------------


def velocity_by_loop(x_t, noise, a, b, a_slope, b_slope):
    found = []
    for place, guess, *four in zip(x_t, noise, a, b, a_slope, b_slope, strict=True):
        data = [(p - four[1] * e) / four[0] for p, e in zip(place, guess, strict=True)]
        found.append([four[2] * x + four[3] * e for x, e in zip(data, guess, strict=True)])
    return found


def velocity_by_shares(x_t, noise, a, b, a_slope, b_slope):
    """In one go: (a'/a) x_t + (b' - a' b / a) e, which is linear in both."""
    of_place, of_noise = a_slope / a, b_slope - a_slope * b / a
    return np.einsum("n,nk->nk", of_place, x_t) + np.einsum("n,nk->nk", of_noise, noise)


def velocity_with(*, taken=1.0, first=1.0, second=1.0, slopes=None):
    def answer(x_t, noise, a, b, a_slope, b_slope):
        if slopes == "straight":
            a_slope, b_slope = np.ones_like(a), -np.ones_like(b)
        elif slopes == "swapped":
            a_slope, b_slope = b_slope, a_slope
        data = (x_t.T - taken * b * noise.T) / a
        return (first * a_slope * data + second * b_slope * noise.T).T

    return answer


# ---- to_noise --------------------------------------------------------------------------------


def back_as_forward(velocity, x, steps):
    """Heun forward in s = 1 - t, along the velocity turned round."""
    s = np.linspace(0, 1, steps + 1)
    for now, later in zip(s[:-1], s[1:], strict=True):
        first = -velocity(x, 1 - now)
        second = -velocity(x + (later - now) * first, 1 - later)
        x = x + (later - now) * (first + second) / 2
    return x


def back_by_recursion(velocity, x, steps, left=None):
    left = steps if left is None else left
    if left == 0:
        return x
    first = velocity(x, left / steps)
    second = velocity(x - first / steps, (left - 1) / steps)
    return back_by_recursion(velocity, x - (first + second) / steps / 2, steps, left - 1)


def back_with(*, sign=-1, forward=False, euler=False, weight=0.5, second_at=1):
    def answer(velocity, x, steps):
        times = np.arange(steps) / steps
        times = times if forward else 1 - times
        way = 1 / steps if forward else -1 / steps
        for t in times:
            first = velocity(x, t)
            if euler:
                x = x + sign * first / steps
                continue
            second = velocity(x + sign * first / steps, t + second_at * way)
            x = x + sign * weight * (first + second) / steps
        return x

    return answer


# ---- fewest_looks and referee ----------------------------------------------------------------


def fewest_by_halving():
    found = {}
    for rule, one in (("Euler", 1), ("Heun", 2)):
        low, high = 0, 500  # in units of one step; low is too few
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (
                (low, middle) if exercises.walk(middle * one, rule) <= 0.01 else (middle, high)
            )
        found[rule] = high * one
    return found


def looks(**changed):
    return fewest_by_halving() | changed


def shares_of_all(seed):
    asked = np.random.default_rng(seed).integers(0, 5, 30_000)
    found = {}
    for name in "AB":
        points = exercises.draw_asked(name, asked, seed)
        found[name] = float((exercises.judge_points(points).argmax(axis=1) == asked).mean())
    return found


def shares(**changed):
    return shares_of_all(3) | changed


WRONG = {
    "velocity_from_noise": [
        (velocity_with(taken=0.0), "You take x_t for the data"),
        (velocity_with(taken=-1.0), "You add noise to x_t"),
        (velocity_with(second=0.0), "The second part is missing"),
        (velocity_with(first=0.0), "The first part is missing"),
        (velocity_with(second=-1.0), "The sign of b'"),
        (velocity_with(slopes="straight"), "belong to the straight path alone"),
        (velocity_with(slopes="swapped"), "the slope of b"),
        (lambda *six: velocity_with()(*six).sum(axis=1), "shape"),
    ],
    "to_noise": [
        (back_with(sign=1, forward=True), "You go forward from t = 0"),
        (back_with(sign=1), "but add the steps"),
        (back_with(forward=True), "at times that grow from 0"),
        (back_with(euler=True), "That is Euler's rule"),
        (back_with(weight=1.0), "You add the two looks"),
        (back_with(second_at=0), "at the time of the first"),
        (lambda velocity, x, steps: x[0], "shape"),
    ],
    "fewest_looks": [
        (83, "give a dict"),
        ({"Euler": 83}, "Heun needs a whole number"),
        (looks(Euler=82.5), "Euler needs a whole number"),
        (looks(Euler=10_000), "far fewer will do"),
        (looks(Heun=7), "Is that steps?"),
        (looks(Euler=40), "looks Euler is"),
        (looks(Euler=200), "200 looks of Euler"),
        (looks(Heun=10), "looks Heun is"),
        (looks(Heun=40), "40 looks of Heun"),
    ],
    "referee": [
        (0.8, "give a dict"),
        ({"B": 0.88}, "generator A needs a number"),
        (shares(B="most"), "generator B needs a number"),
        (shares(A=78.7), "between 0 and 1"),
        (shares(A=exercises.colleague("A")), "still the share among picked samples"),
        (shares(A=0.975, B=0.99), "picking from both alike"),
        (dict(zip("BA", shares().values(), strict=True)), "under the other's name"),
        (shares(B=0.95), "not within 0.02 of its share"),
    ],
}

RIGHT = {
    "velocity_from_noise": [velocity_by_loop, velocity_by_shares, velocity_with()],
    "to_noise": [back_as_forward, back_by_recursion, back_with()],
    "fewest_looks": [fewest_by_halving(), {"Euler": np.int64(83), "Heun": 14}],
    "referee": [shares_of_all(0), shares_of_all(1), shares_of_all(2)],
}
