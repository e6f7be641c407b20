"""What the browser tests share: the page on loopback, Chromium, and visitors who fail the test on any complaint.

A plugin of conftest.py: page_url, browser and new_page are there for every test_web_*.py.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from denoiser.bench import BenchError
from denoiser.bench.browser import CHROMIUM, CHROMIUM_FLAGS, DESKTOP, find_chromium, free_port

# Every component is there and nothing moves any more: what is drawn before that may miss the pad.
READY = """async () => {
  const pad = document.querySelector("#pad .paper canvas"), card = document.querySelector("#board .card");
  const place = () => [pad, card].flatMap(e => Object.values(e.getBoundingClientRect().toJSON())).join();
  if (!pad || !card || !document.title) return false;
  await document.fonts.ready;
  const before = place();
  await new Promise(resolve => setTimeout(resolve, 150));
  return pad.width === Math.round(pad.clientWidth * devicePixelRatio) && place() === before;
}"""


SETTLED = (
    "() => window.denoiser && denoiser.state.sweep !== null"
    " && denoiser.state.sweep.asked === [denoiser.state.version, denoiser.state.kind, denoiser.state.seed,"
    " denoiser.state.shownModels.map(m => m.name)].join('/')"
)


# Notes in `written` what is written on canvases.
RECORD_TEXTS = """() => {
  window.written = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    window.written.push(text);
    return fillText.call(this, text, ...rest);
  };
}"""


SEVEN = [(0.25, 0.25), (0.75, 0.25), (0.45, 0.8)]


def settle(page):
    """Wait until the whole ladder of the present question is there."""
    page.wait_for_function(SETTLED, timeout=60_000)


def wipe(page):
    """An empty pad: the digit that a first visit begins with is wiped away."""
    page.wait_for_function("() => denoiser.state.ghost")
    page.evaluate("() => denoiser.setDrawing({})")


def draw(page, points=SEVEN):
    """One stroke on the pad, in units of its side."""
    box = page.locator("#pad .paper").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def copy_link(page):
    """Press "Copy link" in the menu "Share"."""
    page.locator("#header .share summary").click()
    page.locator("#header .copy-link").click()


def pictures(page):
    """What the cards' canvases show now, one string of pixels each."""
    return page.evaluate(
        """() => [...document.querySelectorAll('#board .card canvas')].map(c =>
             c.classList.contains('unlit') ? '' : [...c.getContext('2d').getImageData(0, 0, 28, 28).data].join())"""
    )


def ink_share(page):
    """The share of the pad's pixels that are ink."""
    return page.evaluate(
        """() => { const c = document.querySelector('#pad .paper canvas');
             const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             let n = 0; for (let i = 0; i < d.length; i += 4) n += d[i + 3] > 200 && d[i] < 60;
             return n / c.width / c.width; }"""
    )


def faults(page):
    """What axe finds serious or critical, as lines for people."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{found['id']} ({found['impact']}): {node['html'][:120]}"
        for found in Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
    ]


def missing(reason: str):
    """Skip; but where CI is set nothing may be left out, so fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def served(pool=None) -> Iterator[str]:
    """The address of the whole page, served from this process on a free port of the loopback."""
    from denoiser.web.app import build_page, launch_options

    demo = build_page(pool)
    _, url, _ = demo.launch(
        prevent_thread_lock=True, server_name="127.0.0.1", server_port=free_port(), quiet=True, **launch_options()
    )
    yield url
    demo.close()


@pytest.fixture(scope="session")
def page_url():
    """The page of all models."""
    with served() as url:
        yield url


@pytest.fixture
def few_strokes(monkeypatch):
    """Few synthetic digits to train on, and our own ten digits to watch, as where there is no MNIST."""
    from denoiser.data.synthetic_digits import DATA, make_synthetic_digits
    from denoiser.web.serving import live_training

    digits = make_synthetic_digits(480)
    monkeypatch.setattr(live_training, "training_data", lambda: live_training.TrainingData(DATA, digits))
    monkeypatch.setattr(live_training, "has_mnist", lambda: False)
    monkeypatch.setattr("denoiser.web.serving.digits.mnist_test", lambda: None)
    return digits


@pytest.fixture
def short_trainings(monkeypatch):
    """However short a training is, its model is kept."""
    monkeypatch.setattr("denoiser.web.train.handlers.MIN_SECONDS", 0.0)


@pytest.fixture(scope="session")
def chromium():
    """The path of a system Chromium: of its headless shell if possible, which opens the page at half the cost."""
    try:
        return find_chromium(("chromium-headless-shell", *CHROMIUM))
    except BenchError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def browser(chromium):
    """A Chromium that all tests of this process share."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        missing("the browser tests need playwright: pip install -r tests/requirements.txt")
    expect.set_options(timeout=60_000)  # the machine may be busy with much else
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def new_page(browser, page_url):
    """new_page(**options) opens the page as a new visitor.

    At the end the test fails on an error in a console, an exception in a script, or a request to another host.
    """
    contexts, complaints = [], []

    def watch_request(request):
        if not request.url.startswith((page_url, page_url.replace("http", "ws", 1), "data:", "blob:")):
            complaints.append(f"request to another host: {request.url}")

    def open_page(**options):
        context = browser.new_context(**(DESKTOP | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # the machine may be busy with much else
        page.on("request", watch_request)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.on("console", lambda line: complaints.append(f"console: {line.text}") if line.type == "error" else None)
        page.goto(page_url)
        deadline = time.monotonic() + 60
        while not page.evaluate(READY):  # wait_for_function takes any promise for true
            assert time.monotonic() < deadline, "the page does not come to rest"
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")  # a delayed answer may still be on its way
        context.close()
    assert not complaints, "\n".join(complaints)
