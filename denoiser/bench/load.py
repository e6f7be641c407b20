"""bench load: many scripted visitors at once on the page's own endpoints, and how many it takes to slow it down.

The server is a process of its own, the visitors are this one. Both end by themselves.
"""

import asyncio
import ipaddress
import os
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from ..data.examples import EXAMPLES
from . import BenchError
from .browser import served_page
from .serving import columns, resident_megabytes
from .visitors import STROKE_EVERY, STROKE_SECONDS, TIMEOUT, Page, Tally, Visitor

VISITORS = (1, 10, 50, 100)
SECONDS = 30.0  # of a step
MAX_VISITORS, MAX_SECONDS, MAX_MINUTES = 1_000, 120.0, 60.0
GOAL = 1_000  # milliseconds that the p95 from pen-up to the whole sweep may take
BATCH_SIZES = {"cards": (1, 2, 4, 8, 16), "sweep": (1, 2, 4)}  # requests answered together, to see whether it pays
SAMPLE_EVERY = 5.0  # seconds between two samples of the server's memory


class ServerMonitor:
    """The memory and processor time of the server process; nothing if its process id is not known."""

    def __init__(self, pid: int | None) -> None:
        self.pid = pid
        self.megabytes: list[float | None] = []

    def processor_seconds(self) -> float | None:
        """The processor time of all threads of the server so far."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def sample(self) -> None:
        """Sample the memory every SAMPLE_EVERY seconds."""
        while self.pid is not None:
            self.megabytes.append(resident_megabytes(self.pid))
            await asyncio.sleep(SAMPLE_EVERY)


async def run_step(page: Page, count: int, seconds: float, pid: int | None, seed: int = 0) -> dict:
    """The figures of `count` visitors who arrive within STROKE_EVERY seconds and stay for `seconds`."""
    import httpx

    tally, monitor = Tally(), ServerMonitor(pid)
    before, used = monitor.processor_seconds(), time.process_time()
    start = time.perf_counter()
    # the server closes connections after 5 idle seconds; a browser then opens a new one, here none lives so long
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=3)
    async with AsyncExitStack() as stack:
        clients = [  # one for each: with all connections in one pool, finding a free one takes most of the time
            await stack.enter_async_context(
                httpx.AsyncClient(limits=limits, timeout=TIMEOUT, verify=False, trust_env=False)
            )
            for _ in range(count)
        ]
        sampling = asyncio.create_task(monitor.sample())
        visitors = [Visitor(client, page, tally, seed * MAX_VISITORS + i) for i, client in enumerate(clients)]
        await asyncio.gather(*(visitor.visit(start + seconds) for visitor in visitors))
        sampling.cancel()
    took, after = time.perf_counter() - start, monitor.processor_seconds()
    strokes = tally.counts["strokes"]
    spent = None if before is None or after is None else after - before
    return {
        "visitors": count,
        "seconds": round(took, 1),
        **tally.summary(),
        "resident_megabytes": monitor.megabytes,
        "server_cores": None if spent is None else round(spent / took, 2),
        "server_ms_per_stroke": None if spent is None or not strokes else round(1000 * spent / strokes),
        "visitors_cores": round((time.process_time() - used) / took, 2),
    }


def loopback(address: str) -> str:
    """`address` without a slash at its end; BenchError unless it is on this machine."""
    parts = urlsplit(address)
    try:
        if not parts.hostname:
            raise ValueError
        found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, parts.port or 80)}
    except (OSError, ValueError) as error:
        raise BenchError(f"{address} is no address of a page") from error
    if parts.scheme != "http" or not all(ipaddress.ip_address(host).is_loopback for host in found):
        raise BenchError(f"{address} is not on this machine's loopback, and no other machine is put under load")
    return address.rstrip("/")


def find_page(address: str, originals: bool = False) -> Page:
    """The page at `address`, whose visitors also look at `originals`; BenchError if there is none."""
    import httpx

    try:
        config = httpx.get(f"{address}/config", timeout=TIMEOUT, trust_env=False).json()
        parts = {component["props"].get("elem_id"): component for component in config["components"]}
        board, wall = parts["board"], parts["originals_wall"]["id"] if originals else None
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise BenchError(f"there is no page of ours at {address}") from error
    return Page(address, board["id"], board["props"]["props"]["featured"], wall)


def meets_goal(step: dict) -> bool:
    """Whether there was no error and the p95 from pen-up to the sweep stayed within GOAL."""
    times = step["ms"].get("pen_up_to_sweep")
    return not step["errors"] and times is not None and times["p95"] <= GOAL


def measure(
    visitors: list[int] | None = None,
    seconds: float | None = None,
    soak: float | None = None,
    address: str | None = None,
    originals: bool = False,
) -> dict:
    """Measure a step of `seconds` for each number of `visitors`, then search for the largest number that meets GOAL.

    With `originals`, visitors ask for twelve possible originals after each stroke instead of moving the slider. With
    `soak` measure only the largest number, for that many minutes, to see whether memory grows. The server is
    started for it, or is the one at `address` on the loopback. BenchError if that is none, or a number is out of range.
    """
    counts, seconds = sorted(visitors or VISITORS), SECONDS if seconds is None else seconds
    if not 1 <= counts[0] <= counts[-1] <= MAX_VISITORS:
        raise BenchError(f"there can be 1 to {MAX_VISITORS} visitors")
    if not 2 <= seconds <= MAX_SECONDS or not 0 < (soak or 1) <= MAX_MINUTES:
        raise BenchError(f"a step takes 2 to {MAX_SECONDS:g} seconds, a soak at most {MAX_MINUTES:g} minutes")
    server: AbstractContextManager[tuple[str, int | None]]
    server = nullcontext((loopback(address), None)) if address else served_page()
    with server as (url, pid):
        page = find_page(url, originals)
        run: dict = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "models": page.models}
        with tqdm(desc="visitors", unit="step") as bar:

            def step(count: int, length: float) -> dict:
                bar.set_postfix_str(f"{count} visitors, {length:g} s")
                figures = asyncio.run(run_step(page, count, length, pid, seed=bar.n))
                bar.update()
                return figures

            step(1, 2.0)  # warms up kernels and caches
            if soak:
                return run | {"soak": step(counts[-1], 60 * soak)}
            steps = [step(count, seconds) for count in counts]
            knee = find_knee(steps, lambda count: step(count, seconds))
            run |= {"steps": sorted(steps, key=lambda s: s["visitors"]), "knee": knee}
    return run | ({} if address else {"batched_ms": batched_cost(page.models)})


def batched_cost(names: list[str], repeats: int = 10) -> dict[str, dict[int, float]]:
    """Milliseconds of processor time per request, by how many are answered in one batch: for cards and for sweeps.

    With these models, the minimum of `repeats` in one thread of this process, so that other load hardly counts.
    """
    import torch

    from ..checkpoint import load_checkpoint, load_model
    from ..ink import digit_from_strokes
    from ..models.inference import prepare
    from ..referee import FAST_REFEREE
    from ..runtime.precision import serving_precision
    from ..sweeps import NOISE_FACTORS, SweepRequest, sweep_all

    torch.set_num_threads(1)
    networks = {name: load_model(name)[0] for name in names} | {FAST_REFEREE: load_checkpoint(FAST_REFEREE)[0]}
    precision, channels_last = serving_precision(), torch.channels_last
    models = {name: prepare(network.to(memory_format=channels_last), precision) for name, network in networks.items()}
    referee = models.pop(FAST_REFEREE)
    cost: dict[str, dict[int, float]] = {}
    digits = [digit_from_strokes(EXAMPLES[str(digit)]) for digit in range(10)]
    for kind, factors in (("cards", (0.5,)), ("sweep", NOISE_FACTORS)):
        cost[kind] = {}
        for count in BATCH_SIZES[kind]:
            requests = [SweepRequest(digits[i % 10], "gaussian", i, factors) for i in range(count)]
            times = []
            for _ in range(repeats):
                since = time.thread_time()
                sweep_all(requests, models, referee)
                times.append((time.thread_time() - since) * 1000 / count)
            cost[kind][count] = round(min(times), 1)
    return cost


def find_knee(steps: list[dict], step: Callable[[int], dict]) -> dict[str, int | None]:
    """The largest number of visitors that meets the goal and the smallest that does not, at most a tenth apart.

    `step(count)` measures a number in between; each is added to `steps`. None for either if no step was such.
    """
    while True:
        bad = min((s["visitors"] for s in steps if not meets_goal(s)), default=None)
        good = max(
            (s["visitors"] for s in steps if meets_goal(s) and (bad is None or s["visitors"] < bad)), default=None
        )
        if bad is None or good is None or bad - good <= max(1, bad // 10):
            return {"good": good, "bad": bad}
        steps.append(step((good + bad) // 2))


# ---------- print ----------

ROWS = {
    "page": "the page itself",
    "update": "cards while the pen moves",
    "cards": "cards",
    "sweep": "sweep",
    "pen_up_to_cards": "pen-up to all cards",
    "pen_up_to_sweep": "pen-up to the sweep",
    "originals": "twelve originals",
}


def growth(megabytes: list[float]) -> float | None:
    """Megabytes from the median of the first minute of a soak to that of its last; None if it was too short."""
    minute = round(60 / SAMPLE_EVERY)
    if len(megabytes) < 2 * minute:
        return None
    first, last = sorted(megabytes[:minute]), sorted(megabytes[-minute:])
    return round(last[minute // 2] - first[minute // 2])


def rows(step: dict) -> dict[str, str]:
    """The figures of one step as text, by what they are."""
    times, counts, memory = step["ms"], step["counts"], step["resident_megabytes"]

    def known(value: float | None) -> str:
        return "-" if value is None else f"{value:g}"

    return {
        **{
            words: " / ".join(f"{times[kind][p]:.0f}" for p in ("p50", "p95", "p99")) if kind in times else "-"
            for kind, words in ROWS.items()
        },
        "strokes, with their sweep": f"{counts['strokes']}, {times.get('pen_up_to_sweep', {}).get('count', 0)}",
        "updates per second of drawing": (
            f"{times.get('update', {}).get('count', 0) / max(1, counts['strokes']) / STROKE_SECONDS:.1f}"
        ),
        "requests, told to wait": f"{counts['requests']}, {counts.get('waited', 0)}",
        "errors": str(sum(step["errors"].values())),
        "server's memory, MB": f"{memory[0]:g} to {memory[-1]:g}" if memory else "-",
        "server's cores in use": known(step["server_cores"]),
        "server's time per stroke, ms": known(step["server_ms_per_stroke"]),
        "visitors' cores in use": known(step["visitors_cores"]),
    }


def show(figures: dict) -> None:
    """Print one table of all steps in milliseconds, p50 / p95 / p99; then the knee, or how memory grew in a soak."""
    steps = figures.get("steps") or [figures["soak"]]
    print(f"{figures['cores']} cores, load {figures['load']} before; {', '.join(figures['models'])}")
    print(f"a stroke every {STROKE_EVERY:g} s for each visitor; milliseconds as p50 / p95 / p99\n")
    found = [rows(step) for step in steps]
    heads = [f"{step['visitors']} visitors" for step in steps]
    print(columns([["", *heads], *([name, *(row[name] for row in found)] for name in found[0])]))
    for step in steps:
        for message, count in step["errors"].items():
            print(f"  {step['visitors']} visitors: {count} x {message}")
    if "soak" in figures:
        grown = growth(figures["soak"]["resident_megabytes"])
        said = "too short to say" if grown is None else f"{grown:+g} MB"
        print(f"\nmemory from the first minute to the last: {said}")
        return
    knee = figures["knee"]
    print(f"\nno error, and for 95 of 100 strokes the sweep within {GOAL:,} ms:", end=" ")
    print(f"{knee['good'] or 'not even the fewest'} visitors" + (f", no longer {knee['bad']}" if knee["bad"] else ""))
    for kind, times in figures.get("batched_ms", {}).items():
        row = ", ".join(f"{count}: {ms:g}" for count, ms in times.items())
        print(f"processor time for the {kind} of one visitor by how many are answered in one batch, ms: {row}")
