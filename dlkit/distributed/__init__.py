"""Training in several processes, on one machine or on a cluster.

`launch` starts the workers on this machine; each calls `dlkit.distributed.training.join` and
`train`. Under Ray Train's ``TensorflowTrainer`` the same worker function runs unchanged:
`dlkit.distributed.digits.train_digits` is one. Nothing here but ``training`` and ``digits`` imports
TensorFlow.
"""

from dlkit.distributed.checkpoints import Checkpoint, load_latest
from dlkit.distributed.cost import ring_all_reduce_seconds, step_seconds
from dlkit.distributed.launcher import WorkerError, launch
from dlkit.distributed.meeting import meet, read_tf_config
from dlkit.distributed.on_ray import has_ray
from dlkit.distributed.shards import worker_batches

__all__ = [
    "Checkpoint",
    "WorkerError",
    "has_ray",
    "launch",
    "load_latest",
    "meet",
    "read_tf_config",
    "ring_all_reduce_seconds",
    "step_seconds",
    "worker_batches",
]
