"""The real page in a real browser: the server in its own process, headless Chromium, and simulated mouse and touch."""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from . import BenchError

if TYPE_CHECKING:
    from playwright.sync_api import Page

APP = Path(__file__).resolve().parents[2] / "app.py"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DESKTOP: dict = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PATIENCE = 180.0  # seconds to wait for the page or an answer

Pointer = Callable[[str, float, float], None]  # "press", "move" or "lift" at a position (x, y) in the window, pixels


def free_port() -> int:
    """A free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served_page(port: int | None = None, app: Path = APP, **environment: str) -> Iterator[tuple[str, int]]:
    """app.py in a process of its own on the loopback: its address and process id; ended afterwards.

    `environment` is added to its variables, `app` may be that of another checkout. BenchError where it does not start.
    """
    port = port or free_port()
    environment = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)} | environment
    environment["GRADIO_ANALYTICS_ENABLED"] = "False"
    server = subprocess.Popen(
        [sys.executable, str(app)], env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while not answers(address):
            if server.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{app.name} did not start; run python {app} to see why")
            time.sleep(0.05)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait(10)


def answers(address: str) -> bool:
    """Whether something answers there."""
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def find_chromium(names: Sequence[str] = CHROMIUM) -> str:
    """The path of a system Chromium, the first of these commands that is installed; BenchError where none is."""
    if path := next(filter(None, map(shutil.which, names)), None):
        return path
    raise BenchError("this needs a system Chromium: install the package chromium")


@contextmanager
def browser_page(address: str, options: dict) -> Iterator["Page"]:
    """The page at `address` in headless Chromium with these context options, ready to draw on."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BenchError("the serving benchmark needs Playwright: pip install playwright") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_page(**options)
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(address)
        page.wait_for_selector("#board .card")
        try:
            yield page
        finally:
            browser.close()


def mouse(page: "Page") -> Pointer:
    """The mouse of the page."""

    def act(what: str, x: float, y: float) -> None:
        page.mouse.move(x, y)
        if what != "move":
            (page.mouse.down if what == "press" else page.mouse.up)()

    return act


def finger(page: "Page") -> Pointer:
    """A finger on the page's touch screen."""
    session = page.context.new_cdp_session(page)
    kinds = {"press": "touchStart", "move": "touchMove", "lift": "touchEnd"}

    def act(what: str, x: float, y: float) -> None:
        touches = [] if what == "lift" else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kinds[what], "touchPoints": touches})

    return act


def drag(page: "Page", pointer: Pointer, selector: str, points: list[tuple[float, float]], moves: int = 8) -> None:
    """Drag along `points`, in units of an element's box, with `moves` events from one to the next, every 16 ms."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    path = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    pointer("press", *path[0])
    for (x0, y0), (x1, y1) in itertools.pairwise(path):
        for i in range(1, moves + 1):
            pointer("move", x0 + (x1 - x0) * i / moves, y0 + (y1 - y0) * i / moves)
            page.wait_for_timeout(16)
    pointer("lift", *path[-1])
