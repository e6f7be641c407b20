"""bench serving: the real page in a real browser."""

import base64
import json
import os
import random
import re
import statistics
import tempfile
import time
from pathlib import Path

from tqdm import tqdm

from ..checkpoint import list_models
from . import latent, summary
from .browser import DESKTOP, PHONE, Hand, browser_page, drag, finger, mouse, served_page

SIX = ("dense-16", "conv-64", "vae-2d-best", "unet", "conv-nearest", "median")
DELAY = 200  # milliseconds that the last run adds to every request and answer
SECONDS = 30.0  # after which a run draws no further stroke
STAGES = ("parse", "ink", "noise", "models", "referee", "metrics", "encode", "whole")
SLIDER = "#film input[type=range]:visible"

# What a run must reach, by the way to its figure: (words, path, limit, whether less is better).
GOALS = (
    ("pen-up to all cards, p50, ms", ("pen_up_to_cards_ms", "p50"), 80, True),
    ("pen-up to all cards, p95, ms", ("pen_up_to_cards_ms", "p95"), 150, True),
    ("pen-up to the ladder, p95, ms", ("pen_up_to_ladder_ms", "p95"), 400, True),
    ("updates a second while drawing", ("updates_per_second_while_drawing",), 10, False),
    ("slider event to all canvases, p95, ms", ("slider_to_canvases_ms", "p95"), 8, True),
)


def board() -> tuple[list[str], list[str]]:
    """The models to serve, of SIX, and those of SIX that are not trained yet."""
    there = list_models()
    return [name for name in SIX if name in there], [name for name in SIX if name not in there]


def link(address: str, names: list[str]) -> str:
    """The page's address for an empty pad and these models."""
    facts = json.dumps({"k": "gaussian", "e": 0, "f": 0.5, "m": names})
    return f"{address}/#d={base64.urlsafe_b64encode(facts.encode()).decode().rstrip('=')}"


def resident_megabytes(pid: int) -> float | None:
    """Resident memory of a process in MB, None where the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return round(int(found[1]) / 1024, 0) if found else None


class Traffic:
    """What goes to the server and comes back, headers and all, as the browser counts it."""

    def __init__(self, page):
        self.requests: list = []
        page.on("requestfinished", lambda request: self.requests.append(request))

    def taken(self) -> dict[str, int]:
        """Calls and bytes since the last time."""
        calls = [request.sizes() for request in self.requests if "component_server" in request.url]
        self.requests.clear()
        return {
            "calls": len(calls),
            "sent": sum(size["requestBodySize"] + size["requestHeadersSize"] for size in calls),
            "received": sum(size["responseBodySize"] + size["responseHeadersSize"] for size in calls),
        }


def strokes_drawn(page, hand: Hand, count: int, seed: int) -> dict:
    """Pen-up to cards and to the ladder, updates while drawing, bytes: `count` strokes, fewer where time runs out.

    Pen-up is the pointer event's own time, the end is when every canvas is written, both by the browser's clock.
    """
    generator = random.Random(seed)
    traffic = Traffic(page)
    page.evaluate("() => { window.updates = 0; denoiser.on('now', s => { if (s.drawing && s.now) updates++; }) }")
    drawing_seconds, times, bytes_moved, began = 0.0, [], [], time.perf_counter()
    for _ in tqdm(range(count), desc="strokes", unit="stroke"):
        page.evaluate("() => { denoiser.setDrawing({}); performance.clearMeasures(); }")
        traffic.taken()
        points = [(generator.uniform(0.2, 0.8), generator.uniform(0.15, 0.85)) for _ in range(4)]
        clock = time.perf_counter()
        drag(page, hand, "#pad .paper", points)
        drawing_seconds += time.perf_counter() - clock
        page.wait_for_function("() => performance.getEntriesByName('denoiser:ladder').length > 0")
        first = "name => performance.getEntriesByName(name)[0].duration"
        times.append([page.evaluate(first, f"denoiser:{name}") for name in ("cards", "ladder")])
        bytes_moved.append(traffic.taken())
        if time.perf_counter() - began > SECONDS:
            break
    return {
        "pen_up_to_cards_ms": summary([cards for cards, _ in times]),
        "pen_up_to_ladder_ms": summary([ladder for _, ladder in times]),
        "updates_per_second_while_drawing": round(page.evaluate("() => updates") / drawing_seconds, 1),
        "per_stroke": {key: round(statistics.median(b[key] for b in bytes_moved)) for key in bytes_moved[0]},
    }


def slider_dragged(page, hand: Hand) -> dict:
    """From the slider's input event to all canvases written, by the browser's clock, and what was asked meanwhile."""
    traffic = Traffic(page)
    page.evaluate(
        """() => {
          window.slides = [];
          let since = null;
          addEventListener("input", event => { since = event.timeStamp; }, true);
          denoiser.on("factor", () => { if (since !== null) slides.push(performance.now() - since); since = null; });
        }"""
    )
    page.locator(SLIDER).first.scroll_into_view_if_needed()
    for _ in range(3):
        drag(page, hand, SLIDER, [(0.5, 0.5), (0.98, 0.5), (0.02, 0.5), (0.5, 0.5)], moves=20)
    return {"slider_to_canvases_ms": summary(page.evaluate("slides")), "slider_calls": traffic.taken()["calls"]}


def stages(lines: list[dict]) -> dict[str, dict[str, float]]:
    """The median milliseconds of each stage on the server, for the answer with the cards and for the ladder."""
    compared = [line for line in lines if line["request"] == "compare" and "factors" in line]
    kinds = {"cards": [c for c in compared if c["factors"] == 1], "ladder": [c for c in compared if c["factors"] > 1]}
    return {
        kind: {name: round(statistics.median(call.get(name, 0.0) for call in calls), 2) for name in STAGES}
        for kind, calls in kinds.items()
        if calls
    }


def delayed(page) -> None:
    """From now on every answer of the network comes DELAY milliseconds later."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": DELAY, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", limits)


