"""Training in several processes, on one machine or on a cluster.

`launch` starts the workers on this machine; each calls `dlkit.distributed.training.join` and
`train`. Beyond one machine Ray Train is the engine: its ``TensorflowTrainer`` runs the same worker
function, `dlkit.distributed.digits.train_digits` for one, and `RayCheckpoints` leaves checkpoints
and restarts to it. Only ``agreement``, ``training`` and ``digits`` import TensorFlow.
"""

from dlkit.distributed.checkpoints import Checkpoint, CheckpointFolder, load_latest
from dlkit.distributed.cost import ring_all_reduce_seconds, step_seconds
from dlkit.distributed.launcher import WorkerError, launch
from dlkit.distributed.on_ray import RayCheckpoints
from dlkit.distributed.rendezvous import read_tf_config, rendezvous
from dlkit.distributed.shards import worker_batches

__all__ = [
    "Checkpoint",
    "CheckpointFolder",
    "RayCheckpoints",
    "WorkerError",
    "launch",
    "load_latest",
    "read_tf_config",
    "rendezvous",
    "ring_all_reduce_seconds",
    "step_seconds",
    "worker_batches",
]
