"""Every setting of scratch, fed what is none: a ValueError that names it, never another end."""

import inspect

import numpy as np
import pytest

from dlkit.scratch import (
    Sequential,
    activations,
    attention,
    autodiff,
    autoencoders,
    gradients,
    initializers,
    layers,
    losses,
    operations,
    optimizers,
)

ONES, ROW = np.ones((2, 4)), np.ones((1, 2))
IMAGES, KERNEL = np.ones((1, 4, 4, 1)), np.ones((2, 2, 1, 1))
RNG = np.random.default_rng(0)
NAN, INF = float("nan"), float("inf")
NO_NUMBER = [None, "0.1", "x", True, NAN, INF, [0.1, 0.2], 1j]
NO_WHOLE = [None, "2", True, NAN, 1.5, (), {}, -1]
# What a setting may not be, by the kind of setting.
BAD = {
    "positive": [*NO_NUMBER, 0, -0.1],
    "not negative": [*NO_NUMBER, -0.1],
    "fraction": [*NO_NUMBER, 1.0, -0.1],
    "number": NO_NUMBER,
    "whole": [*NO_WHOLE, 0],
    "from 0": NO_WHOLE,
    "size": [None, "22", True, NAN, 1.5, (1, 2, 3), (1, None), (1, "2"), {}, -1, 0, (True, 2)],
    "stride": ["22", True, NAN, 1.5, (1, 2, 3), (1, None), {}, -1, 0],
    "axis": [None, "0", True, NAN, 1.5, (0, 1), (1, 2), [0], 2, -3],
    "flag": [None, "False", 0, 1, NAN, []],
    "dtype": [None, "float16", "int32", "double?", 32, True, np.float16, np.int64, "longdouble"],
    "name": [None, "no such thing", 3, True, [], np.tanh],
    "padding": [None, "full", 0, True, "SAME"],
}
for _kind in ("positive", "whole"):  # where None stands for what the function chooses itself
    BAD[f"{_kind} or none"] = [bad for bad in BAD[_kind] if bad is not None]


def dense(**setting):
    return layers.Dense(**({"units": 2} | setting))


def conv(**setting):
    return layers.Conv2D(**({"filters": 2, "kernel_size": 3} | setting))


def heads(**setting):
    return attention.MultiHeadAttention(**({"num_heads": 2, "key_dim": 3} | setting))


def model():
    return Sequential([layers.Dense(2)])


def fit(**setting):
    return model().fit(ONES, [0, 1], **({"optimizer": optimizers.SGD()} | setting))


def rate_between_steps(learning_rate):
    optimizer = optimizers.SGD()
    optimizer.learning_rate = learning_rate
    optimizer.apply([np.ones(1)], [np.ones(1)])


