"""Answers to the exercises of lesson 23: wrong ones with what they must hear, and right ones."""

import numpy as np

# ---- share -----------------------------------------------------------------------------------


def like_cards(batch, worker, num_workers):
    return [row for number, row in enumerate(batch) if number % num_workers == worker]


def loses_the_rest(batch, worker, num_workers):
    size = len(batch) // num_workers
    return batch[: size * num_workers].reshape(num_workers, size)[worker]


def last_takes_the_rest(batch, worker, num_workers):
    size = len(batch) // num_workers
    return batch[size * worker :] if worker == num_workers - 1 else batch[size * worker :][:size]


def rounds_up(batch, worker, num_workers):
    size = int(np.ceil(len(batch) / num_workers))
    return batch[size * worker : size * worker + size]


def from_one(batch, worker, num_workers):
    return by_numpy(batch, worker - 1, num_workers)


def by_numpy(batch, worker, num_workers):
    return np.array_split(batch, num_workers)[worker]


def by_sizes(batch, worker, num_workers):
    sizes = [len(batch) // num_workers] * num_workers
    for other in range(len(batch) % num_workers):
        sizes[other] += 1
    return list(batch)[sum(sizes[:worker]) : sum(sizes[: worker + 1])]


# ---- combine ---------------------------------------------------------------------------------


def plain_mean(gradients, counts):
    return np.mean(gradients, axis=0)


def plain_sum(gradients, counts):
    return np.sum(gradients, axis=0)


def never_divides(gradients, counts):
    return np.tensordot(counts, gradients, axes=1)


def divides_by_workers(gradients, counts):
    return np.tensordot(counts, gradients, axes=1) / len(gradients)


def only_its_own(gradients, counts):
    return gradients[0]


def by_average(gradients, counts):
    return np.average(gradients, axis=0, weights=counts)


def by_shares(gradients, counts):
    shares = np.array(counts) / sum(counts)
    return sum(g * share for g, share in zip(gradients, shares, strict=True)).tolist()


# ---- ring_seconds ----------------------------------------------------------------------------


def once_around(n, num_bytes, bandwidth, latency):
    return (n - 1) / n * num_bytes / bandwidth + (n - 1) * latency


def whole_arrays(n, num_bytes, bandwidth, latency):
    return 2 * (n - 1) * num_bytes / bandwidth + 2 * (n - 1) * latency


def one_latency(n, num_bytes, bandwidth, latency):
    return 2 * (n - 1) / n * num_bytes / bandwidth + latency


def n_rounds(n, num_bytes, bandwidth, latency):
    return 2 * num_bytes / bandwidth + 2 * n * latency


def multiplies(n, num_bytes, bandwidth, latency):
    return 2 * (n - 1) / n * num_bytes * bandwidth + 2 * (n - 1) * latency


def by_the_formula(n, num_bytes, bandwidth, latency):
    return 2 * (n - 1) / n * num_bytes / bandwidth + 2 * (n - 1) * latency


def round_by_round(n, num_bytes, bandwidth, latency):
    seconds = 0.0
    for _ in range(2 * (n - 1)):
        seconds += num_bytes / n / bandwidth + latency
    return seconds


WRONG = {
    "share": [
        (like_cards, "like cards"),
        (loses_the_rest, "Rows get lost"),
        (last_takes_the_rest, "takes the whole rest"),
        (rounds_up, "round the size"),
        (from_one, "worker 0 of 2"),
    ],
    "combine": [
        (plain_mean, "as if all shares were equal"),
        (plain_sum, "divide by nothing"),
        (never_divides, "forget to divide"),
        (divides_by_workers, "by the number of workers"),
        (only_its_own, "equal shares"),
    ],
    "ring_seconds": [
        (once_around, "go around twice"),
        (whole_arrays, "whole array in each message"),
        (one_latency, "once for each message"),
        (n_rounds, "N - 1 rounds"),
        (multiplies, "two workers"),
    ],
    "largest": [
        (1000, "below one half"),
        (2, "still one half"),
        (2.5, "whole number"),
        ("many", "one number"),
    ],
}

RIGHT = {
    "share": [by_numpy, by_sizes],
    "combine": [by_average, by_shares],
    "ring_seconds": [by_the_formula, round_by_round],
    "largest": [25, np.int64(25)],
}
