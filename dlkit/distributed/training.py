"""The training step that works with Keras 3 in several processes, and the loop around it.

Keras 3's own ``fit`` fails under ``tf.distribute.MultiWorkerMirroredStrategy`` (keras issue 20585).
"""

import hashlib
import json
import time

import keras
import numpy as np
import tensorflow as tf

from dlkit.distributed.checkpoints import Checkpoint, load_latest
from dlkit.distributed.meeting import meet, read_tf_config
from dlkit.distributed.shards import worker_batches


def join(*, timeout=60.0, **facts):
    """Meet the other workers of TF_CONFIG, and start TensorFlow's cluster.

    To be called before anything else in the process computes with TensorFlow or builds a model.

    Args:
        timeout: seconds in which all workers must have come.
        **facts: what all must agree about, by name: numbers, text, NumPy arrays.

    Returns:
        A ``tf.distribute.MultiWorkerMirroredStrategy``; without TF_CONFIG, one for this process
        alone.

    Raises:
        ValueError, RuntimeError: as `dlkit.distributed.meeting.meet`; or a worker has several
            devices.
    """
    num_workers, _ = meet(facts, timeout=timeout)
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    if strategy.num_replicas_in_sync != num_workers:
        raise ValueError(
            f"{num_workers} workers have {strategy.num_replicas_in_sync} devices; expected one "
            "each: show each worker one GPU (CUDA_VISIBLE_DEVICES), and start a worker per GPU"
        )
    return strategy


def training_step(strategy, model, optimizer, loss):
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
    strategy,
    build,
    loss,
    x,
    y,
    *,
    batch_size,
    epochs,
    seed=0,
    checkpoints=None,
    steps_per_checkpoint=None,
    on_step=None,
):
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
        checkpoints: folder that all workers see; worker 0 writes to it. None: no checkpoints.
        steps_per_checkpoint: besides one at the end of each epoch.
        on_step: called after each step with the number of steps done since the beginning.

    Returns:
        (model, history): history is a dict of "loss" (mean over each epoch, while the weights
        changed) and "seconds" (of each epoch; the first one includes compiling).

    Raises:
        ValueError: workers built different models, or see different checkpoints; a checkpoint of
            another model or run; an impossible number.
    """
    addresses, worker = read_tf_config()
    num_workers = max(len(addresses), 1)
    plan = {"batch_size": batch_size, "num_workers": num_workers, "worker": worker, "seed": seed}
    run = {"batch_size": batch_size, "seed": seed, "examples": len(x)}
    model, optimizer = _build(strategy, build, loss, seed)
    state = _resume(strategy, model, optimizer, checkpoints, run)
    step = training_step(strategy, model, optimizer, loss)

    def save():
        if checkpoints is not None and worker == 0:
            state.arrays = [v.numpy() for v in (*model.variables, *optimizer.variables)]
            state.save(checkpoints)

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


def _check_loss(loss):
    if not isinstance(loss, keras.losses.Loss):
        raise ValueError(f"the loss is {loss!r}; expected a Keras loss, made with reduction=None")
    if loss.reduction not in (None, "none"):
        raise ValueError(
            f"the loss has reduction={loss.reduction!r}, which would average over one worker's "
            "share; make it with reduction=None: the step divides by the whole batch"
        )


def agree(strategy, what, fact):
    """Make sure, by TensorFlow's own all-reduce, that all workers have the same fact.

    Args:
        strategy: from `join`.
        what: what it is, in a few words.
        fact: a text.

    Raises:
        ValueError: a worker has another one; every worker raises it.
    """
    addresses, worker = read_tf_config()
    digest = int.from_bytes(hashlib.sha256(fact.encode()).digest()[:4], "big") >> 1
    mine = np.zeros(max(len(addresses), 1), "int32")
    mine[worker] = digest

    @tf.function
    def exchange(row):
        def add_up(row):
            context = tf.distribute.get_replica_context()
            placed = tf.identity(row)  # on a device, as all_reduce wants it
            return context.all_reduce(tf.distribute.ReduceOp.SUM, placed)

        return strategy.run(add_up, args=(row,))

    digests = exchange(tf.constant(mine)).numpy()
    if others := [str(index) for index in np.flatnonzero(digests != digests[0])]:
        raise ValueError(
            f"workers have different {what}: worker {', '.join(others)} not the same as worker 0; "
            f"worker {worker} has {fact[:300]}"
        )


def _build(strategy, build, loss, seed):
    """The model and its optimizer under the strategy, once all workers agree about them.

    Variables made under the strategy are sent around at once. So a first model is built without
    it, only to be compared: workers whose variables differ would wait for each other for ever.
    """
    _check_loss(loss)
    first, optimizer = build()
    shapes = [[list(v.shape), str(v.dtype), v.trainable] for v in first.variables]
    facts = [shapes, first.to_json(), optimizer.get_config(), loss.get_config()]
    agree(strategy, "models, optimizers or losses", json.dumps(facts, default=str))
    keras.utils.set_random_seed(seed)
    with strategy.scope():
        model, optimizer = build()
        optimizer.build(model.trainable_variables)
    return model, optimizer


def _resume(strategy, model, optimizer, folder, run):
    """The state to go on from: the last checkpoint's, put into the variables, or a new one."""
    state = None if folder is None else load_latest(folder)
    state = state or Checkpoint(run=run)
    agree(strategy, "checkpoints to go on from", str(state.total_steps))
    if state.run != run:
        raise ValueError(
            f"the checkpoint belongs to a run with {state.run}, this one has {run}; take another "
            "folder for checkpoints, or the numbers of that run"
        )
    if not state.arrays:
        return state
    variables = [*model.variables, *optimizer.variables]
    shapes, found = [tuple(v.shape) for v in variables], [a.shape for a in state.arrays]
    if shapes != found:
        raise ValueError(
            f"the checkpoint holds arrays of shapes {found}, model and optimizer have {shapes}; "
            "take another folder for checkpoints, or the model of that run"
        )
    with strategy.scope():
        for variable, array in zip(variables, state.arrays, strict=True):
            variable.assign(array)
    return state
