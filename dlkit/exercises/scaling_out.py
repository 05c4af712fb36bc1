"""Exercises of lesson 23: shares of a batch, unequal shares, the ring's time, the last worker."""

import numpy as np

from dlkit.exercises.engine import Case, Exercise, Mistake, Property


def share_of_batch(batch: np.ndarray, worker: int, num_workers: int) -> np.ndarray:
    """A worker's rows of a batch: a contiguous part, the first workers get one more if need be.

    Example:
        >>> [share_of_batch(np.arange(5), worker, 2).tolist() for worker in (0, 1)]
        [[0, 1, 2], [3, 4]]
    """
    least, more = divmod(len(batch), num_workers)
    start = worker * least + min(worker, more)
    return batch[start : start + least + (worker < more)]


def combined_gradient(gradients: list[np.ndarray], counts: list[int]) -> np.ndarray:
    """Gradient of the mean loss of all examples, from those of each worker's share.

    Example:
        >>> combined_gradient([np.array([1.0]), np.array([4.0])], [2, 1])
        array([2.])
    """
    weighted = [count * gradient for gradient, count in zip(gradients, counts, strict=True)]
    return np.sum(weighted, axis=0) / sum(counts)


def ring_time(num_workers: int, num_bytes: float, bandwidth: float, latency: float) -> float:
    """Seconds of a ring all-reduce: 2 (N - 1) messages, each of an Nth of the bytes.

    Example:
        >>> ring_time(4, 4e9, 1e9, 0.5)
        9.0
    """
    messages = 2 * (num_workers - 1)
    return messages * (num_bytes / num_workers / bandwidth + latency)


# ---- share_of_batch --------------------------------------------------------------------------

