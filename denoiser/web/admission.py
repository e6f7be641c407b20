"""The line before a component's functions: few requests compute at a time, the others wait, first come, first served.

A visitor has one place in a line, under a name that their page made up. Who asks again before their turn replaces what
they asked for and keeps the place: nothing is computed for a drawing that is no longer on the pad. Who has waited for
`patience` is told how many are before them; their page asks again, with the drawing as it is by then. Requests of one
group that wait at the same time are answered together.
"""

import asyncio
import os
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

AT_ONCE = max(2, min(8, os.cpu_count() or 1))  # requests of a component that compute at the same time
PATIENCE = 3.0  # seconds until who waits is told so
AWAY = 10.0  # seconds for which a place is kept for who was told and has not asked again
MOST = 1_000  # places of a line
LATER = 5.0  # seconds after which to ask again who found them all taken
TOGETHER = 8  # requests of one group that are answered at once

Work = Callable[[list[Any]], list[Any]]


class NotYet(Exception):
    """It is not this request's turn yet: `before` others come first; it may be asked again after `again` seconds."""

    def __init__(self, before: int, again: float):
        super().__init__(before, again)
        self.before, self.again = before, again


class Replaced(Exception):
    """The same visitor has asked for something else since."""


@dataclass
class Place:
    """Who waits: what they asked for last, and until when their place is kept while they do not ask (`reply` None)."""

    work: Work
    item: Any
    group: Hashable | None
    reply: asyncio.Future | None
    kept_until: float = 0.0


class Line:
    """Requests that wait for a thread to compute in. All methods belong to one event loop."""

    def __init__(self, at_once: int = AT_ONCE, patience: float = PATIENCE, most: int = MOST):
        self.at_once, self.patience, self.most = at_once, patience, most
        self.places: dict[str, Place] = {}  # in the order in which they came
        self.computing: set[asyncio.Task] = set()
        self.threads = ThreadPoolExecutor(at_once, "line", torch.set_num_threads, (1,))

    async def turn(self, work: Work, item: Any, name: str, group: Hashable | None = None) -> Any:
        """What `work([item])` gives as its only reply, when it is this request's turn.

        `work` may get several items whose `group` is equal and not None. Raises NotYet where others are first for
        longer than `patience`, or all places are taken; Replaced where another request came under the same name.
        """
        reply = asyncio.get_running_loop().create_future()
        place = self.places.get(name)
        if place is None:
            if len(self.places) >= self.most:
                self.give_away()
            if len(self.places) >= self.most:
                raise NotYet(len(self.places), LATER)
            self.places[name] = Place(work, item, group, reply)
        else:
            if place.reply is not None:
                place.reply.set_exception(Replaced())
            place.work, place.item, place.group, place.reply = work, item, group, reply
        self.go_on()
        await asyncio.wait({reply}, timeout=self.patience)
        place = self.places.get(name)
        if place is not None and place.reply is reply:
            place.reply, place.kept_until = None, time.monotonic() + AWAY
            raise NotYet(list(self.places).index(name), 0.0)
        return await reply

    def go_on(self) -> None:
        """Let the first who are here compute, as many as may at a time."""
        while len(self.computing) < self.at_once and (chosen := self.take()):
            task = asyncio.get_running_loop().create_task(self.compute(chosen))
            self.computing.add(task)

    def take(self) -> list[Place]:
        """The first who is here and those who can be answered with them, out of the line."""
        self.give_away()
        here = {name: place for name, place in self.places.items() if place.reply is not None}
        if not here:
            return []
        first, *others = here
        lead, names = here[first], [first]
        if lead.group is not None:
            names += [n for n in others if here[n].group == lead.group and here[n].work == lead.work][: TOGETHER - 1]
        return [self.places.pop(name) for name in names]

    def give_away(self) -> None:
        """Drop the places of those who were told to ask again and did not."""
        now = time.monotonic()
        for name in [n for n, place in self.places.items() if place.reply is None and place.kept_until < now]:
            del self.places[name]

    async def compute(self, chosen: list[Place]) -> None:
        """Answer them in a thread, then let the next ones go on."""
        loop = asyncio.get_running_loop()
        try:
            replies = await loop.run_in_executor(self.threads, chosen[0].work, [place.item for place in chosen])
            for place, reply in zip(chosen, replies, strict=True):
                place.reply.set_result(reply)
        except Exception as error:
            for place in chosen:
                place.reply.set_exception(error)
        finally:
            self.computing.discard(asyncio.current_task())
            self.go_on()
