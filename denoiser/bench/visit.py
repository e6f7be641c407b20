"""bench visit: what the browser loads and how soon, on a first and on a second visit, and the server's memory."""

import json
import re
from typing import TYPE_CHECKING

from . import BenchError
from .browser import CHROMIUM_FLAGS, DESKTOP, PATIENCE, find_chromium, served_page
from .serving import resident_megabytes

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

GOALS = {"html_bytes": 150_000, "html_bytes_of_ours": 60_000}  # upper limits, uncompressed
STEPS = {  # what a visitor opens, in turn, and what is there when it has loaded
    "start page": (None, "() => window.denoiser && document.querySelector('#board .card')"),
    "example": ("#pad [data-name='4']", "() => denoiser.state.sweep"),
    "originals": ("#possible-originals-tab-button", "() => document.querySelector('[data-testid=original]')"),
    "latent space": ("#latent-space-tab-button", "() => denoiser.state.maps?.length && denoiser.state.routes"),
    "models": ("#models-tab-button", "() => document.querySelector('#models tbody tr')"),
    "train": ("#train-tab-button", "() => denoiser.state.watchedDigits"),
}
NETWORK = {
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 200_000,
}  # ms, bytes per second: 1.6 Mbit/s
SOON = {  # milliseconds from the start of a visit behind NETWORK, upper limits
    "first visit": {"headline": 1000, "recorded cards": 2500, "drawing": 6000},
    "second visit": {"drawing": 1500},
}
WATCH = """(() => {
  window.moments = {};
  const note = (name, there) => { if (there) moments[name] ??= performance.now(); };
  (function look() {
    note("headline", document.querySelector("#first-paint h1")?.offsetHeight);
    note("recorded cards", [...document.querySelectorAll("#first-paint li .s")].at(-1)?.offsetHeight);
    const pad = document.querySelector("#pad .paper canvas");
    note("drawing", window.denoiser && pad?.width > 1 && pad.width === Math.round(pad.clientWidth * devicePixelRatio));
    requestAnimationFrame(look);
  })();
})()"""
QUIET = 1500  # milliseconds without a completed request, after which a step has loaded
CONFIG = re.compile(r"window\.gradio_config\s*=\s*(\{.*?\});\s*</script>", re.DOTALL)
HEAD = re.compile(
    r'<script type="application/json".*?</script>|<link[^>]*href="app/[^>]*>|(?<=<head>)<script>.*?</script>', re.DOTALL
)


def html_of_ours(html: str) -> int:
    """Bytes of a page that are not Gradio's: in its head, and the templates, scripts and properties of components."""
    config = CONFIG.search(html)
    if config is None:
        raise BenchError("Gradio's configuration was not found in the page")
    components = [part["props"] for part in json.loads(config[1])["components"] if part["type"] == "html"]
    ours = [props[key] for props in components for key in ("html_template", "js_on_load", "props") if key in props]
    texts = [json.dumps(part, ensure_ascii=False, separators=(",", ":")) for part in ours] + HEAD.findall(html)
    return sum(len(text.encode()) for text in texts)


class Traffic:
    """Counts what a page loads over the network: requests, and bytes as they were transferred, headers included."""

    def __init__(self, page: "Page"):
        self.requests, self.bytes, self.cached = 0, 0, 0
        self.from_cache: set[str] = set()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestServedFromCache", lambda event: self.from_cache.add(event["requestId"]))
        session.on("Network.responseReceived", self.respond)
        session.on("Network.loadingFinished", self.finish)

    def respond(self, event: dict) -> None:
        """A response has begun; from the disk cache it is no request."""
        if event["response"].get("fromDiskCache"):
            self.from_cache.add(event["requestId"])

    def finish(self, event: dict) -> None:
        """A response is complete."""
        if event["requestId"] in self.from_cache:
            self.cached += 1
        else:
            self.requests += 1
            self.bytes += int(event["encodedDataLength"])

    def take(self) -> dict[str, int]:
        """What has been loaded since the last call."""
        found = {"requests": self.requests, "bytes": self.bytes, "from_cache": self.cached}
        self.requests = self.bytes = self.cached = 0
        return found


def visit(context: "BrowserContext", address: str, pid: int) -> dict[str, dict]:
    """What each of STEPS loads in a new page of a browser with its cache, and the memory of the server after it."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    traffic, found = Traffic(page), {}
    for name, (selector, ready) in STEPS.items():
        if selector is None:
            page.goto(address)
        else:
            page.locator(selector).click()
        page.wait_for_function(ready)
        before = -1
        while before != (before := traffic.requests + traffic.cached):  # Gradio's heartbeat never ends
            page.wait_for_timeout(QUIET)
        found[name] = traffic.take() | {"resident_megabytes": resident_megabytes(pid)}
    page.close()
    return found


def timed_visit(context: "BrowserContext", address: str, network: dict) -> dict[str, int]:
    """Milliseconds until the headline, the recorded cards and a pad to draw on are there, in a new page."""
    page = context.new_page()
    page.add_init_script(WATCH)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {"offline": False} | network)
    page.goto(address, timeout=PATIENCE * 1000)
    page.wait_for_function("() => moments.drawing", timeout=PATIENCE * 1000)
    moments = page.evaluate("moments")
    page.close()
    return {name: round(moment) for name, moment in moments.items()}


def measure() -> dict:
    """Sizes of the start page, and what a first and a second visit load, and when it is there behind a slow network.

    BenchError without a browser or a server.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BenchError("this benchmark needs Playwright: pip install playwright") from error
    with served_page() as (address, pid), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        context = browser.new_context(**DESKTOP)
        html = context.request.get(address).text()
        visits = {name: visit(context, address, pid) for name in ("first visit", "second visit")}
        slow = browser.new_context(**DESKTOP)
        times = {name: timed_visit(slow, address, NETWORK) for name in SOON}
        browser.close()
    sizes = {"html_bytes": len(html.encode()), "html_bytes_of_ours": html_of_ours(html)}
    return sizes | {"goals": GOALS, "visits": visits, "milliseconds": times, "soon": SOON}


def show(figures: dict) -> None:
    """Print the figures of `measure`."""
    for key, goal in figures["goals"].items():
        print(f"{key.replace('_', ' '):20}{figures[key]:>10,}  (at most {goal:,})")
    for name, steps in figures["visits"].items():
        print(f"\n{name:16}{'requests':>10}{'kB':>10}{'from cache':>12}{'server, MB':>12}")
        for step, loaded in steps.items():
            kilobytes = loaded["bytes"] / 1000
            memory = loaded["resident_megabytes"]
            print(
                f"{step:16}{loaded['requests']:>10}{kilobytes:>10,.0f}{loaded['from_cache']:>12}"
                f"{'–' if memory is None else format(memory, '.0f'):>12}"
            )
    megabits, delay = NETWORK["downloadThroughput"] * 8 / 1e6, NETWORK["latency"]
    for name, moments in figures["milliseconds"].items():
        print(f"\n{name}, {megabits:g} Mbit/s, {delay} ms of latency: milliseconds")
        for moment, milliseconds in moments.items():
            goal = figures["soon"][name].get(moment)
            print(f"{moment:16}{milliseconds:>10,}" + (f"  (at most {goal:,})" if goal else ""))
