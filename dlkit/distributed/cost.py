"""What a training step on N workers costs, when their gradients are summed around a ring."""

import numpy as np


def ring_all_reduce_seconds(
    num_workers: float | np.ndarray, num_bytes: float, *, bandwidth: float, latency: float
) -> float | np.ndarray:
    """Time in which N workers sum equally long arrays, so that each of them has the sum.

    t = 2 (N - 1) / N * bytes / bandwidth + 2 (N - 1) * latency

    The array is cut into N pieces. In N - 1 rounds each worker passes one piece to its neighbour,
    which adds its own; in N - 1 more the finished pieces go around. All workers send at once.

    Args:
        num_workers: N, 1 or more; a number or an array.
        num_bytes: length of the array on each worker, in bytes: 4 for each float32 parameter.
        bandwidth: bytes per second from a worker to its neighbour, above 0.
        latency: seconds that a message takes beside its bytes, 0 or more.

    Returns:
        Seconds: float, or float64 array of num_workers' shape; 0 for one worker.

    Raises:
        ValueError: fewer than one worker, a negative size or latency, a bandwidth not above 0.

    Source: Patarasuk and Yuan (2009), doi:10.1016/j.jpdc.2008.09.002.

    Example:
        >>> round(ring_all_reduce_seconds(4, 4_000_000, bandwidth=1e9, latency=1e-5), 6)
        0.00606
    """
    workers = np.asarray(num_workers, dtype=float)
    if not (workers >= 1).all():
        raise ValueError(f"num_workers is {num_workers}; expected 1 or more")
    if not num_bytes >= 0 or not latency >= 0:
        raise ValueError(f"num_bytes is {num_bytes}, latency {latency}; expected 0 or more")
    if not bandwidth > 0:
        raise ValueError(f"bandwidth is {bandwidth}; expected bytes per second, above 0")
    seconds = 2 * (workers - 1) / workers * num_bytes / bandwidth + 2 * (workers - 1) * latency
    return seconds if seconds.ndim else float(seconds)


def step_seconds(
    num_workers: float | np.ndarray,
    *,
    compute_seconds: float | np.ndarray,
    num_bytes: float,
    bandwidth: float,
    latency: float,
) -> float | np.ndarray:
    """Time of one training step: every worker computes, and then all sum their gradients.

    t = compute + 2 (N - 1) / N * bytes / bandwidth + 2 (N - 1) * latency

    It assumes that no worker waits for a slower one, that computing and sending do not overlap,
    and that every link is as good as every other.

    Args:
        num_workers: N, 1 or more; a number or an array.
        compute_seconds: seconds in which a worker finds the gradient of its share; a number, or
            an array beside num_workers.
        num_bytes, bandwidth, latency: as for `ring_all_reduce_seconds`.

    Returns:
        Seconds: float, or float64 array.

    Raises:
        ValueError: as `ring_all_reduce_seconds`, or a negative compute_seconds.

    Source: Patarasuk and Yuan (2009), doi:10.1016/j.jpdc.2008.09.002.

    Example:
        >>> step_seconds(2, compute_seconds=0.5, num_bytes=1e8, bandwidth=1e9, latency=0)
        0.6
    """
    if not (np.asarray(compute_seconds) >= 0).all():
        raise ValueError(f"compute_seconds is {compute_seconds}; expected 0 or more")
    return compute_seconds + ring_all_reduce_seconds(
        num_workers, num_bytes, bandwidth=bandwidth, latency=latency
    )
