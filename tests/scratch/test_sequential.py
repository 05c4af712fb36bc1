"""Sequential against the same Keras model, step by step; what it reports, and what it refuses."""

import keras
import numpy as np
import pytest
from helpers.scratch_tools import normal

from dlkit.scratch import Sequential, layers, losses, optimizers
from dlkit.scratch.gradients import compare, numerical_gradient
from dlkit.scratch.sequential import loss_of_logits


class KerasResidual(keras.layers.Layer):
    """x + tanh(x W + b)."""

    def build(self, input_shape):
        self.dense = keras.layers.Dense(6, activation="tanh")
        self.dense.build(input_shape)

    def call(self, x):
        return x + self.dense(x)


MODELS = {
    "mlp": (lambda m, **k: [m.Dense(6, activation="relu", **k), m.Dense(3, **k)], (5,)),
    "convnet": (
        lambda m, **k: [
            m.Conv2D(4, 3, padding="same", activation="tanh", **k),
            m.MaxPooling2D(**k),
            m.Flatten(**k),
            m.Dense(3, **k),
        ],
        (6, 5, 2),
    ),
    "normalized": (
        lambda m, **k: [
            m.Dense(6, **k),
            m.BatchNormalization(momentum=0.75, **k),
            m.Activation("relu", **k),
            m.LayerNormalization(**k),
            m.Dense(3, **k),
        ],
        (5,),
    ),
    "residual": (
        lambda m, **k: [
            m.Dense(6, **k),
            m.Residual([m.Dense(6, activation="tanh")]) if m is layers else KerasResidual(),
            m.Dense(3, **k),
        ],
        (5,),
    ),
    "recurrent": (
        lambda m, **k: [
            m.SimpleRNN(5, return_sequences=True, **k),
            m.SimpleRNN(4, **k),
            m.Dense(3),
        ],
        (4, 2),
    ),
}
KERAS_LOSSES = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
}
OPTIMIZERS = {
    "SGD": {"learning_rate": 0.125, "momentum": 0.875, "nesterov": True},
    "Adam": {"learning_rate": 0.0625, "beta_1": 0.875, "beta_2": 0.9375},
}


def targets(loss, rng, examples):
    labels = rng.integers(0, 3, examples)
    if loss == "sparse_categorical_crossentropy":
        return labels
    return np.eye(3)[labels] if "crossentropy" in loss else rng.normal(size=(examples, 3))


@pytest.fixture
def keras_in_float64():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("kind", "loss"),
    [(kind, "sparse_categorical_crossentropy") for kind in MODELS]
    + [("mlp", loss) for loss in losses.NAMES if not loss.startswith("sparse")],
)
def test_weights_after_each_step_as_keras(kind, loss, optimizer, keras_in_float64):
    make, shape = MODELS[kind]
    ours = Sequential(make(layers), seed=1, dtype="float64")
    ours.build((None, *shape))
    theirs = keras.Sequential([keras.Input(shape), *make(keras.layers)])
    from_logits = {"from_logits": True} if "crossentropy" in loss else {}
    theirs.compile(
        loss=KERAS_LOSSES[loss](**from_logits),
        optimizer=getattr(keras.optimizers, optimizer)(**OPTIMIZERS[optimizer]),
        run_eagerly=True,  # quicker than to compile for five steps
    )
    theirs.set_weights(ours.get_weights())
    ours_optimizer = getattr(optimizers, optimizer)(**OPTIMIZERS[optimizer])
    rng = np.random.default_rng(0)
    for _ in range(5):
        x, y = rng.normal(size=(8, *shape)), targets(loss, rng, 8)
        expected_loss = theirs.train_on_batch(x, y)
        actual_loss = ours.train_on_batch(x, y, *loss_of_logits(loss), ours_optimizer)
        assert actual_loss == pytest.approx(float(expected_loss), rel=1e-9)
        for actual, expected in zip(ours.variables, theirs.get_weights(), strict=True):
            np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-10)
    x = rng.normal(size=(11, *shape))
    np.testing.assert_allclose(ours.predict(x, 4), theirs.predict(x, verbose=0), rtol=1e-7)


@pytest.mark.parametrize("kind", MODELS)
def test_gradients_by_finite_differences(kind):
    make, shape = MODELS[kind]
    model = Sequential(make(layers), dtype="float64")
    x, y = normal(0, (4, *shape)), np.array([0, 1, 2, 1])
    loss, loss_gradient = loss_of_logits("sparse_categorical_crossentropy")
    dx = model.backward(loss_gradient(y, model(x)))
    assert compare(dx, numerical_gradient(lambda x: loss(y, model(x)).mean(), x), 1e-5, 1e-8)
    gradients = [g.copy() for g in model.gradients]
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        kept = variable.copy()

        def mean_loss(values, variable=variable):
            variable[...] = values
            return loss(y, model(x)).mean()

        assert compare(gradient, numerical_gradient(mean_loss, kept), 1e-5, 1e-8)
        variable[...] = kept


def blobs(seed=0, examples=300):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, examples)
    return rng.normal(size=(examples, 2)) + 4 * np.array([[0, 0], [1, 0], [0, 1]])[y], y


def test_fit_learns_and_reports():
    x, y = blobs()
    x_val, y_val = blobs(1)
    model = Sequential([layers.Dense(8, activation="relu"), layers.Dense(3)])
    history = model.fit(
        x, y, optimizer=optimizers.Adam(0.01), epochs=10, validation_data=(x_val, y_val)
    )
    assert sorted(history) == ["loss", "val_accuracy", "val_loss"]
    assert all(len(values) == 10 for values in history.values())
    assert history["loss"][-1] < history["loss"][0] / 2
    logits = model.predict(x_val)
    assert logits.dtype == "float32"
    expected = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y_val, logits)
    assert history["val_loss"][-1] == pytest.approx(float(expected), rel=1e-5)
    assert history["val_accuracy"][-1] == np.mean(logits.argmax(axis=1) == y_val) > 0.9