# Of each callable: how to call it with one setting, and of which kind its settings are.
SETTINGS = {
    activations.softmax: (lambda **s: activations.softmax(ONES, **s), {"axis": "axis"}),
    activations.log_softmax: (lambda **s: activations.log_softmax(ONES, **s), {"axis": "axis"}),
    activations.get: (activations.get, {"name": "name"}),
    losses.get: (losses.get, {"name": "name"}),
    initializers.get: (initializers.get, {"name": "name"}),
    initializers.random_normal: (
        lambda **s: initializers.random_normal((2, 2), rng=RNG, **s),
        {"stddev": "not negative"},
    ),
    gradients.numerical_gradient: (
        lambda **s: gradients.numerical_gradient(np.sum, ONES, **s),
        {"step": "positive"},
    ),
    gradients.compare: (
        lambda **s: gradients.compare(ONES, ONES, **s),
        {"rtol": "not negative", "atol": "not negative"},
    ),
    operations.conv2d: (
        lambda **s: operations.conv2d(IMAGES, KERNEL, **s),
        {"strides": "size", "padding": "padding"},
    ),
    operations.conv2d_backward: (
        lambda **s: operations.conv2d_backward(np.ones((1, 3, 3, 1)), IMAGES, KERNEL, **s),
        {"strides": "size", "padding": "padding"},
    ),
    operations.max_pool2d: (
        lambda **s: operations.max_pool2d(IMAGES, **s),
        {"pool_size": "size", "strides": "stride", "padding": "padding"},
    ),
    operations.max_pool2d_backward: (
        lambda **s: operations.max_pool2d_backward(np.ones((1, 2, 2, 1)), IMAGES, **s),
        {"pool_size": "size", "strides": "stride", "padding": "padding"},
    ),
    layers.Activation: (
        lambda **s: layers.Activation(**({"name": "relu"} | s)),
        {"dtype": "dtype"},
    ),
    layers.Dense: (dense, {"units": "whole", "kernel_initializer": "name", "dtype": "dtype"}),
    layers.Conv2D: (
        conv,
        {
            "filters": "whole",
            "kernel_size": "size",
            "strides": "size",
            "kernel_initializer": "name",
            "dtype": "dtype",
        },
    ),
    layers.SimpleRNN: (
        lambda **s: layers.SimpleRNN(**({"units": 2} | s)),
        {"units": "whole", "return_sequences": "flag", "dtype": "dtype"},
    ),
    layers.BatchNormalization: (
        layers.BatchNormalization,
        {"momentum": "fraction", "epsilon": "positive", "dtype": "dtype"},
    ),
    layers.LayerNormalization: (
        layers.LayerNormalization,
        {"epsilon": "positive", "dtype": "dtype"},
    ),
    layers.Residual: (lambda **s: layers.Residual([], **s), {"dtype": "dtype"}),
    layers.Embedding: (
        lambda **s: layers.Embedding(**({"input_dim": 2, "output_dim": 2} | s)),
        {"input_dim": "whole", "output_dim": "whole", "dtype": "dtype"},
    ),
    attention.scaled_dot_product_attention: (
        lambda **s: attention.scaled_dot_product_attention(ONES, ONES, ONES, **s),
        {"scale": "positive or none"},
    ),
    attention.scaled_dot_product_attention_backward: (
        lambda **s: attention.scaled_dot_product_attention_backward(
            ONES, ONES, ONES, ONES, np.eye(2), **s
        ),
        {"scale": "positive or none"},
    ),
    attention.causal_mask: (
        lambda **s: attention.causal_mask(**({"length": 2} | s)),
        {"length": "whole", "keys": "whole or none"},
    ),
    attention.split_heads: (
        lambda **s: attention.split_heads(ONES, **s),
        {"num_heads": "whole"},
    ),
    attention.sinusoidal_positions: (
        lambda **s: attention.sinusoidal_positions(**({"length": 2, "width": 2} | s)),
        {"length": "whole", "width": "whole", "base": "positive", "dtype": "dtype"},
    ),
    autoencoders.importance_weighted_bound: (
        lambda **s: autoencoders.importance_weighted_bound(ONES, **s),
        {"axis": "axis"},
    ),
    attention.rotate: (lambda **s: attention.rotate(ONES, **s), {"base": "positive"}),
    attention.MultiHeadAttention: (
        heads,
        {
            "num_heads": "whole",
            "key_dim": "whole",
            "value_dim": "whole or none",
            "use_bias": "flag",
            "causal": "flag",
            "dtype": "dtype",
        },
    ),
    layers.MaxPooling2D: (layers.MaxPooling2D, {"dtype": "dtype"}),
    layers.Flatten: (layers.Flatten, {"dtype": "dtype"}),
    layers.Layer: (layers.Layer, {"dtype": "dtype"}),
    Sequential: (
        lambda **s: Sequential(**({"layers": []} | s)),
        {"seed": "from 0", "dtype": "dtype"},
    ),
    Sequential.fit: (fit, {"batch_size": "whole", "epochs": "from 0", "loss": "name"}),
    Sequential.evaluate: (
        lambda **s: model().evaluate(ONES, [0, 1], **s),
        {"loss": "name"},
    ),
    rate_between_steps: (rate_between_steps, {"learning_rate": "not negative"}),
    autodiff.Value: (autodiff.Value, {"data": "data"}),
}
BAD["data"] = [None, "1.5", b"1", True, 1j, [1.0, 2.0], {}]
for _name in ("leaky_relu", "leaky_relu_derivative"):
    _f = getattr(activations, _name)
    SETTINGS[_f] = (lambda f=_f, **s: f(ONES, **s), {"negative_slope": "number"})
