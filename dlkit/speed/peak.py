"""The most memory that training took: of the GPU, or else of a fresh process that trains.

python -m dlkit.speed.peak convnet 512 1024
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from dlkit import machine


def process_peak() -> int:
    """The most memory that this process has held so far, in bytes (its resident set)."""
    if sys.platform == "win32":
        import psutil  # comes with ipykernel

        return psutil.Process().memory_info().peak_wset
    status = Path("/proc/self/status")  # on Linux getrusage would count what the parent held
    if status.exists():
        match = re.search(r"VmHWM:\s*(\d+)", status.read_text(encoding="utf-8"))
        if match:
            return 1024 * int(match[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def train_and_measure(network: str, batch_sizes: Sequence[int], steps: int = 3) -> list[int]:
    """Train a network of ``dlkit.models`` on noise with Adam; see `peak_bytes`."""
    import keras
    import numpy as np
    import tensorflow as tf

    from dlkit import models

    gpu = bool(tf.config.list_physical_devices("GPU"))
    model = getattr(models, network)((28, 28, 1), 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=False)
    peaks = []
    for size in batch_sizes:
        x, y = np.zeros((size, 28, 28, 1), "float32"), np.zeros(size, "int32")
        if gpu:
            tf.config.experimental.reset_memory_stats("GPU:0")
        for _ in range(steps):
            model.train_on_batch(x, y)
        gpu_peak = tf.config.experimental.get_memory_info("GPU:0")["peak"] if gpu else 0
        peaks.append(gpu_peak or process_peak())
    return peaks


def peak_bytes(network: str, batch_sizes: Iterable[int]) -> list[int]:
    """The most memory so far, after training with each batch size in turn.

    With a GPU it is the GPU's memory, by TensorFlow's own books, and this process trains.
    Without one it is the whole memory of a fresh process, which includes Python and TensorFlow:
    look at differences.

    Args:
        network: ``"mlp"`` or ``"convnet"``, of ``dlkit.models``, for digits.
        batch_sizes: increasing, because a process's peak never falls.

    Returns:
        list of int, bytes.

    Raises:
        ValueError: the sizes do not increase.
        RuntimeError: the other process failed; the message shows its last lines.
    """
    sizes = [int(size) for size in batch_sizes]
    if not sizes or sizes != sorted(set(sizes)):
        raise ValueError(f"batch_sizes are {sizes}; expected them to increase")
    if machine.gpu_names():
        return train_and_measure(network, sizes)
    command = [sys.executable, "-m", "dlkit.speed.peak", network, *map(str, sizes)]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    run = subprocess.run(command, capture_output=True, text=True, env=env)
    if run.returncode:
        raise RuntimeError(f"the process that trains failed:\n{run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


if __name__ == "__main__":
    machine.start_keras()
    print(json.dumps(train_and_measure(sys.argv[1], [int(size) for size in sys.argv[2:]])))
