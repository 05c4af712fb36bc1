"""What this machine computes with, in one line, without the seconds that TensorFlow's import takes.

The set-up cell of every lesson prints it. What Keras itself uses is for
:func:`dlkit.environment.start_keras` to say.
"""

import os
import subprocess
import sys

from dlkit.environment import cpu_cores

GPU_LESSONS = "07, 10, 11 and 12"  # those with gpu = true in course.toml; a test keeps them in step


def nvidia_gpus(*, timeout=10):
    """Names of the NVIDIA GPUs, as their driver's ``nvidia-smi`` lists them.

    Args:
        timeout: seconds to wait for the driver.

    Returns:
        A list of str: empty without a GPU or a working driver, and where
        ``CUDA_VISIBLE_DEVICES`` hides all GPUs.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return run.stdout.strip().splitlines() if run.returncode == 0 else []


def report():
    """CPU cores and GPUs in one line; on Colab and Kaggle also where to switch a GPU on.

    Returns:
        str, e.g. ``"2 CPU cores, no GPU"``.
    """
    cores, gpus = cpu_cores(), nvidia_gpus()
    line = f"{cores} CPU core{'s' if cores > 1 else ''}, {', '.join(gpus) or 'no GPU'}"
    if "google.colab" in sys.modules:
        menu = "Runtime > Change runtime type"
    elif "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        menu = "Settings > Accelerator"
    else:
        menu = ""
    if gpus or not menu:
        return line
    return f"{line} (lessons {GPU_LESSONS} are faster with one: {menu})"
