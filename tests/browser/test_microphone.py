"""The microphone in Chromium, with its false device that beeps: samples come, errors are said."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from helpers import browser

from dlkit.interactive import _widget

pytestmark = pytest.mark.browser
TOLD = {
    "class_names": ["no", "<b>"],
    "rate": 8000,
    "seconds": 1,
    "probabilities": [],
    "percents": [],
    "verdict": "",
    "error": "",
}
PAGE = """<!DOCTYPE html><div id="here"></div><style>%s</style><script type="module">%s
const values = %s, listeners = {};
const model = {
  get: name => values[name],
  set: (name, value) => { values[name] = value; },
  save_changes: () => {
    window.sent = [...new Float32Array(values.samples.buffer)];
    Object.assign(values, window.answer);
    listeners["change:heard"]();
  },
  on: (event, listener) => { listeners[event] = listener; },
  off: () => {},
};
window.answer = { probabilities: [0.25, 0.75], percents: ["25 %%", "75 %%"], verdict: "It hears" };
render({ model, el: document.getElementById("here") });
</script>"""


@pytest.fixture(scope="module")
def address():
    """A page on 127.0.0.1, which browsers trust with a microphone."""
    source = _widget.Microphone._esm.replace("export default { render };", "")
    told = json.dumps(TOLD).replace("<", "\\u003c")
    body = (PAGE % (_widget.Microphone._css, source, told)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def open_page(address):
    if not os.environ.get("DLKIT_BROWSER_REQUIRED"):
        pytest.importorskip("playwright", reason="`make browser` installs it")
    if not browser.find_browser():
        (pytest.fail if os.environ.get("DLKIT_BROWSER_REQUIRED") else pytest.skip)("no Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = []

        def open_it(*more):
            options = {"executable_path": browser.find_browser()}
            arguments = [*browser.CHROMIUM_ARGS, *more]
            chromium = playwright.chromium.launch(args=arguments, **options)
            found.append(chromium)
            page = chromium.new_page(viewport={"width": 390, "height": 844})
            page.goto(address)
            page.get_by_role("button").wait_for()
            return page

        yield open_it
        for chromium in found:
            chromium.close()


def test_what_the_microphone_hears_comes_at_the_wanted_rate(open_page):
    page = open_page("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    assert page.get_by_role("status").inner_text() == "It records when you press the button."
    page.get_by_role("button").click()
    page.wait_for_function("window.sent", timeout=60_000)
    sent = np.array(page.evaluate("window.sent"))
    assert 4000 < len(sent) < 16_000, "about a second at 8,000 Hz"
    assert 0.01 < np.abs(sent).max() <= 1.5, "the false device beeps"
    assert page.get_by_role("status").inner_text() == "It hears"
    items = page.get_by_role("listitem").all_inner_texts()
    assert [item.split() for item in items] == [["no", "25", "%"], ["<b>", "75", "%"]]
    assert page.get_by_role("button").is_enabled()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "fits a phone"


def test_a_refusal_is_said_and_the_button_stays(open_page):
    page = open_page()  # no permission is asked in a browser without a face: it is refused
    page.get_by_role("button").click()
    page.wait_for_function(
        "document.querySelector('[role=status]').textContent.includes('WAV file')", timeout=60_000
    )
    assert page.get_by_role("button").is_enabled()
