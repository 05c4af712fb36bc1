"""What machine is this, and how to start TensorFlow quietly."""

import contextlib
import importlib
import os
import platform
import re
import sys
import tempfile
from pathlib import Path


@contextlib.contextmanager
def hidden_stderr():
    """Hide what a block writes on stderr, from Python or from C++; show it if the block raises.

    TensorFlow's C++ code writes its log lines straight to file descriptor 2, which no Python
    setting can reach: only a redirected descriptor keeps them out of a notebook cell. Python's
    warnings go to ``sys.stderr``, which in a notebook is something else.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            with (
                open(2, "w", encoding="utf-8", closefd=False) as hidden,
                contextlib.redirect_stderr(hidden),
            ):
                yield
        except BaseException:
            os.dup2(kept, 2)
            caught.seek(0)
            sys.stderr.write(caught.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def start_keras():
    """Import Keras and its backend without a line of C++ log, and say what it runs on.

    Call it before the first ``import keras`` or ``import tensorflow`` of a notebook: whoever
    imports first prints. It imports, and silences TensorFlow's logs below errors; nothing else.

    Returns:
        One line, e.g. ``"Keras 3.15.1 on TensorFlow 2.21.0, 2 CPU cores, no GPU"``.

    Raises:
        ImportError: Keras or its backend is not installed or cannot be loaded; what the
            import wrote to stderr is shown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with hidden_stderr():
        keras = importlib.import_module("keras")
        backend = keras.backend.backend()
        module = importlib.import_module(backend)
        gpus = gpu_names()
        # On the other backends keras.utils.set_random_seed imports TensorFlow where there is one.
        with contextlib.suppress(ImportError):
            tf = importlib.import_module("tensorflow")
            tf.get_logger().setLevel("ERROR")  # it warns of retracing whenever you compare models
    label = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}.get(backend, backend)
    device = ", ".join(gpus) if gpus else "no GPU"
    return (
        f"Keras {keras.__version__} on {label} {module.__version__}, {cpu_cores()} CPU cores, "
        f"{device}"
    )


def cpu_cores():
    """Number of CPU cores that this process may use (a container's limit counts)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor():
    """The processor's name as its maker gives it, as far as the system tells."""
    facts = Path("/proc/cpuinfo")  # Linux: platform.processor() is empty there, or just "x86_64"
    text = facts.read_text(encoding="utf-8") if facts.exists() else ""
    named = re.search(r"model name\s*: (.+)", text)
    return named[1] if named else platform.processor() or platform.machine()


def gpu_names():
    """Names of the GPUs that Keras's backend can use.

    Returns:
        A list of str, empty without a GPU.
    """
    backend = importlib.import_module("keras").backend.backend()
    if backend == "tensorflow":
        tf = importlib.import_module("tensorflow")
        devices = tf.config.list_physical_devices("GPU")
        details = [tf.config.experimental.get_device_details(device) for device in devices]
        return [detail.get("device_name", "GPU") for detail in details]
    if backend == "jax":
        jax = importlib.import_module("jax")
        return [d.device_kind for d in jax.devices() if d.platform in ("gpu", "cuda", "rocm")]
    if backend == "torch":
        torch = importlib.import_module("torch")
        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return []
