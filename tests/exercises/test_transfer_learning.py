"""The references that dlkit.exercises.transfer_learning defines itself, against Keras, and what
its lab and its archive are said to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dlkit.exercises import transfer_learning as exercises


@pytest.mark.parametrize(("n", "d", "classes"), [(1, 3, 2), (6, 4, 5)])
def test_the_gradients_of_the_head_are_those_of_the_tape(n, d, classes):
    rng = np.random.default_rng(0)
    features, W, b = (
        rng.normal(size=(n, d)),
        rng.normal(size=(d, classes)),
        rng.normal(size=classes),
    )
    y = rng.integers(0, classes, n)
    three = [tf.constant(part) for part in (W, b, features)]
    with tf.GradientTape() as tape:
        tape.watch(three)
        logits = three[2] @ three[0] + three[1]
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
        loss = tf.reduce_mean(losses)
    expected = tape.gradient(loss, three)
    found = exercises.head_gradients_of(features, W, b, y)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_normalization_is_that_of_keras_frozen_or_not(frozen):
    rng = np.random.default_rng(0)
    x, mean, variance = rng.normal(size=(8, 3)), rng.normal(size=3), rng.uniform(0.5, 2, 3)
    layer = keras.layers.BatchNormalization(momentum=0.9)
    layer.build((None, 3))
    layer.set_weights([np.ones(3), np.zeros(3), mean, variance])
    layer.trainable = not frozen  # frozen, Keras takes the averages even when told training=True
    out = keras.ops.convert_to_numpy(layer(x.astype("float32"), training=True))
    found = exercises.normalized_batch(x, mean, variance, frozen)
    np.testing.assert_allclose(found[0], out, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(found[1:], layer.get_weights()[2:], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_in_the_lab_a_larger_rate_below_forgets_more_and_learns_more():
    frozen, slow, fast = (exercises.fine_tune(rate) for rate in (0.0, 0.1, 8.0))
    assert frozen[0] > 0.9 and slow[0] > 0.9 and fast[0] < 0.8
    assert frozen[1] < slow[1] + 0.02 < fast[1] + 0.02


def test_around_the_answer_the_lab_goes_one_way():
    kept = [exercises.fine_tune(rate)[0] >= exercises.KEPT for rate in (1.0, 2.0, 4.0, 6.0)]
    assert kept == sorted(kept, reverse=True) and kept[0] and not kept[-1]


@pytest.mark.parametrize("rate", [-0.1, float("nan"), float("inf"), [0.1]])
def test_the_lab_refuses(rate):
    with pytest.raises(ValueError, match="rate_below is"):
        exercises.fine_tune(rate)


@pytest.mark.parametrize("seed", range(3))
def test_the_archive_holds_copies_that_flatter(seed):
    seen, x_test, is_right = exercises.archive(seed)
    nearest = np.linalg.norm(x_test[:, None] - seen, axis=2).min(axis=1)
    copy = nearest < 0.5
    assert copy.sum() == exercises._COPIES and not (nearest == 0).any()
    assert is_right[copy].mean() > 0.97
    assert is_right.mean() - is_right[~copy].mean() > 0.1
    assert abs(is_right[~copy].mean() - exercises.FRESH) < 0.07
