"""The pages of `make course` in Chromium: they need no other host, and everyone can read them."""

import os
import re

import nbformat
import numpy as np
import pytest
import web_page
from helpers import browser
from helpers.lesson_rules import COURSE, read, source

pytestmark = pytest.mark.browser
PLAIN, FORMULAS = "00_start_here", "05_backpropagation"
# Of every visible text: the words, its ink, the paper below it. Ink that lets the paper through,
# by its own opacity or that of an element around it, is mixed with it.
TEXTS = """
() => {
  const rgba = text => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], paper) =>
    [r, g, b].map((c, i) => Math.round(a * c + (1 - a) * paper[i]));
  const paperOf = e => {
    if (!e) return [255, 255, 255];
    const color = rgba(getComputedStyle(e).backgroundColor);
    return color[3] === 1 ? color.slice(0, 3) : over(color, paperOf(e.parentElement));
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement;
    if (!node.data.trim() || !e.checkVisibility({visibilityProperty: true})) continue;
    if (["SCRIPT", "STYLE"].includes(e.tagName)) continue;
    const ink = rgba(getComputedStyle(e).color);
    for (let a = e; a; a = a.parentElement) ink[3] *= Number(getComputedStyle(a).opacity);
    const paper = paperOf(e);
    found.set(`${over(ink, paper)} on ${paper}`, [node.data.trim(), over(ink, paper), paper]);
  }
  return [...found.values()];
}
"""
COLOR_ALONE = """
() => [...document.querySelectorAll("a[href]")]
  .filter(a => a.checkVisibility() && !getComputedStyle(a).textDecorationLine.includes("underline"))
  .map(a => a.textContent)
"""
# nbconvert lets the body scroll, not the window.
SCROLLS_SIDEWAYS = "() => document.body.scrollWidth - document.body.clientWidth"
INVISIBLE = """
() => [...document.querySelectorAll("math")]
  .filter(m => m.querySelector("merror") || m.getBoundingClientRect().width < 1
    || m.getBoundingClientRect().height < 4)
  .map(m => m.textContent)
"""


@pytest.fixture(scope="module", autouse=True)
def latex2mathml():
    """`make browser` asks for these tests: there, a skipped one would be a lie."""
    if not os.environ.get("DLKIT_BROWSER_REQUIRED"):
        pytest.importorskip("latex2mathml", reason="`make browser` installs it")


@pytest.fixture(scope="module")
def chromium():
    if not os.environ.get("DLKIT_BROWSER_REQUIRED"):
        pytest.importorskip("playwright", reason="`make browser` installs it")
    if not browser.find_browser():
        (pytest.fail if os.environ.get("DLKIT_BROWSER_REQUIRED") else pytest.skip)("no Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = {"executable_path": browser.find_browser(), "args": browser.CHROMIUM_ARGS}
        found = playwright.chromium.launch(**options)
        yield found
        found.close()


@pytest.fixture(scope="module", params=[PLAIN, FORMULAS])
def opened(request, chromium, tmp_path_factory):
    """(name of the lesson, its page with all folds open, the addresses that it asked for)."""
    notebook = nbformat.read(browser.ROOT / "notebooks" / f"{request.param}.ipynb", as_version=4)
    file = tmp_path_factory.mktemp("page") / "lesson.html"
    file.write_text(web_page.web_page(notebook, request.param), encoding="utf-8")
    page, asked = chromium.new_page(viewport={"width": 390, "height": 844}), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.evaluate("() => document.querySelectorAll('details').forEach(d => d.open = true)")
    yield request.param, page, asked
    page.close()


def formulas_of(name):
    """The formulas of a lesson, told apart from code by rules of our own."""
    (lesson,) = COURSE.choose([name])
    text = "\n\n".join(map(source, read(lesson.file).markdown))
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    return re.findall(r"\$\$.+?\$\$|\$[^$]+\$", text, flags=re.DOTALL)


def faint_texts(page):
    """Texts with a contrast below 4.5, in words."""
    for words, ink, paper in page.evaluate(TEXTS):
        image = np.array([[paper] * 3, [paper, ink, paper], [paper] * 3])
        _, ratio = browser.contrast(image)
        if ratio < 4.5:
            yield f"contrast {ratio:.2f}, {ink} on {paper}: {words[:60]}"


def test_a_page_asks_no_other_host_for_anything(opened):
    _, _, asked = opened
    assert not [url for url in asked[1:] if not url.startswith("data:")]


def test_every_formula_is_there_and_can_be_seen(opened):
    name, page, _ = opened
    formulas = formulas_of(name)
    on_their_own = [one for one in formulas if one.startswith("$$")]
    assert page.locator("math").count() == len(formulas)
    assert page.locator("math[display=block]").count() == len(on_their_own) > 0
    assert not page.evaluate(INVISIBLE)
    shown = " ".join(page.locator(".jp-MarkdownCell").all_inner_texts())
    assert not re.findall(r"\$\$|\\[a-z]+", shown), "LaTeX is left"


def test_every_formula_of_the_course_is_known():
    found = [one for lesson in COURSE.lessons for one in formulas_of(lesson.name)]
    assert len(found) > 100
    for one in found:
        web_page.formula(one.strip("$"))


def test_a_formula_is_written_in_the_elements_of_mathml():
    found = web_page.formula(r"\arg\min_k \frac{a}{b}", block=True)
    assert 'display="block"' in found and "\\" not in found
    assert "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>" in found
    with pytest.raises(ValueError, match=r"\\nosuch"):
        web_page.formula(r"\nosuch x")


def test_every_text_can_be_read(opened):
    _, page, _ = opened
    assert len(page.evaluate(TEXTS)) > 8, "prompts, comments, strings, keywords, links, …"
    assert not [*faint_texts(page)]


def test_links_are_told_by_more_than_their_colour(opened):
    _, page, _ = opened
    assert page.get_by_role("link").count() > 3
    assert not page.evaluate(COLOR_ALONE)


def test_nothing_is_wider_than_a_phone(opened):
    name, page, _ = opened
    page.evaluate("() => scrollTo(0, 2200)")
    browser.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=browser.SCREENSHOTS / f"{name}-page.png")
    assert page.evaluate(SCROLLS_SIDEWAYS) == 0


def test_the_checks_see_what_is_wrong(chromium):
    page, asked = chromium.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(
        "<p style='color: #777'>grey</p><div style='opacity: 0.5'><p>through</p></div>"
        "<p style='background: #333'>dark on dark</p><p>black on white</p>"
        "<a href='#' style='text-decoration: none'>link</a>"
        "<p style='width: 3000px'>wide</p><math><merror><mi>x</mi></merror></math><img src='http://127.0.0.1:9/no.png'>"
    )
    found = " ".join(faint_texts(page))
    assert all(words in found for words in ("grey", "through", "dark on dark"))
    assert "black on white" not in found
    assert page.evaluate(COLOR_ALONE) == ["link"]
    assert page.evaluate(INVISIBLE) == ["x"]
    assert page.evaluate(SCROLLS_SIDEWAYS) > 1000
    assert asked == ["http://127.0.0.1:9/no.png"]
    page.close()
