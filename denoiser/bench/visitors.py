"""Scripted visitors: each does on the page's own endpoints what pad.js and board.js do in a browser.

While the pen moves a visitor requests the cards, one request after the other; with the pen up the cards once more, then
the whole sweep. The slider requests nothing once the sweep is there.
"""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..data.examples import EXAMPLES
from . import summary

if TYPE_CHECKING:
    import httpx

STROKE_EVERY = 8.0  # seconds from one stroke of a visitor to its next
STROKE_SECONDS = 1.0
POINT_EVERY = 1 / 60  # seconds between two points of a stroke
SLIDE_AFTER = 4.0  # seconds after the start of a stroke, the slider is moved to and fro
STROKES_PER_VISIT = 5  # after which a visitor leaves and another one comes
TIMEOUT = 30.0  # seconds after which a request without a reply is an error
TIMES = ("page", "update", "cards", "sweep", "pen_up_to_cards", "pen_up_to_sweep")


@dataclass
class Tally:
    """What all visitors of one step met: milliseconds by kind, counts of events, and errors by message."""

    times: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in TIMES})
    counts: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)

    def add(self, kind: str, since: float) -> None:
        """Add a time of this kind, from `since` until now."""
        self.times[kind].append((time.perf_counter() - since) * 1000)

    def summary(self) -> dict:
        """Count, p50, p95 and p99 by kind, counts, and errors by message."""
        return {
            "ms": {kind: summary(values, (50, 95, 99)) for kind, values in self.times.items() if values},
            "counts": dict(self.counts),
            "errors": dict(self.errors),
        }


@dataclass(frozen=True)
class Page:
    """The page under test: its address, the id of its board component, and the models shown there."""

    address: str
    component: int
    models: list[str]

    @property
    def endpoint(self) -> str:
        """The address that components send their requests to."""
        return f"{self.address}/gradio_api/component_server/"


@dataclass
class Requesting:
    """What the board is requesting: the sweep of this version of the drawing, or the cards (None)."""

    sweep: int | None = None


