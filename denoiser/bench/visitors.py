"""Scripted visitors: each does on the page's own endpoints what the pad and the board do in a browser.

While the pen moves a visitor requests the cards; with the pen up the cards once more and the whole sweep, at once. The
slider requests nothing once the sweep is there. sweep_client.js explains the rules, and rpc.js what a visitor does who
has to wait.
"""

import asyncio
import base64
import itertools
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
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
UPDATE_EVERY, SLOW, MOST_UNDER_WAY, MOST_SWEEPS = 0.08, 2, 4, 2  # as in sweep_client.js, in seconds
TIMES = ("page", "update", "cards", "sweep", "pen_up_to_cards", "pen_up_to_sweep", "originals")


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
    """The page under test: its address, the id of its board component, and the models shown there.

    `originals` is the id of the component that visitors ask for originals after each stroke; None if they do not.
    """

    address: str
    component: int
    models: list[str]
    originals: int | None = None

    @property
    def endpoint(self) -> str:
        """The address that components send their requests to."""
        return f"{self.address}/gradio_api/component_server/"


@dataclass(eq=False)
class Sent:
    """A request under way: its number, the version of the drawing it is about, and whether the pen was down."""

    number: int
    version: int = -1
    drawing: bool = False


@dataclass
class Channel:
    """Requests of one kind, as in sweep_client.js: a position in the server's queue, and what is under way."""

    ticket: str
    under_way: set[Sent] = field(default_factory=set)
    count: int = 0
    shown: int = 0
    sent_at: float = -math.inf
    fastest: float = math.inf  # seconds from request to reply
    latest: float = math.inf

    def requests(self, version: int) -> bool:
        """Whether a request about this version is under way."""
        return any(sent.version == version for sent in self.under_way)

    @property
    def at_once(self) -> int:
        """How many updates may be under way while the pen moves."""
        if not self.latest < SLOW * self.fastest:
            return 1
        return min(MOST_UNDER_WAY, math.ceil(self.latest / UPDATE_EVERY))


