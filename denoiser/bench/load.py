"""bench load: many scripted visitors at once on the page's own endpoints, and how many it takes to make it slow.

A visitor does what pad.js and board.js do: while the pen moves it asks for the cards, one question after another; with
the pen up for the cards once more, then for the whole ladder; the slider asks nothing once the ladder is there. The
server is a process of its own, the visitors are this one. Both end by themselves.
"""

import asyncio
import ipaddress
import itertools
import json
import os
import random
import socket
import time
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from ..examples import EXAMPLES
from . import BenchError, percentile
from .browser import served_page
from .serving import columns, resident_megabytes

VISITORS = (1, 10, 50, 100)
SECONDS = 30.0  # of a step
MOST_VISITORS, MOST_SECONDS, MOST_MINUTES = 1_000, 120.0, 60.0
EVERY = 8.0  # seconds from one stroke of a visitor to its next
STROKE = 1.0  # seconds of a stroke
MOVE = 1 / 60  # seconds between two points of it
SLIDE = 4.0  # seconds after the stroke's start, the slider goes to and fro
STAY = 5  # strokes after which a visitor leaves and another comes
PATIENCE = 30.0  # seconds after which a question without an answer is an error
GOAL = 1_000  # milliseconds that the p95 from pen-up to the whole ladder may take
AT_ONCE = {"cards": (1, 2, 4, 8, 16), "ladder": (1, 2, 4)}  # questions answered together, to see whether it pays
SAMPLE = 5.0  # seconds between two looks at the server's memory
FIGURES = ("page", "update", "cards", "ladder", "pen_up_to_cards", "pen_up_to_ladder")


@dataclass
class Tally:
    """What all visitors of one step saw: milliseconds by kind, and how often what happened."""

    times: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FIGURES})
    counts: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)

    def add(self, kind: str, since: float) -> None:
        """A time of this kind, from `since` until now."""
        self.times[kind].append((time.perf_counter() - since) * 1000)

    def summary(self) -> dict:
        """Count, p50, p95 and p99 by kind, counts, and errors by what they said."""
        return {
            "ms": {kind: figures(values) for kind, values in self.times.items() if values},
            "counts": dict(self.counts),
            "errors": dict(self.errors),
        }


