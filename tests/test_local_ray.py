"""Starting Ray again where it was too busy to come up; Ray itself is a stand-in here."""

import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from dlkit import local_ray


class BusyRay:
    """A Ray that comes up at one of its attempts, and leaves a process behind at the others."""

    def __init__(self, comes_up_at):
        self.comes_up_at, self.calls, self.processes = comes_up_at, [], []

    def init(self, address, **options):
        self.calls.append((address, options))
        code = "import time; time.sleep(600)"
        self.processes.append(subprocess.Popen([sys.executable, "-c", code]))
        if len(self.calls) != self.comes_up_at:
            raise Exception("The current node timed out during startup.")

    def shutdown(self):
        pass


@pytest.fixture
def start(monkeypatch):
    made = []

    def start(comes_up_at):
        ray = BusyRay(comes_up_at)
        made.append(ray)
        module = SimpleNamespace(init=ray.init, shutdown=ray.shutdown)
        monkeypatch.setitem(sys.modules, "ray", module)
        return ray

    yield start
    for process in [process for ray in made for process in ray.processes]:
        process.kill()
        process.wait()


@pytest.mark.parametrize("comes_up_at", [1, local_ray.ATTEMPTS])
def test_ray_is_started_again_and_failed_attempts_leave_nothing(start, comes_up_at):
    ray = start(comes_up_at)
    other = psutil.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        local_ray.start_ray(num_cpus=2)
        assert ray.calls == comes_up_at * [("local", {"num_cpus": 2})]
        *failed, up = ray.processes
        assert [process.wait(timeout=60) for process in failed] == [-9] * len(failed)
        assert up.poll() is None and other.is_running()
    finally:
        other.kill()
        other.wait()


def test_ray_is_given_up_with_its_own_words(start):
    ray = start(comes_up_at=None)
    with pytest.raises(ValueError, match="Ray does not start: The current node timed out"):
        local_ray.start_ray()
    assert len(ray.calls) == local_ray.ATTEMPTS
