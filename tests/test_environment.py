"""The quiet start of Keras, and what doctor says of machines that are well and that are not."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dlkit import environment

ROOT = Path(__file__).parents[1]


def run_python(code, **variables):
    """A fresh process with the environment of a learner, stderr at the level of the descriptor."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTEST_CURRENT_TEST", "KERAS_BACKEND")}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env | variables, cwd=ROOT
    )


def test_keras_starts_without_a_line_of_log():
    run = run_python(
        "from dlkit import environment; print(environment.start_keras());"
        "import keras, numpy as np; m = keras.Sequential([keras.layers.Dense(1)]);"
        "m.compile('sgd', 'mse'); m.fit(np.ones((8, 2)), np.ones(8), verbose=0)"
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert re.fullmatch(r"Keras \S+ on TensorFlow \S+, \d+ CPU cores, .+\n", run.stdout)


def test_comparing_many_models_raises_no_warning_of_retracing():
    run = run_python(
        "from dlkit import environment; environment.start_keras();"
        "import keras, numpy as np; x = np.ones((8, 2), 'float32')\n"
        "for _ in range(8): keras.Sequential([keras.layers.Dense(1)]).predict(x, verbose=0)"
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_an_import_that_fails_is_not_hidden():
    run = run_python(
        "from dlkit import environment; environment.start_keras()", KERAS_BACKEND="no_such_backend"
    )
    assert run.returncode != 0 and "no_such_backend" in run.stderr


def test_what_the_import_wrote_is_shown_when_it_fails(tmp_path):
    (tmp_path / "keras.py").write_text(
        "import os; os.write(2, b'libfoo.so is missing\\n'); raise ImportError('no keras')"
    )
    code = "from dlkit import environment; environment.start_keras()"
    run = run_python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}")
    assert "libfoo.so is missing" in run.stderr and "ImportError: no keras" in run.stderr


def test_doctor_on_this_machine(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert environment.doctor() == 0
    out = capsys.readouterr().out
    assert "Ready: open notebooks/00_start_here.ipynb" in out
    assert "[fail]" not in out
    assert len(out.splitlines()) <= 20, "more than a screenful"
    assert "DLKIT_OFFLINE" not in os.environ


def test_doctor_reports_every_failure_and_its_cure(capsys, monkeypatch):
    monkeypatch.setattr(environment, "OLDEST_PYTHON", (4, 0))
    monkeypatch.setitem(environment.PACKAGES, "no-such-package", "1.0")
    monkeypatch.setitem(environment.PACKAGES, "numpy", "99.0")
    monkeypatch.setattr(
        environment, "_check_keras", lambda: ("fail", "Keras does not start", "Do.")
    )
    assert environment.doctor() == 1
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
    mark, said, advice = environment._check_keras(timeout=1 if "sleep" in program else 60)
    assert mark == "fail" and found in said and cure in advice


def test_the_kernel_of_this_python_is_well_whatever_is_first_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment._check_kernel()[0] == "ok"


def test_a_kernel_of_another_python_is_noticed(monkeypatch, tmp_path):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["/usr/bin/other-python"], "display_name": "x"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    mark, said, advice = environment._check_kernel()
    assert mark == "note" and "other-python" in said and "make lab" in advice


def test_doctor_asks_for_what_requirements_txt_asks_for():
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    bounds = dict(re.findall(r"^([\w-]+)>=([\d.]+)", text, flags=re.MULTILINE))
    for name, oldest in (environment.PACKAGES | environment.JUPYTER_PACKAGES).items():
        assert bounds[name] == oldest, name


def test_the_packages_dependencies_are_among_the_requirements():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    for dependency in project["dependencies"]:
        assert re.search(rf"^{re.escape(dependency)}\s", requirements, flags=re.MULTILINE)
