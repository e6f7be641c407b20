"""What the browser tests share: the page on loopback, Chromium, and visitors who fail the test on any complaint.

A plugin of conftest.py: page_url, browser and new_page are there for every test_web_*.py.
"""

import os

import pytest

from denoiser.bench import BenchError
from denoiser.bench.serving import CHROMIUM_FLAGS, find_chromium

DESKTOP = {"width": 1280, "height": 800}

# Every component is there and nothing moves any more: what is drawn before that may miss the pad.
READY = """async () => {
  const pad = document.querySelector("#pad .paper canvas"), card = document.querySelector("#board .card");
  const place = () => [pad, card].flatMap(e => Object.values(e.getBoundingClientRect().toJSON())).join();
  if (!pad || !card) return false;
  await document.fonts.ready;
  const before = place();
  await new Promise(resolve => setTimeout(resolve, 150));
  return pad.width === Math.round(pad.clientWidth * devicePixelRatio) && place() === before;
}"""


def missing(reason: str):
    """Skip; but where CI is set nothing may be left out, so fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def page_url():
    """The address of the whole page, served from this process on a free port of the loopback."""
    from denoiser.web.page import build_page, launch_options

    demo = build_page()
    _, url, _ = demo.launch(
        prevent_thread_lock=True, server_name="127.0.0.1", server_port=free_port(), quiet=True, **launch_options()
    )
    yield url
    demo.close()


def free_port() -> int:
    """A port that nothing listens on, so that test processes do not meet."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def browser():
    """A system Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the browser tests need playwright: pip install -r tests/requirements.txt")
    try:
        path = find_chromium()
    except BenchError as error:
        missing(str(error))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


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
        context = browser.new_context(**({"viewport": DESKTOP} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # the machine may be busy with much else
        page.on("request", watch_request)
        page.on("pageerror", lambda error: complaints.append(f"exception: {error}"))
        page.on("console", lambda line: complaints.append(f"console: {line.text}") if line.type == "error" else None)
        page.goto(page_url)
        page.wait_for_function(READY)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")  # a delayed answer may still be on its way
        context.close()
    assert not complaints, "\n".join(complaints)