for _name in ("elu", "elu_derivative"):
    _f = getattr(activations, _name)
    SETTINGS[_f] = (lambda f=_f, **s: f(ONES, **s), {"alpha": "number"})
for _name in ("gelu", "gelu_derivative"):
    _f = getattr(activations, _name)
    SETTINGS[_f] = (lambda f=_f, **s: f(ONES, **s), {"approximate": "flag"})
for _f in (losses.huber, losses.huber_gradient):
    SETTINGS[_f] = (lambda f=_f, **s: f(ROW, ROW, **s), {"delta": "positive"})
for _name in losses.NAMES:
    for _f in losses.get(_name):
        if _name.endswith("crossentropy"):
            _y = [0] if _name.startswith("sparse") else [[0.0, 1.0]]
            SETTINGS[_f] = (
                lambda f=_f, y=_y, **s: f(y, [[0.5, 0.5]], **s),
                {"from_logits": "flag"},
            )
_FRACTIONS = ("momentum", "rho", "beta_1", "beta_2")
for _name in ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW"):
    _class = getattr(optimizers, _name)
    _kinds = {"learning_rate": "positive", "weight_decay": "not negative", "nesterov": "flag"}
    _kinds |= dict.fromkeys(_FRACTIONS, "fraction") | {"epsilon": "positive"}
    _kinds |= {"initial_accumulator_value": "not negative"}
    _taken = inspect.signature(_class).parameters
    SETTINGS[_class] = (_class, {name: kind for name, kind in _kinds.items() if name in _taken})

CASES = [
    (call, f"{function.__qualname__} {setting}", setting, bad)
    for function, (call, kinds) in SETTINGS.items()
    for setting, kind in kinds.items()
    for bad in BAD[kind]
    # To leave these two out, None is what one passes; AdamW refuses it, as Keras's does.
    if not (bad is None and setting == "weight_decay" and function is not optimizers.AdamW)
]


@pytest.mark.parametrize(
    ("call", "setting", "bad"),
    [(call, setting, bad) for call, _, setting, bad in CASES],
    ids=[f"{title}={bad!r}"[:70] for _, title, _, bad in CASES],
)
def test_what_is_no_such_setting_is_refused(call, setting, bad):
    with pytest.raises(ValueError, match="expected|choose one of"):
        call(**{setting: bad})


# Settings that are held elsewhere, or that mean nothing wrong: why they are not in the table.
HELD_ELSEWHERE = {
    "bias",  # an array
    "other_mean",
    "other_log_variance",  # arrays, held by their own tests
    "mask",  # an array, held by its own tests
    "positions",  # an array, held by its own tests
    "label",  # of a Value: any text
    "activation",  # held by Activation's name, for which None is right
    "validation_data",  # tried below
    "verbose",  # as truth
    "padding",
    "pool_size",
    "strides",  # of MaxPooling2D and Conv2D: held where they are used
}