share = Exercise(
    "share",
    reference=share_of_batch,
    cases=[
        Case("worker 0 of 2", np.arange(10, 18), 0, 2),
        Case("worker 1 of 2", np.arange(10, 18), 1, 2),
        Case("the last of 3, 8 rows", np.arange(20, 28), 2, 3),
        Case("the first of 3, 8 rows", np.arange(20, 28), 0, 3),
        Case("the second of 3, 7 rows", np.arange(20, 27), 1, 3),
        Case("one worker alone", np.arange(5), 0, 1),
        Case("more workers than rows", np.arange(2), 3, 4),
    ],
    mistakes=[
        Mistake(
            "You deal the rows out like cards. Here a share is one piece without gaps.",
            lambda batch, worker, num_workers: batch[worker::num_workers],
        ),
        Mistake(
            "Rows get lost: some batches cannot be divided without a rest.",
            lambda batch, worker, num_workers: batch[
                worker * (len(batch) // num_workers) : (worker + 1) * (len(batch) // num_workers)
            ],
        ),
        Mistake(
            "The last worker takes the whole rest, and the others wait for it. Give each of the "
            "first workers one row more.",
            lambda batch, worker, num_workers: batch[
                worker * (len(batch) // num_workers) : (worker + 1) * (len(batch) // num_workers)
                if worker < num_workers - 1
                else None
            ],
        ),
        Mistake(
            "You round the size of a share up, so the last workers get too little.",
            lambda batch, worker, num_workers: batch[
                worker * -(-len(batch) // num_workers) : (worker + 1)
                * -(-len(batch) // num_workers)
            ],
        ),
    ],
    hints=[
        "How many rows does everybody get, and how many are left over?",
        "The ones left over go to the first workers, one each. Where does a share start, then?",
        "It starts after `worker` full shares, and after one more row for each earlier worker that "
        "got one.",
    ],
)

# ---- combine ---------------------------------------------------------------------------------

_ONE, _OTHER = np.array([[1.0, -2.0], [0.5, 4.0]]), np.array([[3.0, 0.0], [-1.5, 2.0]])

combine = Exercise(
    "combine",
    reference=combined_gradient,
    cases=[
        Case("equal shares", [_ONE, _OTHER], [8, 8]),
        Case("shares of 48 and 16", [_ONE, _OTHER], [48, 16]),
        Case("three workers", [np.ones(2), np.zeros(2), np.array([4.0, -1.0])], [3, 2, 1]),
        Case("a worker without rows", [_ONE, np.zeros((2, 2))], [5, 0]),
        Case("alone", [_OTHER], [7]),
    ],
    mistakes=[
        Mistake(
            "You average as if all shares were equal.",
            lambda gradients, counts: sum(gradients) / len(gradients),
        ),
        Mistake("You add up and divide by nothing.", lambda gradients, counts: sum(gradients)),
        Mistake(
            "You multiply by the counts, and forget to divide by how many examples there are.",
            lambda gradients, counts: sum(c * g for g, c in zip(gradients, counts, strict=True)),
        ),
        Mistake(
            "You divide by the number of workers, not by the number of examples.",
            lambda gradients, counts: (
                sum(c * g for g, c in zip(gradients, counts, strict=True)) / len(counts)
            ),
        ),
    ],
    hints=[
        "Each worker's gradient is a mean. What was it divided by?",
        "Undo that division, add up, and divide by the number of all examples.",
    ],
)

# ---- ring_seconds ----------------------------------------------------------------------------

ring_seconds = Exercise(
    "ring_seconds",
    reference=ring_time,
    cases=[
        Case("two workers", 2, 4e6, 1e9, 1e-4),
        Case("four workers", 4, 4e6, 1e9, 1e-4),
        Case("four workers without latency", 4, 4e6, 1e9, 0.0),
        Case("nobody to talk to", 1, 4e6, 1e9, 1e-4),
        Case("a thousand workers", 1000, 1e8, 1e10, 1e-5),
    ],
    mistakes=[
        Mistake(
            "The pieces go around twice: once to be added up, once to be handed out.",
            lambda n, size, bandwidth, latency: (n - 1) * (size / n / bandwidth + latency),
        ),
        Mistake(
            "You send the whole array in each message. A message holds one piece of it.",
            lambda n, size, bandwidth, latency: 2 * (n - 1) * (size / bandwidth + latency),
        ),
        Mistake(
            "The latency is paid once for each message, not once in all.",
            lambda n, size, bandwidth, latency: 2 * (n - 1) * size / n / bandwidth + latency,
        ),
        Mistake(
            "A ring of N has N - 1 rounds in each direction: after them everybody has been passed.",
            lambda n, size, bandwidth, latency: 2 * n * (size / n / bandwidth + latency),
        ),
    ],
    hints=[
        "Count the messages that one worker sends, and the bytes in each.",
        "There are N - 1 rounds of adding up, and as many of handing out; a piece is an Nth.",
        "Each message takes its bytes over the bandwidth, and one latency.",
    ],
)

# ---- largest ---------------------------------------------------------------------------------

COMPUTE_S, NUM_BYTES, BANDWIDTH, LATENCY = 2.0, 400e6, 10e9, 20e-6


def efficiency(num_workers: int) -> float:
    """What N workers make of their number: the time of one, over N times the time of N.

    One batch takes 2 s on one worker, and N workers share it; 400 MB of gradients go around at
    10 GB/s, with 20 microseconds for each message.

    Example:
        >>> efficiency(1)
        1.0
    """
    seconds = COMPUTE_S / num_workers + ring_time(num_workers, NUM_BYTES, BANDWIDTH, LATENCY)
    return COMPUTE_S / (num_workers * seconds)


def _is_the_last(answer):
    if isinstance(answer, str) or np.ndim(answer) or not np.isreal(answer):
        return "give one number of workers."
    if not answer >= 1 or answer != int(answer):
        return "give a whole number, 1 or more."
    found = efficiency(int(answer))
    if found < 0.5:
        return f"with {int(answer)} workers the efficiency is {found:.3f}, below one half."
    if efficiency(int(answer) + 1) >= 0.5:
        return f"with one more than {int(answer)} the efficiency is still one half or more."


largest = Exercise(
    "largest",
    properties=[Property("the largest number with an efficiency of one half", _is_the_last)],
    hints=[
        "exercises.efficiency(8) says what eight workers make of it. Try some numbers.",
        "It falls with every worker more, so look for the last that is above, in a loop.",
        "Call exercises.efficiency for each number up to 100 and keep those of 0.5 and more.",
    ],
    solution="""
good = [n for n in range(1, 101) if exercises.efficiency(n) >= 0.5]
my_largest = max(good)
# The speed-up peaks at 219 workers, with 21 times the speed of one. Beyond, every worker more
# adds two messages, and their latency costs more than the smaller shares save.
""",
)
