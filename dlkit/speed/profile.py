"""TensorFlow's own profile of a run, read without TensorBoard: seconds by kind of event."""

import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

STAGE = "Iterator::Root::"  # how the profiler names the stages of a tf.data pipeline
WAIT = "IteratorGetNextOp::DoCompute"  # the training step asks for its next batch


def profile(function: Callable[[], object]) -> dict:
    """Run a function under TensorFlow's profiler.

    The file that the profiler writes is the one that TensorBoard's Profile page shows. Each of its
    events has a name and a duration; here they are added up.

    Args:
        function: without arguments; what it trains should have run once before, so that
            tracing does not count.

    Returns:
        dict: ``"wall"``, seconds in all; ``"waiting"``, seconds in which training steps waited for
        data; ``"stages"``, dict from each stage of the input pipeline to its own seconds, those of
        the stages before it left out, in the order in which the data go through them.

    Example:
        >>> data = tf.data.Dataset.range(50).batch(10)
        >>> sorted(profile(lambda: [batch for batch in data]))
        ['stages', 'waiting', 'wall']
    """
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        start = time.perf_counter()
        try:
            function()
        finally:
            wall = time.perf_counter() - start
            tf.profiler.experimental.stop()
        totals = event_seconds(folder)
    inclusive: dict[str, float] = {}
    for name, s in totals.items():
        if name.startswith(STAGE):
            name = re.sub(r"\[\d+\]", "", name)  # which of several inputs
            inclusive[name] = inclusive.get(name, 0.0) + s
    own = {}
    for name in sorted(inclusive, key=lambda name: -name.count("::")):
        within = sum(s for n, s in inclusive.items() if n.rpartition("::")[0] == name)
        stage = name.rpartition("::")[2]
        if stage != "Prefetch":  # its consumer only waits for the thread that does the work
            own[stage] = max(inclusive[name] - within, 0.0)
    return {"wall": wall, "waiting": totals.get(WAIT, 0.0), "stages": own}


def event_seconds(folder: str | os.PathLike) -> dict[str, float]:
    """Seconds by name of event, over all threads, of the profiles in a folder.

    Args:
        folder: where ``tf.profiler.experimental.start`` was told to write.

    Returns:
        dict from the name to seconds.
    """
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    totals: dict[str, float] = {}
    for path in Path(folder).rglob("*.xplane.pb"):
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
        for plane in space.planes:
            names = {key: metadata.name for key, metadata in plane.event_metadata.items()}
            for event in (event for line in plane.lines for event in line.events):
                name = names[event.metadata_id]
                totals[name] = totals.get(name, 0.0) + event.duration_ps / 1e12
    return totals
