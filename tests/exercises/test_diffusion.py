"""The references that dlkit.exercises.diffusion defines itself, and what its lab and its
generators are said to do."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from dlkit.exercises import diffusion as exercises


@pytest.mark.parametrize("seed", range(3))
def test_the_velocity_is_the_slope_of_the_path(seed):
    """With the true noise: by differences along a x + b e, x and e held."""
    rng = np.random.default_rng(seed)
    x, e = rng.normal(size=(2, 6, 4))
    t, h = rng.uniform(0.1, 0.9, 6), 1e-6

    def parts(t):
        return np.sin(1.3 * t)[:, None], np.exp(-2 * t)[:, None]

    (a, b), (a_up, b_up), (a_down, b_down) = parts(t), parts(t + h), parts(t - h)
    expected = ((a_up * x + b_up * e) - (a_down * x + b_down * e)) / (2 * h)
    slopes = [(up - down)[:, 0] / (2 * h) for up, down in ((a_up, a_down), (b_up, b_down))]
    found = exercises.velocity_of_noise(a * x + b * e, e, a[:, 0], b[:, 0], *slopes)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_the_way_back_is_that_of_scipy():
    x = np.random.default_rng(0).normal(size=(3, 2))

    def slope(t, flat):
        return exercises._bend(flat.reshape(3, 2), t).ravel()

    solved = solve_ivp(slope, (1, 0), x.ravel(), rtol=1e-10, atol=1e-12).y[:, -1].reshape(3, 2)
    errors = [
        np.abs(exercises.back_by_heun(exercises._bend, x, n) - solved).max() for n in (20, 40)
    ]
    assert errors[1] < 1e-3 and 3.5 < errors[0] / errors[1] < 4.5


@pytest.mark.parametrize("t", [0.2, 0.7, 0.95])
def test_the_lab_s_velocity_is_the_mean_of_pairs(t):
    rng = np.random.default_rng(0)
    piece = rng.choice(2, size=1_000_000, p=exercises._WEIGHTS)
    x = exercises._CENTERS[piece] + exercises._WIDTHS[piece] * rng.normal(size=len(piece))
    e = rng.normal(size=len(piece))
    place = t * x + (1 - t) * e
    for where in np.quantile(place, [0.1, 0.5, 0.8]):
        close = np.abs(place - where) < 0.01
        drawn, formula = (x - e)[close], exercises._lab_velocity(np.array([where]), t)[0]
        off = drawn.mean() - formula
        assert abs(off) < 5 * drawn.std() / np.sqrt(close.sum()) + 0.02


@pytest.mark.parametrize(("rule", "order"), [("Euler", 1), ("Heun", 2)])
def test_the_lab_s_mistake_falls_by_the_order_of_the_rule(rule, order):
    ratio = exercises.walk(200, rule) / exercises.walk(400, rule)
    assert ratio == pytest.approx(2**order, rel=0.2)


def test_the_lab_refuses():
    for looks, rule, message in [
        (5, "heun", "rule is"),
        (5, "Heun", "pass an even number"),
        (0, "Euler", "looks is 0"),
        (2.0, "Euler", "looks is 2.0"),
        (True, "Euler", "looks is True"),
    ]:
        with pytest.raises(ValueError, match=message):
            exercises.walk(looks, rule)


def test_by_the_colleague_s_numbers_a_wins_and_by_the_control_b():
    true = exercises._true_shares()
    assert exercises.colleague("A") > 0.95 > exercises.colleague("B") + 0.05
    assert true["B"] > true["A"] + 0.08
    assert exercises.colleague("B") == pytest.approx(true["B"], abs=0.05)


def test_the_judge_of_points_is_as_good_as_any():
    """Equal round Gaussians: the nearest centre is the best answer there is."""
    points = np.random.default_rng(0).normal(size=(500, 2))
    apart = np.linalg.norm(points[:, None] - exercises._kinds(), axis=2)
    p = exercises.judge_points(points)
    np.testing.assert_array_equal(p.argmax(axis=1), apart.argmin(axis=1))
    np.testing.assert_allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("generator", "asked", "message"),
    [
        ("C", np.array([0]), "generator is 'C'"),
        ("A", np.array([5]), "from 0 to 4"),
        ("A", np.array([0.5]), "from 0 to 4"),
        ("A", 3, "from 0 to 4"),
    ],
)
def test_a_draw_refuses(generator, asked, message):
    with pytest.raises(ValueError, match=message):
        exercises.draw_asked(generator, asked)