def figures(values: list[float]) -> dict[str, float]:
    """Count, p50, p95 and p99."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {"count": len(values)} | {name: round(percentile(values, share), 1) for name, share in shares.items()}


# ---------- one visitor ----------


@dataclass(frozen=True)
class Page:
    """Where the visitors go: the page, and what its board is called there."""

    address: str
    component: int
    models: list[str]

    @property
    def endpoint(self) -> str:
        """Where components ask."""
        return f"{self.address}/gradio_api/component_server/"


@dataclass
class Asking:
    """What the board asks for: the version whose ladder it wants, or the cards (None)."""

    ladder: int | None = None


class Visitor:
    """One page in one browser: the hand that draws and slides, and the board that asks."""

    def __init__(self, client, page: Page, tally: Tally, seed: int):
        self.client, self.page, self.tally = client, page, tally
        self.random = random.Random(seed)
        self.strokes: list = []
        self.version, self.factor, self.drawing, self.lifted = 0, 0.5, False, 0.0
        self.now: tuple | None = None  # version and factor of the cards that are there
        self.ladder: int | None = None  # version of the ladder that is there
        self.asking: Asking | None = None
        self.loops: set[asyncio.Task] = set()
        self.enter()

    def enter(self) -> None:
        """As another visitor: a session, a place in line and a seed of its own."""
        self.session, self.place = (f"{self.random.getrandbits(64):x}" for _ in range(2))
        self.seed = self.random.randrange(100_000)

    async def visit(self, until: float) -> None:
        """Come at some moment of the first round, draw and slide until then; after STAY strokes as somebody else."""
        begin = time.perf_counter() + self.random.uniform(0, min(EVERY, until - time.perf_counter() - STROKE))
        for number in itertools.count():
            start = begin + number * EVERY
            if number and start + STROKE > until:
                break
            await asyncio.sleep(max(0.0, start - time.perf_counter()))
            if number % STAY == 0:
                self.enter()
                await self.load()
            await self.draw()
            await asyncio.sleep(max(0.0, min(until, start + SLIDE) - time.perf_counter()))
            await self.slide()
        while self.loops:  # what is still asked
            await asyncio.wait(self.loops)

    async def load(self) -> None:
        """The page itself; what it loads besides, a browser keeps."""
        since = time.perf_counter()
        if await self.reply("GET", self.page.address) is not None:
            self.tally.add("page", since)

    async def draw(self) -> None:
        """A stroke of an example digit on an empty pad, somewhat moved."""
        points = max(EXAMPLES[str(self.random.randrange(10))], key=len)
        across, down = self.random.uniform(-0.08, 0.08), self.random.uniform(-0.08, 0.08)
        path = along([(x + across, y + down) for x, y, *_ in points], round(STROKE / MOVE))
        began, stroke = time.perf_counter(), []
        self.strokes, self.drawing, self.ladder = [stroke], True, None
        for i, (x, y) in enumerate(path):
            await asyncio.sleep(max(0.0, began + i * MOVE - time.perf_counter()))
            stroke.append([round(x, 4), round(y, 4), round(time.perf_counter() - began, 3), 0])
            self.change()
        self.drawing, self.lifted = False, time.perf_counter()
        self.tally.counts["strokes"] += 1
        self.change()

    async def slide(self) -> None:
        """The slider to and fro; the board asks only where the ladder is not there yet."""
        for step in (*range(10, 21), *range(20, -1, -2), *range(0, 11)):
            self.factor = step / 20
            self.refresh()
            await asyncio.sleep(2 * MOVE)

    def change(self) -> None:
        """The drawing is another one now."""
        self.version += 1
        self.refresh()

    def refresh(self) -> None:
        """As board.js: of the cards an older answer is better than none, a ladder of another drawing is not."""
        if self.asking and self.asking.ladder in (None, self.version):
            return
        self.asking = Asking()
        loop = asyncio.create_task(self.board(self.asking))
        self.loops.add(loop)
        loop.add_done_callback(self.loops.discard)

    async def board(self, mine: Asking) -> None:
        """Ask for cards and ladder until both are there, or something newer is asked."""
        while self.ladder != self.version:
            cards = self.now != (self.version, self.factor)
            if self.drawing and not cards:
                break
            mine.ladder = None if cards else self.version
            if not await self.put(mine):
                break
        if self.asking is mine:
            self.asking = None

    async def put(self, mine: Asking) -> bool:
        """One question, through as many refusals as it takes; whether to go on asking."""
        since, cards = time.perf_counter(), mine.ladder is None
        while time.perf_counter() < since + PATIENCE:
            if self.asking is not mine or (self.drawing and not cards):
                return self.asking is mine
            if not any(self.strokes):  # another stroke has begun, and has no point yet
                return False
            asked, factor, drawing = self.version, self.factor, self.drawing
            reply = await self.ask([factor] if cards else None)
            if reply is None or self.asking is not mine:
                return False
            if "waiting" not in reply:
                break
            self.tally.counts["waited"] += 1
            await asyncio.sleep(reply["again"] * self.random.uniform(0.5, 1.5) + self.random.uniform(0, 0.3))
        else:
            self.tally.errors["no answer in time"] += 1
            return False
        self.tally.add("ladder" if not cards else "update" if drawing else "cards", since)
        if cards:
            first = self.now is None or self.now[0] != asked
            self.now = (asked, factor)
            if asked == self.version and first and not drawing:
                self.tally.add("pen_up_to_cards", self.lifted)
        elif asked == self.version:
            self.ladder = asked
            self.tally.add("pen_up_to_ladder", self.lifted)
        return True

    async def ask(self, factors: list[float] | None) -> dict | None:
        """What compare answers; None after an error."""
        request = {"strokes": self.strokes, "already": False, "kind": "gaussian", "seed": self.seed}
        request |= {"models": self.page.models, "own": {}, "factors": factors}
        data = [json.dumps(request, separators=(",", ":")), self.place]
        body = {"data": data, "component_id": self.page.component, "fn_name": "compare", "session_hash": self.session}
        text = await self.reply("POST", self.page.endpoint, json=body)
        if text is None:
            return None
        reply = json.loads(json.loads(text))
        if "error" in reply:
            self.tally.errors[reply["error"]] += 1
            return None
        return reply

    async def reply(self, method: str, url: str, **options) -> str | None:
        """The text of an answer; None where there was none, which counts as an error."""
        import httpx

        self.tally.counts["requests"] += 1
        try:
            answer = await self.client.request(method, url, **options)
        except httpx.HTTPError as error:
            self.tally.errors[type(error).__name__] += 1
            return None
        if answer.status_code != 200:
            self.tally.errors[f"status {answer.status_code}"] += 1
            return None
        return answer.text


def along(points: list[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """`count` places evenly along a path of straight lines."""
    lengths = [((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 for (x0, y0), (x1, y1) in itertools.pairwise(points)]
    ends = list(itertools.accumulate(lengths, initial=0.0))
    found, line = [], 0
    for i in range(count):
        at = ends[-1] * i / (count - 1)
        while line < len(lengths) - 1 and ends[line + 1] < at:
            line += 1
        share = (at - ends[line]) / lengths[line] if lengths[line] else 0.0
        (x0, y0), (x1, y1) = points[line : line + 2]
        found.append((x0 + (x1 - x0) * share, y0 + (y1 - y0) * share))
    return found


# ---------- many ----------


class Watch:
    """The server's memory and processor time, while visitors are there; nothing where its process is not known."""

    def __init__(self, pid: int | None):
        self.pid, self.samples = pid, []

    def processor_seconds(self) -> float | None:
        """What all threads of the server have used so far."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def look(self) -> None:
        """A sample of the memory every SAMPLE seconds."""
        while self.pid is not None:
            self.samples.append(resident_megabytes(self.pid))
            await asyncio.sleep(SAMPLE)


async def crowd(page: Page, count: int, seconds: float, pid: int | None, seed: int = 0) -> dict:
    """The figures of `count` visitors who come within EVERY seconds and stay for `seconds`."""
    import httpx

    tally, watch = Tally(), Watch(pid)
    before, used = watch.processor_seconds(), time.process_time()
    start = time.perf_counter()
    # the server ends what was idle for 5 s; a browser then asks on a new connection, here none is kept so long
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=3)
    async with httpx.AsyncClient(limits=limits, timeout=PATIENCE, verify=False, trust_env=False) as client:
        looking = asyncio.create_task(watch.look())
        visitors = [Visitor(client, page, tally, seed * MOST_VISITORS + i) for i in range(count)]
        await asyncio.gather(*(visitor.visit(start + seconds) for visitor in visitors))
        looking.cancel()
    took, after = time.perf_counter() - start, watch.processor_seconds()
    strokes = tally.counts["strokes"]
    return {
        "visitors": count,
        "seconds": round(took, 1),
        **tally.summary(),
        "resident_megabytes": watch.samples,
        "server_cores": None if before is None else round((after - before) / took, 2),
        "server_ms_per_stroke": None if before is None or not strokes else round(1000 * (after - before) / strokes),
        "visitors_cores": round((time.process_time() - used) / took, 2),
    }


def loopback(address: str) -> str:
    """`address` without a slash at its end; BenchError where it is of another machine than this one."""
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


def find_page(address: str) -> Page:
    """The board of the page there; BenchError where there is none."""
    import httpx

    try:
        config = httpx.get(f"{address}/config", timeout=PATIENCE, trust_env=False).json()
        board = next(c for c in config["components"] if c["props"].get("elem_id") == "board")
    except (httpx.HTTPError, ValueError, KeyError, StopIteration) as error:
        raise BenchError(f"there is no page of ours at {address}") from error
    return Page(address, board["id"], board["props"]["props"]["featured"])


def good(step: dict) -> bool:
    """Whether nobody met an error and the p95 from pen-up to the ladder stayed within GOAL."""
    times = step["ms"].get("pen_up_to_ladder")
    return not step["errors"] and times is not None and times["p95"] <= GOAL


def measure(
    visitors: list[int] | None = None,
    seconds: float | None = None,
    soak: float | None = None,
    address: str | None = None,
) -> dict:
    """A step of `seconds` for each number of `visitors`, then halving the way between the last that was good and the
    first that was not; or, with `soak`, that many minutes of the largest number, to see whether memory grows.

    On a server of its own, or on the one at `address` on the loopback. BenchError where that is none, or where more
    is asked for than the bench does.
    """
    counts, seconds = sorted(visitors or VISITORS), SECONDS if seconds is None else seconds
    if not 1 <= counts[0] <= counts[-1] <= MOST_VISITORS:
        raise BenchError(f"there can be 1 to {MOST_VISITORS} visitors")
    if not 2 <= seconds <= MOST_SECONDS or not 0 < (soak or 1) <= MOST_MINUTES:
        raise BenchError(f"a step takes 2 to {MOST_SECONDS:g} seconds, a soak at most {MOST_MINUTES:g} minutes")
    server = nullcontext((loopback(address), None)) if address else served_page()
    with server as (place, pid):
        page = find_page(place)
        run = {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "models": page.models}
        with tqdm(desc="visitors", unit="step") as bar:

            def step(count: int, length: float) -> dict:
                bar.set_postfix_str(f"{count} visitors, {length:g} s")
                found = asyncio.run(crowd(page, count, length, pid, seed=bar.n))
                bar.update()
                return found

            step(1, 2.0)  # the first visitor's kernels and caches
            if soak:
                return run | {"soak": step(counts[-1], 60 * soak)}
            steps = [step(count, seconds) for count in counts]
            knee = find_knee(steps, lambda count: step(count, seconds))
            run |= {"steps": sorted(steps, key=lambda s: s["visitors"]), "knee": knee}
    return run | ({} if address else {"together_ms": together(page.models)})


def together(names: list[str], turns: int = 10) -> dict[str, dict[int, float]]:
    """Milliseconds of processor time for each question where so many are answered at once: cards and ladders.

    By these models, the least of `turns` in one thread of this process, so that what else runs here counts little.
    """
    import torch

    from ..checkpoint import load_checkpoint, load_model
    from ..ink import digit_from_strokes
    from ..sweeps import NOISE_FACTORS, SweepRequest, sweep_all

    torch.set_num_threads(1)
    models = {name: load_model(name)[0].to(memory_format=torch.channels_last) for name in names}
    referee = load_checkpoint("referee")[0].to(memory_format=torch.channels_last)
    found = {}
    digits = [digit_from_strokes(EXAMPLES[str(digit)]) for digit in range(10)]
    for kind, factors in (("cards", (0.5,)), ("ladder", NOISE_FACTORS)):
        found[kind] = {}
        for count in AT_ONCE[kind]:
            questions = [SweepRequest(digits[i % 10], "gaussian", i, factors) for i in range(count)]
            times = []
            for _ in range(turns):
                since = time.thread_time()
                sweep_all(questions, models, referee)
                times.append((time.thread_time() - since) * 1000 / count)
            found[kind][count] = round(min(times), 1)
    return found


def find_knee(steps: list[dict], step) -> dict:
    """The most visitors for whom all was good and the fewest for whom it was not, at most a tenth apart; what is
    measured on the way is added to `steps`. None for either where no step was so.
    """
    while True:
        bad = min((s["visitors"] for s in steps if not good(s)), default=None)
        fine = max((s["visitors"] for s in steps if good(s) and (bad is None or s["visitors"] < bad)), default=None)
        if bad is None or fine is None or bad - fine <= max(1, bad // 10):
            return {"good": fine, "bad": bad}
        steps.append(step((fine + bad) // 2))


# ---------- print ----------

ROWS = {
    "page": "the page itself",
    "update": "cards while the pen moves",
    "cards": "cards",
    "ladder": "ladder",
    "pen_up_to_cards": "pen-up to all cards",
    "pen_up_to_ladder": "pen-up to the ladder",
}


def growth(samples: list[float]) -> float | None:
    """Megabytes from the median of the first minute of a soak to that of its last; None where it was too short."""
    minute = round(60 / SAMPLE)
    if len(samples) < 2 * minute:
        return None
    first, last = sorted(samples[:minute]), sorted(samples[-minute:])
    return round(last[minute // 2] - first[minute // 2])


def rows(step: dict) -> dict[str, str]:
    """The figures of one step by what they are."""
    times, counts, memory = step["ms"], step["counts"], step["resident_megabytes"]

    def known(value: object, unit: str = "") -> str:
        return "-" if value is None else f"{value:g}{unit}"

    return {
        **{
            words: " / ".join(f"{times[kind][p]:.0f}" for p in ("p50", "p95", "p99")) if kind in times else "-"
            for kind, words in ROWS.items()
        },
        "strokes, with their ladder": f"{counts['strokes']}, {times.get('pen_up_to_ladder', {}).get('count', 0)}",
        "updates a second of drawing": f"{times.get('update', {}).get('count', 0) / counts['strokes'] / STROKE:.1f}",
        "requests, told to wait": f"{counts['requests']}, {counts.get('waited', 0)}",
        "errors": str(sum(step["errors"].values())),
        "server's memory, MB": f"{memory[0]:g} to {memory[-1]:g}" if memory else "-",
        "server's cores in use": known(step["server_cores"]),
        "server's time a stroke, ms": known(step["server_ms_per_stroke"]),
        "visitors' cores in use": known(step["visitors_cores"]),
    }


def show(figures: dict) -> None:
    """One table of all steps in milliseconds, p50 / p95 / p99; the knee, or what a soak did to memory."""
    steps = figures.get("steps") or [figures["soak"]]
    print(f"{figures['cores']} cores, load {figures['load']} before; {', '.join(figures['models'])}")
    print(f"a stroke every {EVERY:g} s for each visitor; milliseconds as p50 / p95 / p99\n")
    found = [rows(step) for step in steps]
    heads = [f"{step['visitors']} visitors" for step in steps]
    print(columns([["", *heads], *([name, *(row[name] for row in found)] for name in found[0])]))
    for step in steps:
        for what, count in step["errors"].items():
            print(f"  {step['visitors']} visitors: {count} x {what}")
    if "soak" in figures:
        grown = growth(figures["soak"]["resident_megabytes"])
        print(
            f"\nmemory from the first minute to the last: {'too short to say' if grown is None else f'{grown:+g} MB'}"
        )
        return
    knee = figures["knee"]
    print(f"\nno error, and for 95 of 100 strokes the ladder within {GOAL:,} ms:", end=" ")
    print(f"{knee['good'] or 'not even the fewest'} visitors" + (f", no longer {knee['bad']}" if knee["bad"] else ""))
    for kind, times in figures.get("together_ms", {}).items():
        row = ", ".join(f"{count}: {ms:g}" for count, ms in times.items())
        print(f"processor time for the {kind} of one visitor where so many are answered at once, ms: {row}")
