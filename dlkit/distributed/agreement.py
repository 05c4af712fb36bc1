"""All workers must be about to do the same: compared once, before the first variable is made.

Workers that disagree would wait for each other for ever, or learn from different data unnoticed.
"""

import hashlib
import importlib.metadata
import json
from typing import Any

import numpy as np
import tensorflow as tf

from dlkit.distributed.rendezvous import read_tf_config

MAX_CHARS = 200  # of a fact as it is shown; of a longer one its digest is compared
MAX_BYTES = 8192  # of all facts of a worker


def agree(strategy: tf.distribute.Strategy, facts: dict[str, Any]) -> None:
    """Make sure, by TensorFlow's own all-reduce, that all workers have the same facts.

    Args:
        strategy: from `dlkit.distributed.training.join`.
        facts: dict from names to what must be the same: what JSON can hold, or NumPy arrays, of
            which dtype, shape and a digest are compared. The versions of Keras and NumPy are added.

    Raises:
        ValueError: workers disagree; every worker gets the same message.
    """
    addresses, worker = read_tf_config()
    if len(addresses) < 2:
        return
    for package in ("keras", "numpy"):
        facts = facts | {f"the version of {package}": importlib.metadata.version(package)}
    text = json.dumps({name: describe(value) for name, value in facts.items()}).encode()
    if len(text) > MAX_BYTES:
        raise ValueError(f"facts take {len(text)} bytes; expected {MAX_BYTES} at most: give fewer")
    rows = np.zeros((len(addresses), MAX_BYTES), "int32")  # a row for each worker, here mine alone
    rows[worker, : len(text)] = np.frombuffer(text, "uint8")

    @tf.function
    def gather(rows):
        def add_up(rows):
            context = tf.distribute.get_replica_context()
            placed = tf.identity(rows)  # on a device, as all_reduce wants it
            return context.all_reduce(tf.distribute.ReduceOp.SUM, placed)

        return strategy.run(add_up, args=(rows,))

    gathered = gather(tf.constant(rows)).numpy().astype("uint8")
    by_worker = [json.loads(row.tobytes().rstrip(b"\0")) for row in gathered]
    if problem := find_disagreement(by_worker):
        raise ValueError(problem)


def describe(value: Any) -> str:
    """A fact as a short text: equal texts for equal facts.

    Example:
        >>> describe(np.zeros((2, 3), "float32"))  # doctest: +ELLIPSIS
        'float32 array of shape (2, 3), SHA-256 ...'
        >>> describe({"b": 1, "a": (2, 3)})
        '{"a": [2, 3], "b": 1}'
    """
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(value.tobytes()).hexdigest()
        return f"{value.dtype} array of shape {value.shape}, SHA-256 {digest[:12]}…"
    text = json.dumps(value, sort_keys=True, default=repr)
    if len(text) > MAX_CHARS:
        digest = hashlib.sha256(text.encode()).hexdigest()
        text = f"{text[: MAX_CHARS - 40]}… (SHA-256 {digest[:12]}…)"
    return text


def find_disagreement(by_worker: list[dict[str, str]]) -> str:
    """The first difference between worker 0 and another, in words; "" if there is none.

    Args:
        by_worker: of each worker its facts, dict from name to text.

    Example:
        >>> find_disagreement([{"batch_size": "32"}, {"batch_size": "64"}])
        'workers disagree about batch_size: 32 for worker 0, 64 for worker 1; start all with the \
same configuration, data and code'
    """
    first = by_worker[0]
    for worker, facts in enumerate(by_worker):
        for name in [*first, *(name for name in facts if name not in first)]:
            ours, theirs = first.get(name, "nothing"), facts.get(name, "nothing")
            if ours != theirs:
                return (
                    f"workers disagree about {name}: {ours} for worker 0, {theirs} for worker "
                    f"{worker}; start all with the same configuration, data and code"
                )
    return ""
