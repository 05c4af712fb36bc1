"""Ray on this machine, started in spite of a busy moment. Ray is in requirements-cloud.txt."""

import contextlib
from typing import Any

import psutil

ATTEMPTS = 4


def start_ray(**options: Any) -> None:
    """Start Ray on this machine, once more where it was too busy the first time.

    Ray gives up when one of its own processes needs more than 15 s to come up, which no setting of
    Ray's changes (ray issue 65983). What a failed attempt leaves is ended here.

    Args:
        **options: of ``ray.init``, beside its address.

    Raises:
        ValueError: Ray does not start, not even after some attempts.
    """
    import ray

    before = set(psutil.Process().children(recursive=True))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ray.init("local", **options)
            return
        except Exception as error:  # Ray raises a plain Exception
            ray.shutdown()
            for process in set(psutil.Process().children(recursive=True)) - before:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            if attempt == ATTEMPTS:
                raise ValueError(f"Ray does not start: {error}") from None
