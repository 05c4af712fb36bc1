"""Where a training second goes: stop-watch, operations, bytes, the roofline, a profile, a table.

- ``loops``: training a multilayer perceptron in plain Python.
- ``pieces``: single operations and layers, to be timed alone.
- ``timing``: run several ways in turn, or one until its best time is known.
- ``work``: operations and bytes that a network's training needs, by formula; the roofline.
- ``rates``: what this machine reaches: operations and bytes per second.
- ``peak``: the most memory that training took, as measured.
- ``profile``: TensorFlow's own profile of a run, in seconds by kind.
- ``table``: measured rows that name their hardware, as lesson 22 shows them.
"""

from dlkit.speed.timing import best_seconds, show_speedups, time_in_turn
from dlkit.speed.work import dense_bytes, roofline, show_memory, training_bytes, training_flops

__all__ = [
    "best_seconds",
    "dense_bytes",
    "roofline",
    "show_memory",
    "show_speedups",
    "time_in_turn",
    "training_bytes",
    "training_flops",
]
