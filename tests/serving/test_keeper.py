"""Nothing outlives a service, whichever of its processes is killed: the keeper, without Ray."""

import contextlib
import subprocess
import sys
import time

import psutil
import pytest
from helpers.waiting import wait_until

from dlkit.serving import keeper

pytestmark = pytest.mark.slow

# Stands for the service: a child that is needed and has a child of its own, and one that is not.
SERVICE = """
import subprocess, sys, time
from dlkit.serving import keeper

def lost(name):
    print("lost", flush=True)

sleep = "import time; time.sleep(600)"
nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{sleep}'])"
children = [subprocess.Popen([sys.executable, "-c", code]) for code in (nested, sleep)]
watching = keeper.Keeper(sys.argv[1], lost)
if "need" in sys.argv:
    watching._vital = {"nested": keeper.psutil.Process(children[0].pid)}
print(watching._process.pid, *[child.pid for child in children], flush=True)
if "finish" in sys.argv:
    sys.stdin.readline()
    watching.finish()
    print("finished", flush=True)
time.sleep(600)
"""


class Started:
    """The stand-in, its keeper, its two children and the child of the first."""

    def __init__(self, folder, *words):
        self.folder = folder / "of the service"
        self.folder.mkdir()
        (self.folder / "file").write_text("a socket, say")
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVICE, str(self.folder), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        numbers = map(int, self.process.stdout.readline().split())
        self.keeper, self.nested, self.other = map(psutil.Process, numbers)
        wait_until(lambda: self.nested.children(), 60, "the first child has a child")
        self.family = [self.nested, self.other, *self.nested.children()]
        time.sleep(3 * keeper.INTERVAL)  # the keeper has been told of them

    def is_gone(self):
        return not self.folder.exists() and all(map(keeper.has_ended, self.family))

    def end(self):
        for process in (self.process, self.keeper, *self.family):
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.wait(60)


@pytest.fixture
def start(tmp_path):
    started = []

    def make(*words):
        started.append(Started(tmp_path, *words))
        return started[0]

    yield make
    for service in started:
        service.end()


def test_a_killed_service_leaves_nothing(start):
    service = start()
    service.process.kill()
    wait_until(service.is_gone, 60, "its children and its folder are gone")
    wait_until(lambda: keeper.has_ended(service.keeper), 60, "the keeper, too")


def test_the_grandchildren_of_a_killed_child_go_with_the_service(start):
    """They are nobody's children any more: the keeper knows them from before."""
    service = start()
    service.nested.kill()
    service.process.kill()
    wait_until(service.is_gone, 60, "all are gone")


def test_the_loss_of_a_process_that_is_needed_is_told(start):
    service = start("need")
    service.other.kill()
    time.sleep(3 * keeper.INTERVAL)
    service.nested.kill()
    assert service.process.stdout.readline() == "lost\n"
    assert service.process.poll() is None, "what follows is for the service to say"


def test_a_killed_keeper_is_replaced(start):
    service = start()
    service.keeper.kill()

    def successors():
        children = psutil.Process(service.process.pid).children()
        alive = [process for process in children if not keeper.has_ended(process)]
        return [process for process in alive if "dlkit.serving.keeper" in process.cmdline()]

    wait_until(lambda: successors() not in ([], [service.keeper]), 60, "there is a new one")
    time.sleep(3 * keeper.INTERVAL)
    service.process.kill()
    wait_until(service.is_gone, 60, "all are gone")


@pytest.mark.parametrize("is_killed", [False, True])
def test_an_orderly_end_waits_until_all_is_gone(start, is_killed):
    service = start("finish")
    if is_killed:
        service.keeper.kill()  # the service does it itself
    service.process.stdin.write("go\n")
    service.process.stdin.flush()
    assert service.process.stdout.readline() == "finished\n"
    assert service.is_gone()


def test_another_process_with_the_same_number_is_spared(tmp_path):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        number, created = keeper.identity(psutil.Process(sleeper.pid))
        keeper.end([(number, created - 100)], str(tmp_path / "none"))
        assert sleeper.poll() is None
        keeper.end([(number, created)], str(tmp_path / "none"))
        assert sleeper.wait(60) != 0
    finally:
        sleeper.kill()