class Visitor:
    """One page in one browser: a pointer that draws and slides, and the board that sends requests."""

    def __init__(self, client: "httpx.AsyncClient", page: Page, tally: Tally, seed: int) -> None:
        self.client, self.page, self.tally = client, page, tally
        self.random = random.Random(seed)
        self.strokes: list = []
        self.version, self.factor, self.drawing, self.pen_up = 0, 0.5, False, 0.0
        self.cards: tuple | None = None  # version and noise factor of the cards that are shown
        self.fitted: tuple[int, str] | None = None  # a version, and the digit that the server fitted to its strokes
        self.sweep: int | None = None  # version of the sweep that is shown
        self.requesting: Requesting | None = None
        self.tasks: set[asyncio.Task] = set()
        self.enter()

    def enter(self) -> None:
        """Become another visitor, with a session, a queue ticket and a seed of its own."""
        self.session, self.ticket = (f"{self.random.getrandbits(64):x}" for _ in range(2))
        self.seed = self.random.randrange(100_000)

    async def visit(self, until: float) -> None:
        """Arrive at a random time of the first round, then draw and slide until the time `until`.

        After STROKES_PER_VISIT strokes the visitor is replaced by another one.
        """
        begin = time.perf_counter() + self.random.uniform(
            0, min(STROKE_EVERY, until - time.perf_counter() - STROKE_SECONDS)
        )
        for number in itertools.count():
            start = begin + number * STROKE_EVERY
            if number and start + STROKE_SECONDS > until:
                break
            await asyncio.sleep(max(0.0, start - time.perf_counter()))
            if number % STROKES_PER_VISIT == 0:
                self.enter()
                await self.load()
            await self.draw()
            await asyncio.sleep(max(0.0, min(until, start + SLIDE_AFTER) - time.perf_counter()))
            await self.slide()
        while self.tasks:  # requests that are still under way
            await asyncio.wait(self.tasks)

    async def load(self) -> None:
        """Request the page itself; what it loads besides is in a browser's cache."""
        since = time.perf_counter()
        if await self.send("GET", self.page.address) is not None:
            self.tally.add("page", since)

    async def draw(self) -> None:
        """Draw one stroke of an example digit on an empty pad, at a random offset."""
        points = max(EXAMPLES[str(self.random.randrange(10))], key=len)
        dx, dy = self.random.uniform(-0.08, 0.08), self.random.uniform(-0.08, 0.08)
        path = resample([(x + dx, y + dy) for x, y in points], round(STROKE_SECONDS / POINT_EVERY))
        start = time.perf_counter()
        stroke: list[list[float]] = []
        self.strokes, self.drawing, self.sweep = [stroke], True, None
        for i, (x, y) in enumerate(path):
            await asyncio.sleep(max(0.0, start + i * POINT_EVERY - time.perf_counter()))
            stroke.append([round(x, 4), round(y, 4), round(time.perf_counter() - start, 3), 0])
            self.change()
        self.drawing, self.pen_up = False, time.perf_counter()
        self.tally.counts["strokes"] += 1
        self.change()

    async def slide(self) -> None:
        """Move the slider to and fro; the board requests something only while the sweep is missing."""
        for step in (*range(10, 21), *range(20, -1, -2), *range(0, 11)):
            self.factor = step / 20
            self.refresh()
            await asyncio.sleep(2 * POINT_EVERY)

    def change(self) -> None:
        """The drawing has changed."""
        self.version += 1
        self.refresh()

    def refresh(self) -> None:
        """Start requesting, as board.js does: outdated cards are still useful, an outdated sweep is not."""
        if self.requesting and self.requesting.sweep in (None, self.version):
            return
        self.requesting = Requesting()
        task = asyncio.create_task(self.request_all(self.requesting))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def request_all(self, mine: Requesting) -> None:
        """Request cards and sweep until both are shown, or something newer is requested."""
        while self.sweep != self.version:
            cards = self.cards != (self.version, self.factor)
            if self.drawing and not cards:
                break
            mine.sweep = None if cards else self.version
            if not await self.request_one(mine):
                break
        if self.requesting is mine:
            self.requesting = None

    async def request_one(self, mine: Requesting) -> bool:
        """Send one request, again for as long as the server says to wait; whether to go on requesting."""
        since, cards = time.perf_counter(), mine.sweep is None
        while time.perf_counter() < since + TIMEOUT:
            if self.requesting is not mine or (self.drawing and not cards):
                return self.requesting is mine
            if not any(self.strokes):  # another stroke has begun, and has no point yet
                return False
            version, factor, drawing = self.version, self.factor, self.drawing
            reply = await self.compare([factor] if cards else None)
            if reply is None or self.requesting is not mine:
                return False
            if "waiting" not in reply:
                break
            self.tally.counts["waited"] += 1
            await asyncio.sleep(reply["again"] * self.random.uniform(0.5, 1.5) + self.random.uniform(0, 0.3))
        else:
            self.tally.errors["no answer in time"] += 1
            return False
        self.tally.add("sweep" if not cards else "update" if drawing else "cards", since)
        if cards:
            first = self.cards is None or self.cards[0] != version
            self.cards, self.fitted = (version, factor), (version, reply["fitted"])
            if version == self.version and first and not drawing:
                self.tally.add("pen_up_to_cards", self.pen_up)
        elif version == self.version:
            self.sweep = version
            self.tally.add("pen_up_to_sweep", self.pen_up)
        return True

    async def compare(self, factors: list[float] | None) -> dict | None:
        """The board's reply for these noise factors, or for the whole sweep (None); None after an error."""
        version, fitted = self.fitted or (None, None)
        request: dict[str, Any] = {"fitted": fitted} if version == self.version else {"strokes": self.strokes}
        request |= {"is_noisy_input": False, "kind": "gaussian", "seed": self.seed}
        request |= {"models": self.page.models, "user_model_ids": {}, "factors": factors}
        data = [json.dumps(request, separators=(",", ":")), self.ticket]
        body = {"data": data, "component_id": self.page.component, "fn_name": "compare", "session_hash": self.session}
        text = await self.send("POST", self.page.endpoint, json=body)
        if text is None:
            return None
        reply = json.loads(json.loads(text))
        if "error" in reply:
            self.tally.errors[str(reply["error"])] += 1
            return None
        return reply

    async def send(self, method: str, url: str, **options: Any) -> str | None:
        """The text of a reply; None without one, which counts as an error."""
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


def resample(points: list[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """`count` points evenly spaced along a path of straight lines through `points`, both ends included."""
    lengths = [((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5 for (x0, y0), (x1, y1) in itertools.pairwise(points)]
    ends = list(itertools.accumulate(lengths, initial=0.0))
    found, segment = [], 0
    for i in range(count):
        at = ends[-1] * i / (count - 1)
        while segment < len(lengths) - 1 and ends[segment + 1] < at:
            segment += 1
        share = (at - ends[segment]) / lengths[segment] if lengths[segment] else 0.0
        (x0, y0), (x1, y1) = points[segment : segment + 2]
        found.append((x0 + (x1 - x0) * share, y0 + (y1 - y0) * share))
    return found
