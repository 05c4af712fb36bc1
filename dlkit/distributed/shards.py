"""Who learns from which example: the same batches for any number of workers."""

from collections.abc import Iterator

import numpy as np


def worker_batches(
    examples: int,
    *,
    batch_size: int,
    num_workers: int = 1,
    worker: int = 0,
    seed: int = 0,
    epoch: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Yield one worker's part of each batch of one epoch.

    The order of the examples depends on the seed and the epoch alone. Batch k is cut into
    num_workers equal shares, so the workers' shares are disjoint, and together they are the batch
    that a single worker would see. A last, shorter batch is filled up with rows of weight 0: every
    call of a compiled step has one shape, on every worker.

    Args:
        examples: their number, 1 or more.
        batch_size: rows of a batch, all workers together; a multiple of num_workers.
        num_workers: how many share a batch.
        worker: which of them, from 0.
        seed, epoch: whole numbers of 0 or more.

    Yields:
        (rows, weights, count): int64 array of shape (batch_size / num_workers,); float32 of the
        same shape, 1 for a row that counts and else 0; the number of rows that count, over all
        workers.

    Raises:
        ValueError: an impossible number; the message names it.

    Example:
        >>> plan = {"batch_size": 4, "num_workers": 2}
        >>> shares = [list(worker_batches(5, worker=worker, **plan)) for worker in (0, 1)]
        >>> [(weights.tolist(), count) for _, weights, count in shares[1]]
        [([1.0, 1.0], 4), ([0.0, 0.0], 1)]
        >>> sorted(int(r) for share in shares for rows, w, _ in share for r in rows[w == 1])
        [0, 1, 2, 3, 4]
    """
    for name, value, minimum in (
        ("examples", examples, 1),
        ("batch_size", batch_size, 1),
        ("num_workers", num_workers, 1),
        ("seed", seed, 0),
        ("epoch", epoch, 0),
    ):
        if not isinstance(value, int | np.integer) or value < minimum:
            raise ValueError(f"{name} is {value!r}; expected a whole number of {minimum} or more")
    if worker not in range(num_workers):
        raise ValueError(f"worker is {worker!r}; expected 0 to {num_workers - 1}")
    if batch_size % num_workers:
        raise ValueError(
            f"batch_size is {batch_size}, which {num_workers} workers cannot share equally; "
            f"expected a multiple of {num_workers}"
        )
    return _batches(examples, batch_size, num_workers, worker, seed, epoch)


def _batches(examples, batch_size, num_workers, worker, seed, epoch):
    order = np.random.default_rng([seed, epoch]).permutation(examples)
    share = batch_size // num_workers
    for start in range(0, examples, batch_size):
        batch = order[start : start + batch_size]
        mine = batch[worker * share : (worker + 1) * share]
        rows = np.full(share, order[0])
        rows[: len(mine)] = mine
        weights = (np.arange(share) < len(mine)).astype("float32")
        yield rows, weights, len(batch)
