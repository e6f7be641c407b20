"""bench serving: how fast the real page responds in a real browser, and where the server spends its time."""

import base64
import json
import os
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ..checkpoint import list_models
from . import latent, summary
from .browser import DESKTOP, PHONE, Pointer, browser_page, drag, finger, mouse, served_page

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

SIX = ("dense-16", "conv-64", "vae-2d-best", "unet", "conv-nearest", "median")
DELAYS = (50, 100, 200)  # milliseconds of network latency in the last visits
SECONDS = 30.0  # after which a visit draws no further stroke
SPANS = ("parse", "ink", "noise", "models", "referee", "metrics", "encode", "whole")
SLIDER = "#noise_slider input[type=range]:visible"
SLIDES = 3  # times that the slider is dragged to both ends and back

# What a visit must reach: (description, path to the figure, limit, whether lower is better).
GOALS = (
    ("pen-up to all cards, p50, ms", ("pen_up_to_cards_ms", "p50"), 80, True),
    ("pen-up to all cards, p95, ms", ("pen_up_to_cards_ms", "p95"), 150, True),
    ("pen-up to the sweep, p95, ms", ("pen_up_to_sweep_ms", "p95"), 400, True),
    ("updates per second while drawing", ("updates_per_second_while_drawing",), 10, False),
    ("slider event to all canvases, p95, ms", ("slider_to_canvases_ms", "p95"), 8, True),
)


def board() -> tuple[list[str], list[str]]:
    """The models of SIX that can be served, and those that are not trained yet."""
    available = list_models()
    return [name for name in SIX if name in available], [name for name in SIX if name not in available]


def link(address: str, names: list[str]) -> str:
    """The address of the page with an empty pad and these models on the board."""
    facts = json.dumps({"k": "gaussian", "e": 0, "f": 0.5, "m": names})
    return f"{address}/#d={base64.urlsafe_b64encode(facts.encode()).decode().rstrip('=')}"


def resident_megabytes(pid: int) -> float | None:
    """Resident memory of a process in MB; None if the system does not tell."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return round(int(found[1]) / 1024, 0) if found else None


class Traffic:
    """Requests to the server and their replies, with headers, as the browser counts them."""

    def __init__(self, page: "Page") -> None:
        self.requests: list[Request] = []
        page.on("requestfinished", lambda request: self.requests.append(request))

    def take(self, function: str = "") -> dict[str, int]:
        """Calls and bytes since the last time, of one function where it is named."""
        found = [request for request in self.requests if "component_server" in request.url]
        calls = [request.sizes() for request in found if f'"{function}' in (request.post_data or "")]
        self.requests.clear()
        return {
            "calls": len(calls),
            "sent": sum(size["requestBodySize"] + size["requestHeadersSize"] for size in calls),
            "received": sum(size["responseBodySize"] + size["responseHeadersSize"] for size in calls),
        }


def draw_strokes(page: "Page", pointer: Pointer, count: int, seed: int) -> dict:
    """Draw `count` strokes, fewer if time runs out: pen-up to cards and to the sweep, updates while drawing, bytes.

    Times are by the browser's clock, from the pen-up event until every canvas is written.
    """
    generator = random.Random(seed)
    traffic = Traffic(page)
    page.evaluate(
        """() => {
          if (!("updates" in window)) denoiser.on("comparison", s => { if (s.drawing && s.comparison) updates++; });
          window.updates = 0;
        }"""
    )
    drawing_seconds, times, bytes_moved, start = 0.0, [], [], time.perf_counter()
    for _ in tqdm(range(count), desc="strokes", unit="stroke"):
        page.evaluate("() => { denoiser.setDrawing({}); performance.clearMeasures(); }")
        traffic.take()
        points = [(generator.uniform(0.2, 0.8), generator.uniform(0.15, 0.85)) for _ in range(4)]
        clock = time.perf_counter()
        drag(page, pointer, "#pad .paper", points)
        drawing_seconds += time.perf_counter() - clock
        page.wait_for_function("() => performance.getEntriesByName('denoiser:sweep').length > 0")
        first = "name => performance.getEntriesByName(name)[0].duration"
        times.append([page.evaluate(first, f"denoiser:{name}") for name in ("cards", "sweep")])
        bytes_moved.append(traffic.take())
        if time.perf_counter() - start > SECONDS:
            break
    return {
        "pen_up_to_cards_ms": summary([cards for cards, _ in times]),
        "pen_up_to_sweep_ms": summary([sweep for _, sweep in times]),
        "updates_per_second_while_drawing": round(page.evaluate("() => updates") / drawing_seconds, 1),
        "per_stroke": {key: round(statistics.median(b[key] for b in bytes_moved)) for key in bytes_moved[0]},
    }


def drag_slider(page: "Page", pointer: Pointer) -> dict:
    """Drag the slider: from its input event until all canvases are written, by the browser's clock, and requests."""
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
    for _ in range(SLIDES):
        drag(page, pointer, SLIDER, [(0.5, 0.5), (0.98, 0.5), (0.02, 0.5), (0.5, 0.5)], moves=20)
    return {"slider_to_canvases_ms": summary(page.evaluate("slides")), "slider_calls": traffic.take("compare")["calls"]}


def span_medians(lines: list[dict]) -> dict[str, dict[str, float]]:
    """The median milliseconds of each span on the server, for requests for cards and for sweeps."""
    compared = [line for line in lines if line["request"] == "compare" and "factors" in line]
    kinds = {"cards": [c for c in compared if c["factors"] == 1], "sweep": [c for c in compared if c["factors"] > 1]}
    return {
        kind: {name: round(statistics.median(call.get(name, 0.0) for call in calls), 2) for name in SPANS}
        for kind, calls in kinds.items()
        if calls
    }