def run(address: str, names: list[str], options: dict, hand, strokes: int, seed: int, slow_network: bool) -> dict:
    """Every figure of one visit."""
    clock = time.perf_counter()
    with browser_page(link(address, names), options) as page:
        ready = time.perf_counter() - clock
        paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
        if slow_network:
            delayed(page)
        figures = strokes_drawn(page, hand(page), strokes, seed) | slider_dragged(page, hand(page))
        rows = page.evaluate("() => denoiser.state.ladder.names.length - 1")
    return {"models": rows, "first_paint_ms": paint and round(paint), "usable_seconds": round(ready, 1)} | figures


def measure(strokes: int = 20, seed: int = 0) -> dict:
    """Start (s), memory (MB), and the figures of a visit by mouse at 1280 px, by touch at 390 px, and by mouse with
    DELAY ms of network in between; then the maps, and where the server spends its time. All on one server, in about
    three minutes.

    Raises BenchError where the page or a browser is missing.
    """
    names, missing = board()
    visits = {
        "mouse at 1280 px": (DESKTOP, mouse, strokes, False),
        "touch at 390 px": (PHONE, finger, strokes, False),
        f"mouse, {DELAY} ms of network": (DESKTOP, mouse, max(1, strokes // 4), True),
    }
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "stages.jsonl"
        began = time.perf_counter()
        with served_page(DENOISER_STAGES=str(lines)) as (address, pid):
            start = time.perf_counter() - began
            runs = {
                title: run(address, names, options, hand, count, seed, slow)
                for title, (options, hand, count, slow) in visits.items()
            }
            maps = latent.visits(address)
            memory = resident_megabytes(pid)
        spent = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "models": names,
        "not_trained": missing,
        "server_answers_after_seconds": round(start, 1),
        "resident_megabytes": memory,
        "visits": runs,
        "server_ms": stages(spent),
        "maps": maps,
    }


# ---------- print ----------


def pair(figures: dict) -> str:
    """p50 and p95 as text."""
    return f"{figures['p50']:g} / {figures['p95']:g}"


def rows(visit: dict) -> dict[str, str]:
    """The figures of one visit, by what they are."""
    moved = visit["per_stroke"]
    return {
        "pen-up to all cards, p50 / p95, ms": pair(visit["pen_up_to_cards_ms"]),
        "pen-up to the ladder, p50 / p95, ms": pair(visit["pen_up_to_ladder_ms"]),
        "updates a second while drawing": str(visit["updates_per_second_while_drawing"]),
        "slider event to all canvases, p50 / p95, ms": pair(visit["slider_to_canvases_ms"]),
        "requests while the slider moves": str(visit["slider_calls"]),
        "first paint, ms": str(visit["first_paint_ms"]),
        "page usable after, s": str(visit["usable_seconds"]),
        "requests per stroke": str(moved["calls"]),
        "kB sent / received per stroke": f"{moved['sent'] / 1000:.0f} / {moved['received'] / 1000:.0f}",
        "strokes": str(visit["pen_up_to_cards_ms"]["count"]),
    }


def columns(lines: list[list[str]]) -> str:
    """Lines of cells under each other, the first column to the left, the others to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def misses(figures: dict) -> list[str]:
    """What falls short of its goal, and where the server's time goes. With a delayed network only the slider counts."""
    found = []
    for title, visit in figures["visits"].items():
        for words, path, limit, less in GOALS:
            value = visit
            for key in path:
                value = value[key]
            if "network" in title and "slider" not in words:
                continue
            if value > limit if less else value < limit:
                found.append(f"{title}: {words}: {value:g}, the goal is {'at most' if less else 'at least'} {limit}")
    return found


def show(figures: dict) -> None:
    """One table of visits, one of the server's stages, and what falls short of its goal."""
    print(f"{len(figures['models'])} models: {', '.join(figures['models'])}")
    if figures["not_trained"]:
        print(f"not trained yet: {', '.join(figures['not_trained'])}")
    print(
        f"{figures['cores']} cores, load {figures['load']}; the server answers after "
        f"{figures['server_answers_after_seconds']} s, {figures['resident_megabytes']:g} MB resident at the end\n"
    )
    visits = {title: rows(visit) for title, visit in figures["visits"].items()}
    names = list(next(iter(visits.values())))
    print(columns([["", *visits], *([name, *(visit[name] for visit in visits.values())] for name in names)]))
    spent = figures["server_ms"]
    print(
        "\n"
        + columns(
            [["ms on the server, median", *spent], *([s, *(f"{k[s]:g}" for k in spent.values())] for s in STAGES)]
        )
    )
    print("\nThe maps, p50 / p95:")
    latent.show(figures["maps"])
    if found := misses(figures):
        print("\nshort of the goal:", *found, sep="\n  ")
        for kind, split in spent.items():
            most = max(STAGES[:-1], key=split.get)
            print(f"  most of the server's time for the {kind}: {most}, {split[most]:g} of {split['whole']:g} ms")
