"""The training step that works with Keras 3 in several processes, and the loop around it.

Keras 3's own ``fit`` fails under ``tf.distribute.MultiWorkerMirroredStrategy`` (keras issue 20585).
"""

import json
import time
from collections.abc import Callable
from os import PathLike
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dlkit.distributed.agreement import agree, describe
from dlkit.distributed.checkpoints import Checkpoint, CheckpointFolder, CheckpointStore
from dlkit.distributed.rendezvous import read_tf_config, rendezvous
from dlkit.distributed.shards import worker_batches


def join(*, timeout: float = 60.0) -> tf.distribute.Strategy:
    """Wait for the other workers of TF_CONFIG, and start TensorFlow's cluster.

    To be called before anything else in the process computes with TensorFlow or builds a model.

    Args:
        timeout: seconds in which all workers must have come.

    Returns:
        A ``tf.distribute.MultiWorkerMirroredStrategy``; without TF_CONFIG, one for this process
        alone.

    Raises:
        ValueError, RuntimeError: as `dlkit.distributed.rendezvous.rendezvous`; or a worker has
            several devices.
    """
    num_workers, _ = rendezvous(timeout=timeout)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if strategy.num_replicas_in_sync != num_workers:
        raise ValueError(
            f"{num_workers} workers have {strategy.num_replicas_in_sync} devices; expected one "
            "each: show each worker one GPU (CUDA_VISIBLE_DEVICES), and start a worker per GPU"
        )
    return strategy


def training_step(
    strategy: tf.distribute.Strategy,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    loss: keras.losses.Loss,
) -> Callable[..., tf.Tensor]:
    """A compiled step of data parallelism: each worker has its share of a batch.

    g = sum over workers of  d/dw  (sum over its share of  weight * loss) / count

    The sum over the workers is in ``optimizer.apply``: inside ``strategy.run`` Keras 3 adds up the
    gradients of all replicas itself, by an all-reduce. (Who calls all_reduce first has them added
    up twice.) What is left to add up by hand is the loss.

    Args:
        strategy: from `join`.
        model, optimizer: built under ``strategy.scope()``.
        loss: a Keras loss with ``reduction=None``, so that it gives one number per example.

    Returns:
        A ``tf.function`` of x and y (this worker's share), weights of shape (share,) and count
        (the examples of the whole batch) that takes one step and returns the batch's mean loss.

    Raises:
        ValueError: no Keras loss, or one with a reduction; an optimizer that clips.

    Source: the sum of gradients is Dean and others (2012), "Large scale distributed deep networks",
    in its synchronous form.
    """
    _check_loss(loss)
    limits = ("clipnorm", "global_clipnorm", "clipvalue")
    if clips := [name for name in limits if getattr(optimizer, name, None) is not None]:
        raise ValueError(
            f"the optimizer has {clips[0]}: Keras would clip each worker's part of the gradient, "
            "not their sum, so the result would depend on the number of workers; leave it out"
        )

    def replica_step(x, y, weights, count):
        with tf.GradientTape() as tape:
            losses = loss(y, model(x, training=True))  # (share,)
            mean = tf.reduce_sum(losses * tf.cast(weights, losses.dtype)) / count
            for penalty in model.losses:
                mean += penalty / strategy.num_replicas_in_sync
        gradients = tape.gradient(mean, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, mean)

    @tf.function
    def step(x, y, weights, count):
        return strategy.run(replica_step, args=(x, y, weights, count))

    return step


