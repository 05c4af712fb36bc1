"""dlkit.machine.report: on Colab, on Kaggle, with a GPU and with a broken one."""

import subprocess
import sys
import types

import pytest

from dlkit import machine


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch):
    """No GPU that could be there, no platform, two cores."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    monkeypatch.setattr(machine, "cpu_cores", lambda: 2)
    pretend(monkeypatch, FileNotFoundError("nvidia-smi"))


def pretend(monkeypatch, outcome):
    """Let nvidia-smi end in an error, or print a text."""

    def run(command, **options):
        assert command[0] == "nvidia-smi"
        if isinstance(outcome, Exception):
            raise outcome
        return subprocess.CompletedProcess(command, *outcome)

    monkeypatch.setattr(subprocess, "run", run)


def test_a_machine_without_a_gpu(monkeypatch):
    assert machine.report() == "2 CPU cores, no GPU"
    monkeypatch.setattr(machine, "cpu_cores", lambda: 1)
    assert machine.report() == "1 CPU core, no GPU"


def test_gpus_are_named(monkeypatch):
    pretend(monkeypatch, (0, "Tesla T4\nTesla T4\n"))
    assert machine.report() == "2 CPU cores, Tesla T4, Tesla T4"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert machine.report() == "2 CPU cores, no GPU"


@pytest.mark.parametrize(
    "outcome",
    [
        (9, "NVIDIA-SMI has failed because it couldn't communicate with the driver.\n"),
        (0, ""),
        PermissionError("no"),
        subprocess.TimeoutExpired("nvidia-smi", 10),
    ],
)
def test_a_driver_that_does_not_answer_is_no_gpu(monkeypatch, outcome):
    pretend(monkeypatch, outcome)
    assert machine.nvidia_gpus() == []


def test_colab_and_kaggle_hear_where_to_switch_one_on(monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    assert machine.report().endswith("are faster with one: Settings > Accelerator)")
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert machine.report().endswith("are faster with one: Runtime > Change runtime type)")
    pretend(monkeypatch, (0, "Tesla T4\n"))
    assert machine.report() == "2 CPU cores, Tesla T4"