class Visitor:
    """One page in one browser: a pointer that draws and slides, and the board that sends requests."""

    def __init__(self, client: "httpx.AsyncClient", page: Page, tally: Tally, seed: int) -> None:
        self.client, self.page, self.tally = client, page, tally
        self.random = random.Random(seed)
        self.strokes: list = []
        self.version, self.factor, self.drawing, self.pen_up = 0, 0.5, False, 0.0
        self.example = "0"
        self.cards: tuple | None = None  # version and noise factor of the cards that are shown
        self.sweep: int | None = None  # version of the sweep that is shown
        self.shown_cards: int | None = None  # version whose cards were shown after pen-up
        self.timer: asyncio.TimerHandle | None = None
        self.tasks: set[asyncio.Task] = set()
        self.enter()

    def enter(self) -> None:
        """Become another visitor, with a session, queue tickets and a seed of its own."""
        self.session, page = (f"{self.random.getrandbits(64):x}" for _ in range(2))
        self.card_requests, self.sweep_requests = Channel(f"{page}.1"), Channel(f"{page}.2")
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
            await (self.slide() if self.page.originals is None else self.look_at_originals())
        while self.tasks:  # requests that are still under way
            await asyncio.wait(self.tasks)

    async def load(self) -> None:
        """Request the page itself; what it loads besides is in a browser's cache."""
        since = time.perf_counter()
        if await self.send("GET", self.page.address) is not None:
            self.tally.add("page", since)

    async def draw(self) -> None:
        """Draw one stroke of an example digit on an empty pad, at a random offset."""
        self.example = str(self.random.randrange(10))
        points = max(EXAMPLES[self.example], key=len)
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

    async def look_at_originals(self) -> None:
        """Open Possible originals: twelve originals of the example under noise."""
        since = time.perf_counter()
        request = {"picture": example_pixels(self.example), "is_noisy_input": False, "kind": "gaussian"}
        text = json.dumps(request | {"seed": self.seed, "factor": self.factor, "draw": self.seed, "condensing": False})
        if await self.ask("originals", f"{self.session}.3", lambda: text) is not None:
            self.tally.add("originals", since)

    def change(self) -> None:
        """The drawing has changed."""
        self.version += 1
        self.refresh()

    @property
    def wants_cards(self) -> bool:
        """Whether the cards lack a reply for the present drawing and noise factor."""
        return any(self.strokes) and self.sweep != self.version and self.cards != (self.version, self.factor)

    @property
    def wants_sweep(self) -> bool:
        """Whether the sweep of the present drawing is missing."""
        return any(self.strokes) and not self.drawing and self.sweep != self.version

    def refresh(self) -> None:
        """Request what is missing and not under way."""
        if self.timer:
            self.timer.cancel()
        cards, sweeps, now = self.card_requests, self.sweep_requests, time.perf_counter()
        if self.wants_cards and not cards.requests(self.version):
            wait = cards.sent_at + UPDATE_EVERY - now if self.drawing and cards.under_way else 0.0
            if wait > 0:
                self.timer = asyncio.get_running_loop().call_later(wait, self.refresh)
            elif len(cards.under_way) < (cards.at_once if self.drawing else MOST_UNDER_WAY):
                self.start(cards)
        if self.wants_sweep and not sweeps.requests(self.version) and len(sweeps.under_way) < MOST_SWEEPS:
            self.start(sweeps)

    def start(self, channel: Channel) -> None:
        """Send a request, in a task of its own."""
        channel.count += 1
        channel.sent_at = time.perf_counter()
        sent = Sent(channel.count, self.version, self.drawing)
        channel.under_way.add(sent)
        task = asyncio.create_task(self.request(channel, sent))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def request(self, channel: Channel, sent: Sent) -> None:
        """Send one request, and show its reply unless something newer is shown."""
        since, is_sweep = channel.sent_at, channel is self.sweep_requests

        def question() -> str | None:
            if not (self.wants_sweep if is_sweep else self.wants_cards):
                return None
            sent.version, sent.drawing = self.version, self.drawing
            return self.question(None if is_sweep else [self.factor])

        reply = await self.ask("compare", channel.ticket, question)
        channel.under_way.discard(sent)
        stale = sent.version != self.version
        if reply is not None:
            channel.latest = time.perf_counter() - since
            channel.fastest = min(channel.fastest, channel.latest)
            self.tally.add("sweep" if is_sweep else "update" if sent.drawing else "cards", since)
            if sent.number > channel.shown and not (stale and (is_sweep or not (sent.drawing and self.drawing))):
                channel.shown = sent.number
                self.show(sent, reply["factors"], is_sweep)
        if reply is not None or stale:
            self.refresh()

    def show(self, sent: Sent, factors: list[float], is_sweep: bool) -> None:
        """Note what is shown from now on, and how long after pen-up that is."""
        had_cards = self.cards is not None and self.cards[0] == sent.version
        if is_sweep:
            self.sweep = sent.version
            self.tally.add("pen_up_to_sweep", self.pen_up)
        else:
            self.cards = (sent.version, factors[0])
        if not had_cards and self.shown_cards != sent.version and sent.version == self.version and not sent.drawing:
            self.shown_cards = sent.version
            self.tally.add("pen_up_to_cards", self.pen_up)

    async def ask(self, function: str, ticket: str, question: Callable[[], str | None]) -> dict | None:
        """The reply to `question`, asked anew while the visitor waits, as rpc.js does.

        None after an error, or where there is nothing to ask any more.
        """
        stored = None  # the request that the server remembers: it is not sent again
        since = time.perf_counter()
        while time.perf_counter() < since + TIMEOUT:
            if (text := question()) is None:
                return None
            reply = await self.call(function, None if text == stored else text, ticket)
            if reply is None or "replaced" in reply:
                return None
            stored = text if reply.get("kept") else None
            if "waiting" in reply:
                self.tally.counts["waited"] += 1
                await asyncio.sleep(reply["again"] * self.random.uniform(0.5, 1.5) + self.random.uniform(0, 0.3))
            elif "forgotten" not in reply:
                return reply
        self.tally.errors["no answer in time"] += 1
        return None

    def question(self, factors: list[float] | None) -> str:
        """The board's request for these noise factors, or for the whole sweep (None)."""
        request: dict[str, Any] = {
            "strokes": self.strokes,
            "is_noisy_input": False,
            "clean_reader": False,
            "kind": "gaussian",
            "seed": self.seed,
            "models": self.page.models,
            "user_model_ids": {},
            "factors": factors,
        }
        return json.dumps(request, separators=(",", ":"))

    async def call(self, function: str, text: str | None, ticket: str) -> dict | None:
        """The server's reply to a request, or to the one it remembers (None); None after an error."""
        component = self.page.originals if function == "originals" else self.page.component
        data = [text, ticket]
        body = {"data": data, "component_id": component, "fn_name": function, "session_hash": self.session}
        answer = await self.send("POST", self.page.endpoint, json=body)
        if answer is None:
            return None
        reply = json.loads(json.loads(answer))
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


@cache
def example_pixels(digit: str) -> str:
    """An example digit as the page sends it."""
    from ..ink import digit_from_strokes

    pixels = digit_from_strokes(EXAMPLES[digit]).mul(255).round().byte()
    return base64.b64encode(pixels.numpy().tobytes()).decode()


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
