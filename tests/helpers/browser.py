"""JupyterLab as `make lab` starts it, on a copy of the course, and a page of it in Chromium.

The copy holds the lessons, the package and the offline sample: nothing that happens in the page
reaches the committed notebooks. What is opened is the learner's own, without outputs.
"""

import contextlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import matplotlib
import numpy as np
import psutil
from PIL import Image

from helpers import ROOT
from helpers.waiting import free_port

SCREENSHOTS = ROOT / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking"]
# What pytest and a surrounding make would hand on, and a learner's shell does not have.
NOT_FOR_JUPYTER = {"PYTEST_CURRENT_TEST", "MPLBACKEND", "MAKEFLAGS", "MFLAGS"}
NOT_FOR_JUPYTER |= {"DLKIT_CLAIMS", "DLKIT_WIDGETS"}
LOG = "jupyterlab.log"
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


def find_browser():
    """The path of a Chromium: $DLKIT_BROWSER, the system's, Playwright's own; else None."""
    if chosen := os.environ.get("DLKIT_BROWSER"):
        return shutil.which(chosen)
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


def what_is_missing():
    """Why there can be no test in a browser here, in words; None if there can."""
    if Path(sys.prefix).resolve() != (ROOT / ".venv").resolve() or not shutil.which("make"):
        return "`make lab` is tested: this needs make, and to be run by the Python of .venv"
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "Playwright is not installed; `make browser` does that"
    if not find_browser():
        return "no Chromium found: install it, or name one in DLKIT_BROWSER"
    return None


def copy_course(folder):
    """The package, the sample and the lessons."""
    ignore = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "downloads")
    for name in ("dlkit", "data", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)  # by which dlkit knows the course's folder


