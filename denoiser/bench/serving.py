"""bench serving: the real page in a real browser."""

import itertools
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from . import BenchError, summary

APP = Path(__file__).resolve().parents[2] / "app.py"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
PATIENCE = 60.0  # seconds to wait for the page or an answer


@contextmanager
def served_page() -> Iterator[tuple[str, int]]:
    """app.py in a process of its own on a free loopback port: its address and process id; ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port)}
    environment["GRADIO_ANALYTICS_ENABLED"] = "False"
    server = subprocess.Popen(
        [sys.executable, str(APP)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while not answers(address):
            if server.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{APP.name} did not start; run python {APP.name} to see why")
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


def find_chromium() -> str:
    """The path of a system Chromium; BenchError where there is none."""
    if path := next(filter(None, map(shutil.which, CHROMIUM)), None):
        return path
    raise BenchError("this needs a system Chromium: install the package chromium")


@contextmanager
def browser_page(address: str, options: dict):
    """The page in headless Chromium with these context options, ready to draw on."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BenchError("the serving benchmark needs Playwright: pip install playwright") from error
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_page(**options)
        page.goto(address)
        page.wait_for_selector("#board .card", timeout=PATIENCE * 1000)
        try:
            yield page
        finally:
            browser.close()


def mouse(page) -> Callable[[str, float, float], None]:
    """A hand that presses, moves and lifts the mouse."""

    def act(what: str, x: float, y: float) -> None:
        page.mouse.move(x, y)
        if what != "move":
            (page.mouse.down if what == "press" else page.mouse.up)()

    return act


def finger(page) -> Callable[[str, float, float], None]:
    """A hand that presses, moves and lifts one finger."""
    session = page.context.new_cdp_session(page)
    kinds = {"press": "touchStart", "move": "touchMove", "lift": "touchEnd"}

    def act(what: str, x: float, y: float) -> None:
        touches = [] if what == "lift" else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kinds[what], "touchPoints": touches})

    return act


def draw_stroke(page, hand: Callable[[str, float, float], None], points: list[tuple[float, float]]) -> None:
    """A stroke by `hand` through `points` in units of the pad's side, a move each 16 ms as people give them."""
    box = page.locator("#pad .paper").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    hand("press", *places[0])
    for (x0, y0), (x1, y1) in itertools.pairwise(places):
        for i in range(1, 9):
            hand("move", x0 + (x1 - x0) * i / 8, y0 + (y1 - y0) * i / 8)
            page.wait_for_timeout(16)
    hand("lift", *places[-1])


def resident_megabytes(pid: int) -> float | None:
    """Resident memory of a process in MB, None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return round(int(found[1]) / 1024, 0) if found else None


def interaction(page, hand: Callable[[str, float, float], None], strokes: int, seed: int) -> dict:
    """Pen-up to cards and to the ladder, updates while drawing, the slider: milliseconds on one open page.

    Pen-up is the pointer event's own time, the end is when every canvas is written, both by the browser's clock.
    """
    generator = random.Random(seed)
    sizes: list[int] = []
    page.on("response", lambda r: sizes.append(len(r.body())) if "component_server" in r.url else None)
    page.evaluate("() => { window.updates = 0; denoiser.on('now', s => { if (s.drawing && s.now) updates++; }) }")
    drawing_seconds, per_stroke = 0.0, []
    for _ in tqdm(range(strokes), desc="strokes", unit="stroke"):
        page.evaluate("() => { denoiser.ink({}); performance.clearMeasures(); }")
        sizes.clear()
        points = [(generator.uniform(0.2, 0.8), generator.uniform(0.15, 0.85)) for _ in range(4)]
        clock = time.perf_counter()
        draw_stroke(page, hand, points)
        drawing_seconds += time.perf_counter() - clock
        page.wait_for_function(
            "() => performance.getEntriesByName('denoiser:ladder').length > 0", timeout=PATIENCE * 1000
        )
        first = "name => performance.getEntriesByName(name)[0].duration"
        per_stroke.append([page.evaluate(first, f"denoiser:{name}") for name in ("cards", "ladder")])
    slider = page.evaluate(
        """() => {
          const input = document.querySelector('#film input[type=range]'), times = [];
          for (let round = 0; round < 5; round++) for (let i = 0; i <= 20; i++) {
            const since = performance.now();
            input.value = i / 20;
            input.dispatchEvent(new Event('input', { bubbles: true }));
            times.push(performance.now() - since);
          }
          return times;
        }"""
    )
    return {
        "models": page.evaluate("() => denoiser.state.ladder.names.length - 1"),
        "pen_up_to_cards_ms": summary([cards for cards, _ in per_stroke]),
        "pen_up_to_ladder_ms": summary([ladder for _, ladder in per_stroke]),
        "updates_per_second_while_drawing": round(page.evaluate("() => updates") / drawing_seconds, 1),
        "slider_to_canvases_ms": summary(slider),
        "bytes_of_the_last_stroke": sum(sizes),
    }


def measure(strokes: int = 20, seed: int = 0) -> dict:
    """Start (s), memory (MB), and `interaction` by mouse at 1280 px and by touch at 390 px, on one server.

    Raises BenchError where the page or a browser is missing.
    """
    began = time.perf_counter()
    with served_page() as (address, pid):
        with browser_page(address, DESKTOP) as page:
            start = time.perf_counter() - began
            desktop = interaction(page, mouse(page), strokes, seed)
        with browser_page(address, PHONE) as page:
            phone = interaction(page, finger(page), strokes, seed)
        return {
            "cores": os.cpu_count(),
            "start_seconds": round(start, 1),
            "resident_megabytes": resident_megabytes(pid),
            "mouse at 1280 px": desktop,
            "touch at 390 px": phone,
        }


def show(figures: dict) -> None:
    """The figures of `serving`, one a line."""
    for name, value in figures.items():
        words = name.replace("_", " ")
        if not isinstance(value, dict):
            print(f"{words:36}{value}")
        elif "p50" in value:
            print(f"{words:36}p50 {value['p50']}, p95 {value['p95']} (n = {value['count']})")
        else:
            print(words)
            show(value)
