"""Two stop-watches: several ways in turn, and the best of many calls."""

import time
from collections.abc import Callable


def time_in_turn(
    ways: dict[str, Callable[[], object]], *, rounds: int = 3
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Time several functions round by round, so that a busy moment hits all of them alike.

    A first round, which traces and compiles, is timed apart.

    Args:
        ways: dict from a name to a function without arguments that returns when its work is done.
        rounds: rounds that count, 1 or more.

    Returns:
        ``(seconds, first)``: dicts from the name to a list of ``rounds`` seconds, and to the
        seconds of the round that does not count.

    Raises:
        ValueError: no way, or no round.

    Example:
        >>> seconds, first = time_in_turn({"nothing": lambda: None, "sum": lambda: sum(range(9))})
        >>> [len(times) for times in seconds.values()], sorted(first)
        ([3, 3], ['nothing', 'sum'])
    """
    if not ways or rounds < 1:
        raise ValueError(f"got {len(ways)} ways and {rounds} rounds; expected one of each or more")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    first: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name, function in ways.items():
            start = time.perf_counter()
            function()
            taken = time.perf_counter() - start
            if turn:
                seconds[name].append(taken)
            else:
                first[name] = taken
    return seconds, first


def best_seconds(function: Callable[[], object], *, seconds: float = 0.2, calls: int = 5) -> float:
    """The shortest time of many calls: what is possible when nothing else disturbs.

    Args:
        function: without arguments; returns when its work is done. One call more comes first.
        seconds: how long to go on.
        calls: how many calls at least.

    Returns:
        Seconds of the quickest call.

    Example:
        >>> best_seconds(lambda: sum(range(100)), seconds=0.01) > 0
        True
    """
    function()
    best, count, begun = float("inf"), 0, time.perf_counter()
    while count < calls or time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
        count += 1
    return best


def show_speedups(seconds: dict[str, float], unit: str = "s") -> None:
    """Print named times, each with its ratio to the one before.

    Args:
        seconds: dict from a name to a time.
        unit: what a time is counted in.

    Example:
        >>> show_speedups({"loops": 20.0, "NumPy": 0.1})
        loops                            20.0000 s
        NumPy                             0.1000 s, 200 times as fast as the line above
    """
    before = None
    for name, taken in seconds.items():
        note = f", {before / taken:.3g} times as fast as the line above" if before else ""
        print(f"{name:30} {taken:9.4f} {unit}{note}")
        before = taken