def add_latency(page: "Page", milliseconds: int) -> None:
    """From now on every reply from the network arrives so many milliseconds later."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": milliseconds, "downloadThroughput": -1, "uploadThroughput": -1}
    session.send("Network.emulateNetworkConditions", limits)


def visit(
    address: str,
    names: list[str],
    options: dict,
    make_pointer: Callable[["Page"], Pointer],
    strokes: int,
    seed: int,
    latency: int,
) -> dict:
    """All figures of one visit with these browser options, pointer and number of strokes."""
    clock = time.perf_counter()
    with browser_page(link(address, names), options) as page:
        ready = time.perf_counter() - clock
        paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
        if latency:
            add_latency(page, latency)
        figures = draw_strokes(page, make_pointer(page), strokes, seed) | drag_slider(page, make_pointer(page))
        rows = page.evaluate("() => denoiser.state.sweep.names.length - 1")
    return {"models": rows, "first_paint_ms": paint and round(paint), "usable_seconds": round(ready, 1)} | figures


def measure(strokes: int = 20, seed: int = 0, delays: tuple[int, ...] = DELAYS, paths: int = latent.PATHS) -> dict:
    """Measure one server in about three minutes.

    Start (s), memory (MB), visits by mouse at 1280 px, by touch at 390 px and by mouse with DELAYS of latency, the
    maps, and the server's spans. Raises BenchError if the page or a browser is missing.
    """
    names, missing = board()
    plans: dict[str, tuple[dict, Callable[[Page], Pointer], int, int]] = {
        "mouse at 1280 px": (DESKTOP, mouse, strokes, 0),
        "touch at 390 px": (PHONE, finger, strokes, 0),
        **{f"mouse, {delay} ms of network": (DESKTOP, mouse, max(1, strokes // 4), delay) for delay in delays},
    }
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "traces.jsonl"
        launched = time.perf_counter()
        with served_page(DENOISER_STAGES=str(lines)) as (address, pid):
            start = time.perf_counter() - launched
            runs = {
                title: visit(address, names, options, make_pointer, count, seed, latency)
                for title, (options, make_pointer, count, latency) in plans.items()
            }
            maps = latent.visits(address, paths)
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
        "server_ms": span_medians(spent),
        "maps": maps,
    }


# ---------- print ----------


def pair(figures: dict) -> str:
    """p50 and p95 as text."""
    return f"{figures['p50']:g} / {figures['p95']:g}"


def rows(figures: dict) -> dict[str, str]:
    """The figures of one visit as text, by what they are."""
    moved = figures["per_stroke"]
    return {
        "pen-up to all cards, p50 / p95, ms": pair(figures["pen_up_to_cards_ms"]),
        "pen-up to the sweep, p50 / p95, ms": pair(figures["pen_up_to_sweep_ms"]),
        "updates per second while drawing": str(figures["updates_per_second_while_drawing"]),
        "slider event to all canvases, p50 / p95, ms": pair(figures["slider_to_canvases_ms"]),
        "requests while the slider moves": str(figures["slider_calls"]),
        "first paint, ms": str(figures["first_paint_ms"]),
        "page usable after, s": str(figures["usable_seconds"]),
        "requests per stroke": str(moved["calls"]),
        "kB sent / received per stroke": f"{moved['sent'] / 1000:.0f} / {moved['received'] / 1000:.0f}",
        "strokes": str(figures["pen_up_to_cards_ms"]["count"]),
    }


def columns(lines: list[list[str]]) -> str:
    """Cells in aligned columns, the first one left-aligned, the others right-aligned."""
    first, *others = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(cells, others, strict=True))])
        for name, *cells in lines
    )


def misses(figures: dict) -> list[str]:
    """What misses its goal, as lines of text; with network latency only the slider counts."""
    found = []
    for title, visit_figures in figures["visits"].items():
        for words, path, limit, less in GOALS:
            value = reduce(getitem, path, visit_figures)
            if "network" in title and "slider" not in words:
                continue
            if value > limit if less else value < limit:
                found.append(f"{title}: {words}: {value:g}, the goal is {'at most' if less else 'at least'} {limit}")
    return found


def show(figures: dict) -> None:
    """Print a table of visits, one of the server's spans, the maps, and what misses its goal."""
    print(f"{len(figures['models'])} models: {', '.join(figures['models'])}")
    if figures["not_trained"]:
        print(f"not trained yet: {', '.join(figures['not_trained'])}")
    print(
        f"{figures['cores']} cores, load {figures['load']}; the server answers after "
        f"{figures['server_answers_after_seconds']} s, {figures['resident_megabytes']:g} MB resident at the end\n"
    )
    visits = {title: rows(found) for title, found in figures["visits"].items()}
    names = list(next(iter(visits.values())))
    print(columns([["", *visits], *([name, *(row[name] for row in visits.values())] for name in names)]))
    spent = figures["server_ms"]
    print(
        "\n"
        + columns([["ms on the server, median", *spent], *([s, *(f"{k[s]:g}" for k in spent.values())] for s in SPANS)])
    )
    print("\nThe maps, p50 / p95:")
    latent.show(figures["maps"])
    if found := misses(figures):
        print("\nshort of the goal:", *found, sep="\n  ")
        for kind, split in spent.items():
            most = max(SPANS[:-1], key=lambda name: split[name])
            print(f"  most of the server's time for the {kind}: {most}, {split[most]:g} of {split['whole']:g} ms")
