"""The map of attention in Chromium, without a notebook: mouse and keys choose, the page answers."""

import json
import os

import pytest
from helpers import browser

from dlkit.interactive import _widget

pytestmark = pytest.mark.browser
TOLD = {
    "weights": [[[0.9, 0.1, 0.0], [0.0, 0.25, 0.75]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]],
    "queries": ["20", "05"],
    "looked_at": ["May", "<b>", "2024"],
    "head_names": ["head 1", "head 2"],
    "truth": [[2], []],
    "chosen": 0,
}
PAGE = """<div id="here"></div><style>%s</style><script type="module">%s
const values = %s, listeners = {};
const model = {
  get: name => values[name],
  set: (name, value) => { values[name] = value; (listeners["change:" + name] || (() => {}))(); },
  save_changes: () => { window.sent = values.chosen; },
  on: (event, listener) => { listeners[event] = listener; },
};
render({ model, el: document.getElementById("here") });
</script>"""


@pytest.fixture
def page():
    if not os.environ.get("DLKIT_BROWSER_REQUIRED"):
        pytest.importorskip("playwright", reason="`make browser` installs it")
    if not browser.find_browser():
        (pytest.fail if os.environ.get("DLKIT_BROWSER_REQUIRED") else pytest.skip)("no Chromium")
    from playwright.sync_api import sync_playwright

    source = _widget.Attention._esm.replace("export default { render };", "")
    told = json.dumps(TOLD).replace("<", "\\u003c")
    with sync_playwright() as playwright:
        options = {"executable_path": browser.find_browser(), "args": browser.CHROMIUM_ARGS}
        chromium = playwright.chromium.launch(**options)
        found = chromium.new_page(viewport={"width": 390, "height": 844})
        found.set_content(PAGE % (_widget.Attention._css, source, told))
        found.locator(".dlkit-attention-said").wait_for()
        yield found
        chromium.close()


def test_the_mouse_and_the_arrow_keys_choose_and_the_page_says_what_is_seen(page):
    said = page.get_by_role("status")
    first = "“20” looks most: head 1 at “May” (90 %); head 2 nowhere. Framed, the truth: “2024”."
    second = "“05” looks most: head 1 at “2024” (75 %); head 2 at “<b>” (100 %)."
    assert said.inner_text() == first
    assert page.locator(".dlkit-attention-true").count() == 2, "in each head"
    page.get_by_text("05", exact=True).click()
    assert said.inner_text() == second and page.evaluate("window.sent") == 1
    assert page.locator(".dlkit-attention-true").count() == 0
    page.keyboard.press("ArrowLeft")
    assert said.inner_text() == first and page.evaluate("window.sent") == 0
    assert page.get_by_role("radio").count() == 2
    heights = page.eval_on_selector_all(
        ".dlkit-attention-bar", "bars => bars.map(bar => bar.style.height)"
    )
    assert heights == ["90%", "10%", "0%", "0%", "0%", "0%"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "fits a phone"
