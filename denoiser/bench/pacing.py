"""bench pacing: what each way of shortening a visitor's wait saves, each of them turned off in turn.

Strokes on the Denoise page in headless Chromium, beside the server and behind a network. All alternatives take turns,
so that whatever else the machine does slows them all.
"""

from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

from tqdm import tqdm

from .browser import DESKTOP, browser_page, mouse, served_page
from .serving import add_latency, board, draw_strokes, link

DELAYS = (0, 200)  # milliseconds of network latency
ROUNDS = 5
STROKES = 4  # in each round
AS_SERVED = "as served"
FIGURES = {"cards, ms": "pen_up_to_cards_ms", "sweep, ms": "pen_up_to_sweep_ms"}
UPDATES = "updates per second"


class Way(NamedTuple):
    """One thing changed: a field of the page's `pacing` that is turned off, or the server's $DENOISER_PRECISION."""

    off: str = ""
    precision: str = ""


WAYS = {
    AS_SERVED: Way(),
    "the sweep after the cards": Way(off="sweepWithCards"),
    "the last question after those under way": Way(off="finalAtOnce"),
    "one update at a time": Way(off="severalUpdates"),
    "the server in float32": Way(precision="float32"),
}


def measure(delays: tuple[int, ...] = DELAYS, rounds: int = ROUNDS, strokes: int = STROKES) -> dict:
    """Medians over the rounds of each way, in ms and updates per second, by latency; BenchError without a browser."""
    names, _ = board()
    figures: dict[str, dict[str, dict[str, list[float]]]] = {}
    with ExitStack() as stack:
        servers = {
            precision: stack.enter_context(served_page(DENOISER_PRECISION=precision))[0]
            for precision in sorted({way.precision for way in WAYS.values()})
        }
        for delay in delays:
            found: dict[str, dict[str, list[float]]] = {way: {} for way in WAYS}
            for number in tqdm(range(rounds), desc=f"rounds, {delay} ms of network"):
                for way, changed in WAYS.items():
                    with browser_page(link(servers[changed.precision], names), DESKTOP) as page:
                        if delay:
                            add_latency(page, delay)
                        if changed.off:
                            page.evaluate(
                                "key => denoiser.set({ pacing: { ...denoiser.state.pacing, [key]: false } })",
                                changed.off,
                            )
                        drawn = draw_strokes(page, mouse(page), strokes, number)
                    row = {title: drawn[key]["p50"] for title, key in FIGURES.items()}
                    row[UPDATES] = drawn["updates_per_second_while_drawing"]
                    for title, value in row.items():
                        found[way].setdefault(title, []).append(value)
            figures[str(delay)] = found
    return {
        "models": names,
        "rounds": rounds,
        "strokes": strokes,
        "delays": {
            delay: {way: {title: round(median(v), 1) for title, v in row.items()} for way, row in found.items()}
            for delay, found in figures.items()
        },
    }


def show(figures: dict) -> None:
    """Print medians, and their ratio to what the page does."""
    for delay, ways in figures["delays"].items():
        usual = ways[AS_SERVED]
        print(f"{delay} ms of network; median of {figures['rounds']} rounds (ratio to {AS_SERVED})")
        print(f"{'':42}" + "".join(f"{title:>22}" for title in usual))
        for way, row in ways.items():
            # With few strokes on a slow machine there may be no update while drawing, and so no ratio to it.
            ratios = [f"{value / usual[title]:.2f}" if usual[title] else "-" for title, value in row.items()]
            cells = [f"{value:g} ({ratio})" for value, ratio in zip(row.values(), ratios, strict=True)]
            print(f"{way:42}" + "".join(f"{cell:>22}" for cell in cells))
