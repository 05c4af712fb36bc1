"""The quiet start of Keras, and what doctor says of machines that are well and that are not."""

import os
import platform
import re
import subprocess
import sys

import pytest
from helpers import ROOT

from dlkit import doctor, machine
from dlkit.machine import processor


def run_python(code, **variables):
    """A fresh process with the environment of a learner, stderr at the level of the descriptor."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_CURRENT_TEST", "KERAS_BACKEND")}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env | variables, cwd=ROOT
    )


def test_keras_starts_without_a_line_of_log():
    run = run_python(
        "from dlkit import machine; print(machine.start_keras());"
        "import keras, numpy as np; m = keras.Sequential([keras.layers.Dense(1)]);"
        "m.compile('sgd', 'mse'); m.fit(np.ones((8, 2)), np.ones(8), verbose=0)"
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"Keras \S+ on TensorFlow \S+, \d+ CPU cores, .+\n", run.stdout)


def test_comparing_many_models_raises_no_warning_of_retracing():
    run = run_python(
        "from dlkit import machine; machine.start_keras();"
        "import keras, numpy as np; x = np.ones((8, 2), 'float32')\n"
        "for _ in range(8): keras.Sequential([keras.layers.Dense(1)]).predict(x, verbose=0)"
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_an_import_that_fails_is_not_hidden():
    run = run_python(
        "from dlkit import machine; machine.start_keras()", KERAS_BACKEND="no_such_backend"
    )
    assert run.returncode != 0 and "no_such_backend" in run.stderr


def test_what_the_import_wrote_is_shown_when_it_fails(tmp_path):
    (tmp_path / "keras.py").write_text(
        "import os; os.write(2, b'libfoo.so is missing\\n'); raise ImportError('no keras')"
    )
    code = "from dlkit import machine; machine.start_keras()"
    run = run_python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}")
    assert "libfoo.so is missing" in run.stderr and "ImportError: no keras" in run.stderr


NOISE = "import os, sys, warnings; from dlkit import machine; "
MADE = "os.write(2, b'from C\\n'); print('from Python', file=sys.stderr); warnings.warn('w')"


def test_hidden_stderr_hides_what_c_and_python_write_and_only_within_its_block():
    run = run_python(f"{NOISE}\nwith machine.hidden_stderr(): {MADE}\nos.write(2, b'after')")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "after")


def test_hidden_stderr_shows_it_when_the_block_raises():
    run = run_python(f"{NOISE}\nwith machine.hidden_stderr(): {MADE}; 1 / 0")
    for text in ("from C", "from Python", "UserWarning: w", "ZeroDivisionError"):
        assert text in run.stderr


def test_doctor_on_this_machine(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert doctor.doctor() == 0
    out = capsys.readouterr().out
    assert "Ready: open notebooks/00_start_here.ipynb" in out
    assert "[fail]" not in out
    assert len(out.splitlines()) <= 20, "more than a screenful"
    assert "DLKIT_OFFLINE" not in os.environ


@pytest.fixture
def quick(monkeypatch):
    """Doctor without the seconds of starting Keras."""
    monkeypatch.setattr(doctor, "_check_keras", lambda: ("ok", "Keras on TensorFlow", ""))
    return monkeypatch


def test_the_report_can_be_pasted_and_tells_what_a_helper_asks_first(quick, capsys):
    quick.setenv("DLKIT_OFFLINE", "1")
    assert doctor.doctor(report=True) == 0
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert (first, last) == ("```text", "```")
    text = "\n".join(lines)
    for fact in (
        "dlkit 0.",
        "commit",
        "GPU: ",
        "ipywidgets ",
        "anywidget ",
        "CPU cores",
        "GiB free",
    ):
        assert fact in text, fact
    assert platform.release() in text and platform.python_version() in text
    assert "DLKIT_OFFLINE=1" in text and "[ ok ] Keras" in text


def test_the_report_ends_as_doctor_does(quick, capsys):
    quick.setattr(doctor, "_check_keras", lambda: ("fail", "Keras does not start", "Do."))
    assert doctor.doctor(report=True) == 1
    assert "[fail] Keras     Keras does not start" in capsys.readouterr().out


def test_the_report_holds_nothing_personal(quick, capsys, tmp_path):
    home = tmp_path / "ada.lovelace"
    quick.setenv("HOME", str(home))
    quick.setenv("USERPROFILE", str(home))
    quick.setenv("HTTPS_PROXY", "http://ada:hunter2@proxy.firm.example:3128")
    quick.setenv("DLKIT_DATA_DIR", str(home / "private"))
    quick.setenv("MY_TOKEN", "hunter3")
    quick.setattr(machine.getpass, "getuser", lambda: "adalove")
    quick.setattr(machine.platform, "node", lambda: "adas-laptop")
    said = f"kernel at {home}/envs/x/bin/python on adas-laptop by adalove, C:\\Users\\Ada L\\py.exe"
    quick.setattr(doctor, "_check_kernel", lambda: ("note", said, f"See {home}/log"))
    doctor.doctor(report=True)
    text = capsys.readouterr().out
    for secret in ("hunter", "ada.lovelace", "adalove", "adas-laptop", "firm", "private", "Ada L"):
        assert secret not in text, secret
    assert str(ROOT) not in text and str(tmp_path) not in text and sys.prefix not in text
    assert "set, values left out: DLKIT_DATA_DIR, HTTPS_PROXY" in text
    assert "~/…/python on <host> by <user>, …\\py.exe" in text


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("see /opt/course/data", "see …/data"),
        ("from https://example.org/a/b", "from https://example.org/a/b"),
        ("3.5 m/s and 12/13", "3.5 m/s and 12/13"),
        ("data/mnist.npz", "data/mnist.npz"),
    ],
)
def test_only_paths_are_shortened(text, short):
    assert machine.impersonal(text) == short


def test_doctor_reports_every_failure_and_its_cure(capsys, monkeypatch):
    monkeypatch.setattr(doctor, "OLDEST_PYTHON", (4, 0))
    monkeypatch.setitem(doctor.PACKAGES, "no-such-package", "1.0")
    monkeypatch.setitem(doctor.PACKAGES, "numpy", "99.0")
    monkeypatch.setattr(doctor, "_check_keras", lambda: ("fail", "Keras does not start", "Do."))
    assert doctor.doctor() == 1
    out = capsys.readouterr().out
    assert "Install Python 4.0" in out
    assert "no-such-package is missing" in out
    assert re.search(r"numpy [\d.]+ is older than 99.0", out)
    assert len(re.findall(r"^\[fail\]", out, re.MULTILINE)) == 3 and out.count("->") >= 3
    assert "Not ready yet" in out


@pytest.mark.parametrize(
    ("program", "found", "cure"),
    [
        ("raise SystemExit('no module named keras')", "no module named keras", "make install"),
        ("import os; os.abort()", "does not start", "AVX"),
        ("import time; time.sleep(60)", "did not start within 1 s", "Close other programs"),
    ],
)
def test_keras_that_fails_crashes_or_hangs_becomes_a_message(
    program, found, cure, tmp_path, monkeypatch
):
    if os.name == "nt" and "abort" in program:
        pytest.skip("Windows reports a crash by another status")
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(program)
    real_run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda a, **kw: real_run([sys.executable, str(stand_in)], **kw)
    )
    mark, said, advice = doctor._check_keras(timeout=1 if "sleep" in program else 60)
    assert mark == "fail" and found in said and cure in advice


def test_the_kernel_of_this_python_is_well_whatever_is_first_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._check_kernel()[0] == "ok"


def test_a_kernel_of_another_python_is_noticed(monkeypatch, tmp_path):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["/usr/bin/other-python"], "display_name": "x"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    mark, said, advice = doctor._check_kernel()
    assert mark == "note" and "other-python" in said and "make lab" in advice


def test_the_processor_has_a_name():
    name = processor()
    assert name and "\n" not in name and ":" not in name