def test_every_setting_is_in_the_table():
    modules = (
        activations,
        attention,
        autoencoders,
        losses,
        initializers,
        gradients,
        operations,
        layers,
        optimizers,
    )
    public = [
        function
        for module in modules
        for name, function in vars(module).items()
        if not name.startswith("_") and getattr(function, "__module__", "") == module.__name__
    ]
    for function in [*public, Sequential, Sequential.fit, Sequential.predict, Sequential.evaluate]:
        if function in (optimizers.Optimizer, gradients.Comparison, activations.normal_cdf):
            continue
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.default is inspect.Parameter.empty or name in HELD_ELSEWHERE:
                continue
            if (function, name) in [
                (initializers.zeros, "rng"),  # not used
                (Sequential.predict, "batch_size"),
                (Sequential.evaluate, "batch_size"),  # both tried below
            ]:
                continue
            assert name in SETTINGS.get(function, (None, {}))[1], f"{function.__qualname__}: {name}"


@pytest.mark.parametrize("bad", [b for b in BAD["whole"] if b is not None])
def test_a_batch_size_of_prediction(bad):
    for call in (
        model().predict,
        lambda x, batch_size: model().evaluate(x, [0, 1], batch_size=bad),
    ):
        with pytest.raises(ValueError, match="batch_size is .* expected a whole number of 1"):
            call(ONES, batch_size=bad)
    assert model().predict(ONES, batch_size=None).shape == (2, 2)


@pytest.mark.parametrize("shape", [None, "ab", 3, (2, None), (2, -1), (2.5, 2), (True, 2), (0, 0)])
def test_a_shape_that_is_none(shape):
    for name in initializers.NAMES:
        if shape == (0, 0) and name in ("zeros", "random_normal"):
            continue  # nothing, as asked for
        with pytest.raises(ValueError, match="expected"):
            initializers.get(name)(shape, rng=RNG)


def test_training_without_what_it_needs():
    with pytest.raises(ValueError, match=r"optimizer is 'adam'; expected an object such as"):
        fit(optimizer="adam")
    with pytest.raises(ValueError, match="validation_data has 1 parts; expected"):
        fit(validation_data=(ONES,))
    with pytest.raises(ValueError, match="expected arrays with a row per example"):
        model().fit(1.0, 2.0, optimizer=optimizers.SGD())
    for bad in ([np.tanh], None, "relu", layers.Dense(1)):
        with pytest.raises(ValueError, match="layers is .*; expected a list of layers"):
            Sequential(bad)
    with pytest.raises(ValueError, match="at least one value along axis 1"):
        layers.SimpleRNN(2)(np.ones((2, 0, 3)))
    layer = layers.Activation("relu")
    layer(ONES)
    with pytest.raises(ValueError, match="upstream has shape .* expected equal shapes"):
        layer.backward(np.ones((1, 4)))  # NumPy would repeat it for each row


# --- what arrays may hold -------------------------------------------------------------------

NO_NUMBERS = [["1.5", "2"], [None, 1.0], None, [1 + 2j, 0j], "text", [[1.0], [1.0, 2.0]]]


@pytest.mark.parametrize("bad", NO_NUMBERS, ids=str)
def test_arrays_without_numbers_are_refused(bad):
    calls = [getattr(activations, name) for name in activations.__all__ if name != "get"]
    calls += [lambda x: operations.dense(x, np.ones((2, 1)), [0.0])]
    calls += [lambda x: losses.mean_squared_error(x, x)]
    calls += [lambda x: losses.sparse_categorical_crossentropy(x, np.ones((2, 2)))]
    calls += [lambda x: gradients.numerical_gradient(np.sum, x)]
    calls += [lambda x: gradients.compare(x, x)]
    calls += [model().forward, layers.Flatten().forward, layers.Embedding(9, 2).forward]
    calls += [attention.masked_softmax, lambda x: attention.split_heads(x, 1), attention.rotate]
    calls += [lambda x: attention.scaled_dot_product_attention(x, x, x)]
    calls += [heads().forward, attention.merge_heads]
    calls += [lambda x: optimizers.SGD().apply([x], [np.ones(np.shape(np.asarray(x)))])]
    for call in calls:
        with pytest.raises(ValueError):
            call(bad)