def train(
    strategy: tf.distribute.Strategy,
    build: Callable[[], tuple[keras.Model, keras.optimizers.Optimizer]],
    loss: keras.losses.Loss,
    x: np.ndarray,
    y: np.ndarray,
    *,
    batch_size: int,
    epochs: int,
    seed: int = 0,
    checkpoints: str | PathLike | CheckpointStore | None = None,
    steps_per_checkpoint: int | None = None,
    on_step: Callable[[int], None] | None = None,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train as one worker among several, and go on from the last checkpoint if there is one.

    With the same seed and batch_size the result does not depend on the number of workers, but for
    rounding; layers that draw random numbers (dropout) or look at the batch (batch normalisation)
    see their worker's share only.

    Args:
        strategy: from `join`.
        build: called without arguments; returns a new ``(model, optimizer)``, the model with known
            input shape, the optimizer not yet built.
        loss: a Keras loss with ``reduction=None``.
        x, y: all examples, the same arrays in every worker; each takes its rows of a batch.
        batch_size: rows of a batch, all workers together; a multiple of the number of workers.
        epochs: in all, those of earlier parts of the run included.
        seed: of the first weights and of the data's order.
        checkpoints: folder that all workers see, to which worker 0 writes, or another store, as
            `dlkit.distributed.RayCheckpoints`. None: no checkpoints.
        steps_per_checkpoint: besides one at the end of each epoch.
        on_step: called after each step with the number of steps done since the beginning.

    Returns:
        (model, history): history is a dict of "loss" (mean over each epoch, while the weights
        changed) and "seconds" (of each epoch; the first one includes compiling).

    Raises:
        ValueError: workers have different numbers, data, models or checkpoints; a checkpoint of
            another model or run; an impossible number.
    """
    addresses, worker = read_tf_config()
    num_workers = max(len(addresses), 1)
    plan = {"batch_size": batch_size, "num_workers": num_workers, "worker": worker, "seed": seed}
    if isinstance(checkpoints, str | PathLike):
        checkpoints = CheckpointFolder(checkpoints)
    state = (checkpoints and checkpoints.load()) or Checkpoint()
    same = {"batch_size": batch_size, "epochs": epochs, "seed": seed, "x": x, "y": y}
    same["the checkpoint to go on from"] = f"{state.total_steps} steps"
    model, optimizer = _build(strategy, build, loss, same, seed)
    if checkpoints is not None:
        data = {"batch_size": batch_size, "seed": seed, "x": describe(x), "y": describe(y)}
        _restore(strategy, model, optimizer, state, data | run_facts(model, optimizer, loss))
    step = training_step(strategy, model, optimizer, loss)

    def save():
        if checkpoints is None:
            return
        if worker == 0:
            state.arrays = [v.numpy() for v in (*model.variables, *optimizer.variables)]
        checkpoints.save(state, worker)

    while state.epoch < epochs:
        started = time.perf_counter()
        batches = worker_batches(len(x), epoch=state.epoch, **plan)
        for number, (rows, weights, count) in enumerate(batches):
            if number < state.step:
                continue  # done before this process began
            values = [tf.constant(value) for value in (x[rows], y[rows], weights)]
            mean = step(*values, tf.constant(count, "float32"))
            state.loss_sum += float(mean) * count
            state.step, state.total_steps = number + 1, state.total_steps + 1
            if steps_per_checkpoint and state.total_steps % steps_per_checkpoint == 0:
                save()
            if on_step is not None:
                on_step(state.total_steps)
        state.history["loss"].append(state.loss_sum / len(x))
        state.history["seconds"].append(time.perf_counter() - started)
        state.epoch, state.step, state.loss_sum = state.epoch + 1, 0, 0.0
        save()
    return model, state.history


def run_facts(
    model: keras.Model, optimizer: keras.optimizers.Optimizer, loss: keras.losses.Loss
) -> dict[str, str]:
    """What must be the same when a run goes on, as short texts, but for the numbers in names.

    Shapes do not tell a sigmoid from a ReLU, or one learning rate from another.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> facts = run_facts(model, keras.optimizers.SGD(0.5), keras.losses.MeanSquaredError())
        >>> facts["the optimizer's learning_rate"]
        '0.5'
    """
    names: dict[str, str] = {}
    for number, layer in enumerate([model, *model._flatten_layers(include_self=False)]):
        names.setdefault(layer.name, f"layer {number}")

    def without_names(value):
        if isinstance(value, dict):
            return {key: without_names(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [without_names(part) for part in value]
        return names.get(value, value) if isinstance(value, str) else value

    facts = {"the model": describe(without_names(json.loads(model.to_json())))}
    for what, part in (("optimizer", optimizer), ("loss", loss)):
        facts[f"the {what}"] = type(part).__name__
        for name, value in part.get_config().items():
            if name != "name":
                facts[f"the {what}'s {name}"] = describe(value)
    return facts


def _check_loss(loss):
    if not isinstance(loss, keras.losses.Loss):
        raise ValueError(f"the loss is {loss!r}; expected a Keras loss, made with reduction=None")
    if loss.reduction not in (None, "none"):
        raise ValueError(
            f"the loss has reduction={loss.reduction!r}, which would average over one worker's "
            "share; make it with reduction=None: the step divides by the whole batch"
        )


def _build(strategy, build, loss, same: dict[str, Any], seed):
    """The model and its optimizer under the strategy, once all workers agree about everything.

    Variables made under the strategy are sent around at once. So a first model is built without
    it, only to be compared: workers whose variables differ would wait for each other for ever.
    """
    _check_loss(loss)
    model, optimizer = build()
    weights = [[list(v.shape), str(v.dtype), v.trainable] for v in model.variables]
    same |= {"the model's variables": weights, "the model": model.to_json()}
    same |= {"the optimizer": optimizer.get_config(), "the loss": loss.get_config()}
    agree(strategy, same)
    keras.utils.set_random_seed(seed)
    with strategy.scope():
        model, optimizer = build()
        optimizer.build(model.trainable_variables)
    return model, optimizer


def _restore(strategy, model, optimizer, state, run):
    """Put a checkpoint's arrays into the variables, if it has any."""
    if not state.arrays:
        state.run = run
        return
    differing = [name for name in {**state.run, **run} if state.run.get(name) != run.get(name)]
    if differing:
        there, here = ({n: found.get(n) for n in differing} for found in (state.run, run))
        raise ValueError(
            f"the checkpoint belongs to a run with {there}, this one has {here}; take another "
            "folder for checkpoints, or the model, data and numbers of that run"
        )
    variables = [*model.variables, *optimizer.variables]
    shapes, saved = [tuple(v.shape) for v in variables], [a.shape for a in state.arrays]
    if shapes != saved:
        raise ValueError(
            f"the checkpoint holds arrays of shapes {saved}, model and optimizer have {shapes}; "
            "take another folder for checkpoints, or the model of that run"
        )
    with strategy.scope():
        for variable, array in zip(variables, state.arrays, strict=True):
            variable.assign(array)
