"""Ray Train as the engine: it starts the workers, keeps checkpoints, and starts workers again."""

import tempfile

from dlkit.distributed.checkpoints import Checkpoint, load_latest


class RayCheckpoints:
    """Ray Train as the store of checkpoints, for a worker function that Ray Train runs.

    Ray Train copies each checkpoint to the ``storage_path`` of its ``RunConfig``. When a worker is
    lost, and ``FailureConfig(max_failures=...)`` allows it, Ray Train starts the worker function
    again in new processes, and hands the last checkpoint back.

    Source: https://docs.ray.io/en/latest/train/user-guides/fault-tolerance.html
    """

    def load(self) -> Checkpoint | None:
        """The last checkpoint that was reported in this run, or None."""
        from ray import train

        reported = train.get_checkpoint()
        if reported is None:
            return None
        with reported.as_directory() as folder:
            return load_latest(folder)

    def save(self, state: Checkpoint, worker: int) -> None:
        """Report a checkpoint; Ray Train waits until every worker has called this."""
        from ray import train

        metrics = {"epoch": state.epoch, "total_steps": state.total_steps}
        if worker != 0:
            train.report(metrics)
            return
        with tempfile.TemporaryDirectory() as folder:
            state.save(folder)
            train.report(metrics, checkpoint=train.Checkpoint.from_directory(folder))
