"""bench latent: the maps in a real browser, how fast they respond and how large they are."""

import re
from typing import TYPE_CHECKING

from tqdm import tqdm

from . import BenchError, summary
from .browser import DESKTOP, PATIENCE, PHONE, browser_page, finger, mouse, served_page

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

GOALS = {
    "tab_to_maps_ms": 2_000,
    "pointer_to_canvas_ms": 8,
    "rest_to_exact_ms": 100,
    "bytes_of_a_map": 600_000,
}  # upper limits; for times, of the p95
PATHS = 12  # of the pointer over the maps, each of MOVES events, one per frame
MOVES = 30
MAP_FILE = r"/app/.*/data/.*/vae-[^/]*\.json$"
TAB = "#latent-space-tab-button"
LISTEN = """() => {
  window.pointerTimes = [];
  let since = 0;
  addEventListener("pointermove", () => { since = performance.now(); }, true);
  addEventListener("pointermove", () => { pointerTimes.push(performance.now() - since); });
}"""
OPENED = """async tab => {
  const frame = () => new Promise(requestAnimationFrame), began = performance.now();
  const none = () => document.querySelector("#latent_no_maps"), shown = () => denoiser.state.maps?.length ?? 0;
  document.querySelector(tab).click();
  while (!none() && !(shown() && denoiser.state.routes)) await frame();
  if (none()) return null;
  const choices = [...document.querySelectorAll("#map .which input")];
  if (choices.length && !choices.at(-1).checked) choices.at(-1).click();   // a phone shows one map at first
  while (shown() < choices.length - 1) await frame();
  await frame();   // what the last change drew
  return performance.now() - began;
}"""


def explore(page: "Page", touch: bool = False, paths: int = PATHS) -> dict:
    """Open the tab with the maps and move the pointer, or with `touch` a finger, over them; times in milliseconds.

    The tab counts as open once every map can be used. A pointer event takes until every canvas is written, resting
    takes from the last move until the exact picture is there, both by the browser's clock. `bytes_of_a_map` is the
    largest of their files, as it was transferred. Raises BenchError if the page has no map.
    """
    pointer = finger(page) if touch else mouse(page)
    maps: list[Response] = []
    page.on("response", lambda response: maps.append(response) if re.search(MAP_FILE, response.url) else None)
    page.wait_for_selector(TAB, timeout=PATIENCE * 1000)
    opened = page.evaluate(OPENED, TAB)
    if opened is None:
        raise BenchError("there is no map to measure: python -m denoiser train vae-2d")
    page.locator("#map .over").first.scroll_into_view_if_needed()
    page.wait_for_function(
        "() => !document.querySelector('#latent_samples .unlit')", timeout=PATIENCE * 1000
    )  # everything is loaded
    page.evaluate(LISTEN)
    page.evaluate("() => denoiser.set({ pins: { a: [-5.9, 5.9], b: [5.9, 5.9] } })")  # a pin would be dragged instead
    exact = []
    boxes = [box for over in page.locator("#map .over").all() if (box := over.bounding_box())]
    height = (page.viewport_size or DESKTOP["viewport"])["height"]
    visible = [box for box in boxes if box["y"] + box["height"] <= height] or boxes[:1]
    for path in tqdm(range(paths), desc="paths over the map", unit="path"):
        box = visible[path % len(visible)]
        page.evaluate("() => performance.clearMeasures('denoiser:exact')")
        across, down = box["width"] / (MOVES + 10), box["height"] / (paths + 1)
        points = [(box["x"] + across * (5 + i), box["y"] + down * (path + 1)) for i in range(MOVES)]
        if touch:
            pointer("press", *points[0])
        for point in points:
            pointer("move", *point)
            page.wait_for_timeout(16)
        page.wait_for_function(
            "() => performance.getEntriesByName('denoiser:exact').length > 0", timeout=PATIENCE * 1000
        )
        exact.append(page.evaluate("() => performance.getEntriesByName('denoiser:exact').at(-1).duration"))
        if touch:
            pointer("lift", *points[-1])
    return {
        "maps": page.evaluate("() => denoiser.state.maps.map(map => map.name)"),
        "tab_to_maps_ms": round(opened),
        "pointer_to_canvas_ms": summary(page.evaluate("() => pointerTimes")),
        "rest_to_exact_ms": summary(exact),
        "bytes_of_a_map": max(response.request.sizes()["responseBodySize"] for response in maps),
    }


def visits(address: str, paths: int = PATHS) -> dict:
    """`explore` by mouse at 1280 px and by touch at 390 px, with GOALS."""
    with browser_page(address, DESKTOP) as page:
        desktop = explore(page, paths=paths)
    with browser_page(address, PHONE) as page:
        phone = explore(page, touch=True, paths=paths)
    return {"mouse at 1280 px": desktop, "touch at 390 px": phone, "goals": GOALS}


def measure() -> dict:
    """`visits` of a server of its own. Raises BenchError if server or browser cannot be started."""
    with served_page() as (address, _):
        return visits(address)


def show(figures: dict) -> None:
    """Print the figures of `measure` as one table, p50 / p95 beside the goal."""
    runs = {name: run for name, run in figures.items() if name != "goals"}
    print(f"{'':24}" + "".join(f"{name:>20}" for name in runs) + f"{'at most':>12}")
    for key, goal in figures["goals"].items():
        cells = []
        for run in runs.values():
            value = run[key]
            cells.append(f"{value['p50']} / {value['p95']}" if isinstance(value, dict) else f"{value:,}")
        print(f"{key.replace('_', ' '):24}" + "".join(f"{cell:>20}" for cell in cells) + f"{goal:>12,}")