def environment_of(folder, token):
    """A learner's environment, with Jupyter's folders to itself, and without any data set.

    With DLKIT_BROWSER_DATA=real, data sets are found and fetched as anywhere else.
    """
    env = {name: value for name, value in os.environ.items() if name not in NOT_FOR_JUPYTER}
    env |= {"PYTHONPATH": str(folder), "JUPYTER_TOKEN": token}
    # matplotlib's list of fonts is in its cache: made anew, it would be a line on stderr.
    env["MPLCONFIGDIR"] = matplotlib.get_cachedir()
    private = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
    private += ["JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
    if env.get("DLKIT_BROWSER_DATA") != "real":
        private += ["KERAS_HOME", "XDG_CACHE_HOME"]
        env |= {"DLKIT_OFFLINE": "1", "DLKIT_DATA_DIR": ""}
    for name in private:
        env[name] = str(folder / ".private" / name)
        Path(env[name]).mkdir(parents=True)
    settings = Path(env["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    return env


def read_log(folder):
    return (folder / LOG).read_text(encoding="utf-8", errors="replace")


class Server:
    """JupyterLab, and what the tests ask it by its web interface."""

    def __init__(self, process, port, token, folder):
        self.process, self.folder = process, folder
        self.address, self.token = f"http://127.0.0.1:{port}", token

    def ask(self, path, method="GET"):
        """The answer to a request, read as JSON; None if it is empty."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.address + path, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def wait_until_ready(self, seconds=120):
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.ask("/api/status")
            except OSError:  # refused, reset, or too slow
                ended = self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    what = "ended" if ended else f"is not there after {seconds} s"
                    raise RuntimeError(f"`make lab` {what}:\n{read_log(self.folder)}") from None
            time.sleep(0.2)

    def end_kernels(self):
        for session in self.ask("/api/sessions"):
            self.ask(f"/api/sessions/{session['id']}", method="DELETE")

    def family(self):
        """The processes that `make lab` has started, itself included."""
        try:
            make = psutil.Process(self.process.pid)
            return [make, *make.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


@contextlib.contextmanager
def make_lab(folder):
    """`make lab` on a copy of the course in this empty folder; yields a `Server`.

    Raises:
        RuntimeError: it did not start, or left a process behind (which has been killed).
    """
    copy_course(folder)
    port, token = free_port(), secrets.token_hex(16)
    options = f"--no-browser --allow-root --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0"
    # The Makefile's own line, in the copy; -o: .venv is as it is, and not to be made anew there.
    make = ["make", "-f", ROOT / "Makefile", "-o", "install", "lab", f"ARGS={options}"]
    with (folder / LOG).open("w") as file:
        process = subprocess.Popen(
            [*make, f"VENV_PYTHON={sys.executable}"],
            cwd=folder,
            env=environment_of(folder, token),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # so that all of it can be ended at once
        )
    server = Server(process, port, token, folder)
    try:
        server.wait_until_ready()
        yield server
    finally:
        left = end(server)
    if left:
        raise RuntimeError(f"`make lab` left processes behind: {left}\n{read_log(folder)}")


def end(server, seconds=20):
    """Ends the server as a shell would, then whatever is left; returns the latter."""
    family = server.family()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.process.wait(seconds)
    _, alive = psutil.wait_procs(family, timeout=seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=seconds)
    return alive


# ---- A lesson in a page ----------------------------------------------------------------------

# The pad is there in place of the picture of it that a saved notebook shows.
READ_CODE_CELLS = """
() => [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")].map(cell => ({
  prompt: cell.querySelector(".jp-InputPrompt").textContent,
  folded: cell.querySelector(".jp-InputPlaceholder") !== null,
  outputs: cell.querySelectorAll(".jp-OutputArea-child").length,
  stderr: [...cell.querySelectorAll("[data-mime-type$='stderr'], [data-mime-type$='error']")]
    .map(output => output.textContent),
  images: cell.querySelectorAll(".jp-OutputArea :is(img, .dlkit-pad)").length,
  old: cell.querySelectorAll("[data-old]").length,
}))
"""
MARK_OUTPUTS = """
() => document.querySelectorAll(".jp-OutputArea-child").forEach(o => o.setAttribute("data-old", ""))
"""
SOME_CELL_WAITS = """
() => [...document.querySelectorAll(".jp-InputPrompt")].some(p => p.textContent.includes("*"))
"""
# The arrow keys leave out folded cells.
KEYS_TO = """
(wanted, active) => {
  const cells = [...wanted.parentNode.children];
  const [to, from] = [wanted, active].map(cell => cells.indexOf(cell));
  const down = to > from;
  const passed = cells.slice(Math.min(to, from) + down, Math.max(to, from) + down);
  const open = passed.filter(cell => cell.querySelector(".jp-InputPlaceholder") === null);
  return open.map(() => down ? "ArrowDown" : "ArrowUp");
}
"""
NO_CELL_WAITS = f"() => !({SOME_CELL_WAITS})()"
# A folded cell shows no number: that it has run can be seen by its new output alone.
FOLDED_CELLS_SHOW = """
() => [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")].every(cell =>
  cell.querySelector(".jp-InputPlaceholder") === null ||
  cell.querySelector(".jp-OutputArea-child:not([data-old])") !== null)
"""
# What cannot be seen whole: a notebook that scrolls sideways, a part that hides its right end, one
# that ends to the right of whatever holds it. Long lines and wide tables may scroll; pictures not.
CUT_OFF = """
() => {
  const notebook = document.querySelector(".jp-NotebookPanel-notebook");
  const right = e => e.getBoundingClientRect().right;
  const style = e => getComputedStyle(e).overflowX;
  const found = [];
  const report = (e, what) => {
    if (!found.some(([other]) => other.contains(e))) found.push([e, what]);
  };
  if (notebook.scrollWidth > notebook.clientWidth) report(notebook, "scrolls sideways");
  const parts = ".jp-InputArea, .jp-OutputArea *, .jp-MarkdownOutput *";
  for (const e of notebook.querySelectorAll(parts)) {
    if (e.checkVisibility() === false || e.closest("mjx-assistive-mml")) continue;
    if (["hidden", "clip"].includes(style(e)) && e.scrollWidth > e.clientWidth + 1)
      report(e, "cuts off its content");
    let holder = e.parentElement;
    while (holder !== notebook && !["auto", "scroll"].includes(style(holder)))
      holder = holder.parentElement;
    const mayScroll = holder !== notebook && !e.matches("img, canvas");
    if (!mayScroll && right(e) > right(holder) + 1) report(e, "ends too far right");
  }
  return found.map(([e, what]) => `${e.tagName} ${e.className} ${what}: ${e.textContent.trim()}`);
}
"""


class LessonPage:
    """A lesson, opened in JupyterLab.

    Args:
        page: a page of Playwright.
        server: a `Server`.
        stem: the notebook's name without ".ipynb".
    """

    def __init__(self, page, server, stem):
        self.page, self.stem, self.errors = page, stem, []
        page.on("pageerror", lambda error: self.errors.append(error))
        page.goto(f"{server.address}/lab/tree/{stem}.ipynb?token={server.token}&reset")
        self.wait_until_idle()

    def wait_until_idle(self, seconds=60):
        """The toolbar's mark comes too early: what is run before the kernel is there is lost."""
        status = self.page.locator("#jp-main-statusbar", has_text="| Idle")
        status.wait_for(timeout=1000 * seconds)

    def choose(self, *path):
        """Choose an entry of the menu bar by the texts on the way to it."""
        self.page.locator("#jp-MainMenu .lm-MenuBar-itemLabel", has_text=path[0]).click()
        for text in path[1:]:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(text, exact=True).click()

    def run_all(self):
        self.choose("Run", "Run All Cells")
        self.wait_until_run()

    def restart_and_run_all(self):
        """By the menu and its dialog; what was there before gets a mark."""
        self.page.evaluate(MARK_OUTPUTS)
        self.choose("Run", "Restart Kernel and Run All Cells…")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.wait_until_run()

    def wait_until_run(self, seconds=300):
        """Until cells have waited for their turn, and then none does."""
        self.page.wait_for_function(SOME_CELL_WAITS, timeout=60_000)
        self.page.wait_for_function(NO_CELL_WAITS, timeout=1000 * seconds)
        self.wait_until_idle()
        for _ in range(40):  # one that shows nothing even then is found by `code_cells`
            if self.page.evaluate(FOLDED_CELLS_SHOW):
                return
            self.page.wait_for_timeout(500)

    @property
    def code_cells(self):
        """Of each: its prompt, whether it is folded, stderr; how many outputs, images, old ones."""
        return self.page.evaluate(READ_CODE_CELLS)

    @property
    def texts(self):
        """The other outputs: what was printed, verdicts, tables."""
        outputs = self.page.locator(".jp-Notebook .jp-OutputArea-output")
        return outputs.filter(has_not=self.page.locator("img")).all()

    @property
    def figures(self):
        return self.page.locator(".jp-Notebook .jp-OutputArea img").all()

    def cell(self, text):
        """The cell with this text in it."""
        return self.page.locator(".jp-Notebook .jp-Cell", has_text=text)

    def go_to(self, cell):
        """With the keyboard, to this cell, from wherever in the notebook; returns it."""
        active = self.page.locator(".jp-Notebook .jp-Cell.jp-mod-active")
        self.page.keyboard.press("Escape")  # out of a cell's text
        self.tab_to(active, key="Shift+Tab")  # out of a widget
        for key in cell.evaluate(KEYS_TO, active.element_handle()):
            self.page.keyboard.press(key)
        cell.and_(active).wait_for()
        return cell

    def tab_to(self, locator, *, key="Tab", presses=40):
        """Press Tab until this has the keyboard, as somebody without a mouse would."""
        for _ in range(presses):
            if locator.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{presses} presses of {key} do not reach {locator}")

    def cut_off(self):
        """What cannot be seen whole at this width, in words."""
        self.page.wait_for_timeout(500)  # the page is laid out anew
        return self.page.evaluate(CUT_OFF)

    @contextlib.contextmanager
    def dark(self):
        """JupyterLab's dark theme, by the menu; the light one again afterwards."""
        self.set_theme("JupyterLab Dark", light=False)
        try:
            yield
        finally:
            self.set_theme("JupyterLab Light", light=True)

    def set_theme(self, name, *, light):
        self.choose("Settings", "Theme", name)
        self.page.locator(f"body[data-jp-theme-light={str(light).lower()}]").wait_for(
            state="attached"
        )
        self.page.wait_for_timeout(500)

    def shoot(self, name):
        """Keep a picture of the window, for somebody to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{self.stem}-{name}.png")


# ---- What can be seen ------------------------------------------------------------------------


def bring_into_view(locator):
    """Scroll until it stays: cells are laid out only when they come near, and push it away."""
    before = None
    while (box := locator.bounding_box()) != before:
        locator.scroll_into_view_if_needed()
        locator.page.wait_for_timeout(50)
        before = box


def pixels(locator):
    """What is on the screen where this element is, as an RGB image, without its outermost edge."""
    bring_into_view(locator)
    image = Image.open(io.BytesIO(locator.screenshot())).convert("RGB")
    return image.crop((2, 2, image.width - 2, image.height - 2))


def contrast(image):
    """The luminance of the paper, and the contrast of the strongest ink with it, from 1 to 21.

    The paper is the commonest colour on the image's border. Source: WCAG 2.2, contrast ratio.
    """
    colors = np.asarray(image) / 255
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    border = np.concatenate([luminance[0], luminance[-1], luminance[:, 0], luminance[:, -1]])
    values, counts = np.unique(border, return_counts=True)
    paper = values[counts.argmax()]
    darkest, lightest = luminance.min(), luminance.max()
    return paper, max((paper + 0.05) / (darkest + 0.05), (lightest + 0.05) / (paper + 0.05))