@pytest.mark.parametrize("loss", losses.NAMES)
def test_fit_with_each_loss(loss):
    x, weights = normal(0, (100, 4), (4, 3))
    y = x @ weights
    if "crossentropy" in loss:
        labels = y.argmax(axis=-1)
        y = labels if loss.startswith("sparse") else np.eye(3)[labels]
    model = Sequential([layers.Dense(16, activation="tanh"), layers.Dense(3)])
    history = model.fit(
        x, y, loss=loss, optimizer=optimizers.Adam(0.02), epochs=30, validation_data=(x, y)
    )
    assert history["val_loss"][-1] < history["val_loss"][0] / 3
    assert ("val_accuracy" in history) == ("crossentropy" in loss)
    if "crossentropy" in loss:
        assert history["val_accuracy"][-1] > 0.9


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        ("sparse_categorical_crossentropy", keras.metrics.SparseCategoricalAccuracy()),
        ("categorical_crossentropy", keras.metrics.CategoricalAccuracy()),
        ("binary_crossentropy", keras.metrics.BinaryAccuracy(threshold=0)),
    ],
)
def test_evaluate_as_keras(loss, metric):
    model = Sequential([layers.Dense(3)])
    x, y = normal(0, (200, 4)), targets(loss, np.random.default_rng(0), 200)
    result, logits = model.evaluate(x, y, loss=loss, batch_size=64), model.predict(x)
    expected_loss = KERAS_LOSSES[loss](from_logits=True)(y, logits)
    assert result["loss"] == pytest.approx(float(expected_loss), rel=1e-5)
    assert result["accuracy"] == pytest.approx(float(metric(y, logits)), rel=1e-5)


def test_the_loss_of_an_epoch_is_the_mean_over_examples():
    x, y = blobs(examples=50)
    model = Sequential([layers.Dense(3)])
    optimizer = optimizers.SGD(1e-12)  # as good as standing still
    history = model.fit(x, y, optimizer=optimizer, batch_size=32)
    assert history["loss"][0] == pytest.approx(model.evaluate(x, y)["loss"], rel=1e-5)


def test_the_same_seed_gives_the_same_training():
    x, y = blobs(examples=100)

    def train(seed):
        model = Sequential([layers.Dense(4, activation="relu"), layers.Dense(3)], seed=seed)
        model.fit(x, y, optimizer=optimizers.SGD(0.1))
        return np.concatenate([w.ravel() for w in model.get_weights()])

    np.testing.assert_array_equal(train(3), train(3))
    assert (train(3) != train(4)).any()


def test_the_callers_data_stay_as_they_are():
    x, y = blobs(examples=40)
    before = x.copy(), y.copy()
    Sequential([layers.Dense(3)]).fit(x, y, optimizer=optimizers.SGD(0.1))
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(y, before[1])


def test_verbose_prints_a_line_per_epoch_and_nothing_else_does(capsys):
    x, y = blobs(examples=40)
    model = Sequential([layers.Dense(3)])
    model.fit(x, y, optimizer=optimizers.SGD(0.1))
    assert capsys.readouterr().out == ""
    model.fit(x, y, optimizer=optimizers.SGD(0.1), epochs=2, verbose=1, validation_data=(x, y))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1 of 2: loss ") and "val_accuracy" in second


def test_weights_in_and_out():
    model = Sequential([layers.Dense(4), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"call build\(input_shape\) first"):
        model.set_weights([])
    model.build((None, 2))
    weights = model.get_weights()
    assert [w.shape for w in weights] == [(2, 4), (4,), (4, 3), (3,)]
    weights[0][:] = 7  # a copy: the model does not change
    assert (model.variables[0] != 7).all()
    model.set_weights(weights)
    assert (model.variables[0] == 7).all()
    with pytest.raises(ValueError, match="got 3 arrays; expected 4"):
        model.set_weights(weights[:3])
    with pytest.raises(ValueError, match=r"weight 0 has shape \(4, 2\)"):
        model.set_weights([weights[0].T, *weights[1:]])


def test_predict_in_batches():
    model = Sequential([layers.Dense(3)])
    x = normal(0, (10, 4))
    np.testing.assert_allclose(model.predict(x, batch_size=3), model.predict(x), rtol=1e-6)
    assert model.predict(x[:0]).shape == (0, 3)


def test_errors():
    model = Sequential([layers.Dense(3)])
    x, y = blobs(examples=10)
    with pytest.raises(ValueError, match="x has 10 examples and y 9; expected one y for each x"):
        model.fit(x, y[:9], optimizer=optimizers.SGD())
    with pytest.raises(ValueError, match="x has 0 examples"):
        model.fit(x[:0], y[:0], optimizer=optimizers.SGD())
    with pytest.raises(ValueError, match="no loss 'crossentropy'; choose one of"):
        model.fit(x, y, loss="crossentropy", optimizer=optimizers.SGD())
    with pytest.raises(ValueError, match="batch_size is 0; expected"):
        model.fit(x, y, optimizer=optimizers.SGD(), batch_size=0)
    with pytest.raises(ValueError, match="expected whole numbers from 0 to 2"):
        model.fit(x, y + 1, optimizer=optimizers.SGD())
