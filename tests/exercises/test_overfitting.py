"""The references that dlkit.exercises.overfitting defines itself, against sklearn and Keras."""

import keras
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold

from dlkit.exercises import overfitting as exercises

SEEDS = range(5)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_f1_is_that_of_sklearn(seed, share):
    rng = np.random.default_rng(seed)
    y_true, y_pred = (rng.uniform(size=30) < share).astype(int), rng.integers(0, 2, 30)
    expected = f1_score(y_true, y_pred, zero_division=0)
    assert exercises.f1.reference(y_true, y_pred) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "k"), [(10, 5), (11, 3), (23, 23), (7, 2)])
def test_folds_have_the_sizes_of_sklearn(n, k):
    """Which examples go where is chance; sizes, disjointness and completeness are not."""
    pairs = list(exercises.folds.reference(n, k, np.random.default_rng(0)))
    expected = KFold(k, shuffle=True, random_state=0).split(np.zeros(n))
    for (train, val), (their_train, their_val) in zip(pairs, expected, strict=True):
        assert (len(train), len(val)) == (len(their_train), len(their_val))
        assert sorted([*train, *val]) == list(range(n))
    assert sorted(np.concatenate([val for _, val in pairs])) == list(range(n))


def stopped_by_keras(val_losses, patience):
    """(kept, trained) of keras.callbacks.EarlyStopping in a real fit.

    The learning rate is 0, and the model puts out the root of the next loss: its only weight is
    set before each epoch, so that the weights that are restored say which epoch was kept.
    """
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mean_squared_error")

    class SetLoss(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.layers[0].set_weights([np.array([[epoch + 1.0]])])

    class FakeLoss(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = val_losses[epoch]

    early = keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)
    one = np.ones((1, 1), "float32")
    history = model.fit(
        one,
        one,
        epochs=len(val_losses),
        verbose=0,
        callbacks=[SetLoss(), FakeLoss(), early],
    )
    return round(model.get_weights()[0].item()), len(history.epoch)


@pytest.mark.parametrize("seed", SEEDS)
def test_best_epoch_is_that_of_keras(seed):
    rng = np.random.default_rng(seed)
    val_losses = rng.integers(1, 9, size=10) / 10  # with ties
    patience = int(rng.integers(1, 5))
    found = exercises.best_epoch.reference(val_losses, patience)
    assert found == stopped_by_keras(val_losses, patience)


@pytest.mark.parametrize("case", exercises.best_epoch.cases, ids=lambda case: case.label)
def test_cases_of_best_epoch_are_those_of_keras(case):
    assert exercises.best_epoch.reference(*case.args) == stopped_by_keras(*case.args)


def temperature_by_scipy(logits, y_true):
    """Keras's loss at its lowest, as Brent's method finds it in log T."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64")
    found = minimize_scalar(
        lambda log_t: float(loss(y_true, logits / np.exp(log_t))), bounds=(-4.6, 4.6)
    )
    return np.exp(found.x)


@pytest.mark.parametrize("case", exercises.temperature.cases, ids=lambda case: case.label)
def test_temperature_is_where_the_loss_of_keras_is_lowest(case):
    found = exercises.temperature.reference(*case.args)
    assert found == pytest.approx(temperature_by_scipy(*case.args), rel=0.005)