@pytest.mark.parametrize("name", activations.NAMES)
@pytest.mark.parametrize("dtype", ["float16", "int8", "uint8", "bool", "longdouble", "bfloat16"])
def test_all_but_float32_and_float64_becomes_float64(name, dtype):
    if dtype == "bfloat16":
        dtype = pytest.importorskip("ml_dtypes").bfloat16
    x = np.array([0, 1, 1], dtype=dtype)
    for function in (getattr(activations, name), getattr(activations, f"{name}_derivative")):
        expected = function(np.array([0.0, 1.0, 1.0]))
        assert function(x).dtype == "float64"
        np.testing.assert_array_equal(function(x), expected)


def test_float16_that_would_overflow_gives_numbers():
    x = np.array([[60000.0, -60000.0, 300.0]], dtype=np.float16)  # the largest is 65504
    assert losses.mean_squared_error(x, -x)[0] == pytest.approx(2 * 120000.0**2 / 3, rel=1e-3)
    y = losses.categorical_crossentropy([[0, 1, 0]], x, from_logits=True)
    assert y == pytest.approx(2 * float(x[0, 0]))
    assert operations.dense(x, np.float16([[2], [0], [0]]), np.float16([0]))[0, 0] > 65504
    assert np.isfinite(activations.softplus(x)).all()
    w = np.array([1.0, 1.0], dtype=np.float32)
    optimizers.Adam(0.1).apply([np.float16([1e-7, 6e4])], [w])
    assert np.isfinite(w).all()
    with pytest.raises(ValueError, match="32 or 64 bits"):
        optimizers.Adam().apply([np.ones(2)], [np.ones(2, dtype=np.float16)])


# --- losses that would be silent -------------------------------------------------------------


def test_one_class_is_refused_with_what_to_do():
    for function in losses.get("sparse_categorical_crossentropy"):
        with pytest.raises(ValueError, match="one class, .* use binary_crossentropy"):
            function([0, 0], [[0.3], [0.9]])
    for function in losses.get("categorical_crossentropy"):
        for from_logits in (True, False):
            with pytest.raises(ValueError, match="one class, .* use binary_crossentropy"):
                function([[1.0], [1.0]], [[0.3], [0.9]], from_logits=from_logits)
    with pytest.raises(ValueError, match="one class"):
        Sequential([layers.Dense(1)]).fit(ONES, [0, 0], optimizer=optimizers.SGD())


def test_logits_given_as_probabilities_are_refused():
    logits = [[-2.0, 3.0]]
    for name, y_true in (
        ("binary_crossentropy", [[0.0, 1.0]]),
        ("categorical_crossentropy", [[0.0, 1.0]]),
        ("sparse_categorical_crossentropy", [1]),
    ):
        for function in losses.get(name):
            with pytest.raises(ValueError, match="for logits pass from_logits=True"):
                function(y_true, logits)
            assert np.isfinite(function(y_true, logits, from_logits=True)).all()
            assert np.isnan(function(y_true, [[NAN, 0.5]])).any()  # it shows that training broke


def test_labels_that_are_no_shares_are_refused():
    for function in losses.get("binary_crossentropy"):
        with pytest.raises(ValueError, match="y_true runs from 0 to 2; expected numbers from 0"):
            function([[0.0], [2.0]], [[0.5], [0.5]])
    for function in losses.get("categorical_crossentropy"):
        with pytest.raises(ValueError, match="y_true runs from -1 to 2"):
            function([[2.0, -1.0]], [[0.5, 0.5]])


def test_a_step_at_a_rate_of_zero_moves_nothing():
    """A warm-up may begin there, and a cosine end."""
    for name in ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW"):
        optimizer, weights = getattr(optimizers, name)(), np.ones(2)
        optimizer.learning_rate = 0.0
        optimizer.apply([np.ones(2)], [weights])
        assert (weights == 1).all(), name
