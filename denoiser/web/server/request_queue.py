"""The request queue: few requests compute at a time, the others wait, and no client can keep the others waiting.

A request waits under a key that its page made up. A newer request with the same key replaces it: nothing is computed
for a drawing that is no longer on the pad. A request that has waited for `patience` is told its position and stays in
the queue; its page resumes it, or replaces it by the drawing as it is by then. Requests of one group that wait at the
same time are computed together. Clients take turns: of each, one request comes up in a round.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from .fairness import Rounds

WORKERS = max(2, min(8, os.cpu_count() or 1))
# How many requests of a kind compute at the same time. Each has threads of its own, so that a picture that is slow to
# read, or a script, never takes those that a stroke waits for.
LANES = {"live": WORKERS, "page": WORKERS, "originals": 1, "pictures": 2, "api": 2}
PATIENCE = 3.0  # seconds until a waiting request is told its position
RETURN = 10.0  # seconds for which a request stays in the queue after that
CAPACITY = 1_000  # requests that wait
MOST_OF_CLIENT = 200  # of one client: a class behind one address
RETRY = 5.0  # seconds after which to ask again where there is no place left
MAX_BATCH = 8  # requests of one group that are computed together
CHECK = 60.0  # seconds without any progress after which a lane is stuck

Work = Callable[[list[Any]], list[Any]]


class Queued(Exception):
    """Others come first: `position` of them. The request may be made again, or resumed if it is `kept`.

    That should happen after `retry_after` seconds.
    """

    def __init__(self, position: int, retry_after: float, kept: bool = False):
        super().__init__(position, retry_after, kept)
        self.position, self.retry_after, self.kept = position, retry_after, kept


class Forgotten(Exception):
    """There is no request under this key to resume."""


class Superseded(Exception):
    """A newer request came under the same key."""


@dataclass
class Ticket:
    """A waiting request: what is asked for, and until when it stays while nobody asks (`reply` None).

    `item` is None where nothing is kept meanwhile. `release` is called once the item is no longer needed.
    """

    work: Work
    item: Any
    group: Hashable | None
    reply: asyncio.Future | None
    lane: str
    client: Hashable
    release: Callable[[], None] | None = None
    round: int = 0
    expires: float = 0.0

    def forget_item(self) -> None:
        """The item is no longer needed."""
        self.item = None
        if self.release:
            self.release()
            self.release = None


class Lane:
    """Requests of one kind: how many may compute, how many do, how many have, whose turn it is, and their threads."""

    def __init__(self, name: str, limit: int):
        self.limit, self.running, self.finished = limit, 0, 0
        self.rounds = Rounds()
        self.threads = ThreadPoolExecutor(limit, name, torch.set_num_threads, (1,))


class RequestQueue:
    """Requests that wait for a thread to compute in. All methods belong to one event loop."""

    def __init__(self, lanes: Mapping[str, int] = LANES, patience: float = PATIENCE, capacity: int = CAPACITY):
        self.lanes = {name: Lane(name, limit) for name, limit in lanes.items()}
        self.patience, self.capacity = patience, capacity
        self.tickets: dict[Hashable, Ticket] = {}  # in the order of their arrival
        self.clients: Counter[Hashable] = Counter()  # how many tickets each has
        self.tasks: set[asyncio.Task] = set()

    async def submit(
        self,
        work: Work,
        item: Any,
        key: Hashable,
        lane: str = "page",
        group: Hashable | None = None,
        client: Hashable | None = None,
        patience: float | None = None,
        keep: bool = True,
        release: Callable[[], None] | None = None,
    ) -> Any:
        """What `work([item])` returns as its only element, as soon as it is this request's turn.

        `work` may get several items whose `group` is equal and not None. `client` is who asks, None where that is not
        known. Raises Queued where others come first for longer than `patience` seconds (None: those of the queue), or
        no place is left; Superseded where another request came under the same `key`. With `keep` the item stays in the
        queue after Queued, to be resumed. `release` is called once, when the queue no longer needs the item.
        """
        reply = asyncio.get_running_loop().create_future()
        ticket = self.tickets.get(key)
        if ticket is None:
            client = key if client is None else client
            try:
                self.check_room(client)
            except Queued:
                if release:
                    release()
                raise
            self.add(key, Ticket(work, item, group, reply, lane, client, release))
        else:
            if ticket.reply is not None:
                ticket.reply.set_exception(Superseded())
            ticket.forget_item()
            ticket.work, ticket.item, ticket.group, ticket.reply = work, item, group, reply
            ticket.release = release
        return await self.reply_to(key, reply, patience, keep)

    async def resume(self, key: Hashable, patience: float | None = None) -> Any:
        """The reply to the request that waits under `key` and was told its position; raises what `submit` raises.

        Forgotten where there is none, or its item was not kept.
        """
        ticket = self.tickets.get(key)
        if ticket is None or ticket.item is None:
            raise Forgotten
        if ticket.reply is not None:
            ticket.reply.set_exception(Superseded())
        ticket.reply = reply = asyncio.get_running_loop().create_future()
        return await self.reply_to(key, reply, patience, keep=True)

    async def reply_to(self, key: Hashable, reply: asyncio.Future, patience: float | None, keep: bool) -> Any:
        """Wait for `reply`, the one of the request under `key`, as `submit` says."""
        self.start_next()
        try:
            await asyncio.wait({reply}, timeout=self.patience if patience is None else patience)
        except asyncio.CancelledError:
            reply.cancel()
            if (ticket := self.tickets.get(key)) is not None and ticket.reply is reply:
                self.remove(key).forget_item()
            raise
        ticket = self.tickets.get(key)
        if ticket is not None and ticket.reply is reply:
            ticket.reply, ticket.expires = None, time.monotonic() + RETURN
            if not keep:
                ticket.forget_item()
            raise Queued(self.in_order(ticket.lane).index(key), 0.0, keep)
        return await reply

    def check_room(self, client: Hashable) -> None:
        """Queued where the queue has no place left for another request of this client."""
        if len(self.tickets) >= self.capacity or self.clients[client] >= MOST_OF_CLIENT:
            self.drop_expired()
        if len(self.tickets) >= self.capacity or self.clients[client] >= MOST_OF_CLIENT:
            raise Queued(len(self.tickets), RETRY)

    def add(self, key: Hashable, ticket: Ticket) -> None:
        """Put a new request into its client's next round."""
        own = (t.round for t in self.tickets.values() if t.client == ticket.client and t.lane == ticket.lane)
        ticket.round = self.lanes[ticket.lane].rounds.next(own)
        self.tickets[key] = ticket
        self.clients[ticket.client] += 1

    def remove(self, key: Hashable) -> Ticket:
        """Take a request out of the queue."""
        ticket = self.tickets.pop(key)
        self.clients[ticket.client] -= 1
        if not self.clients[ticket.client]:
            del self.clients[ticket.client]
        return ticket

    def in_order(self, lane: str) -> list[Hashable]:
        """The keys of a lane's requests, the next one first."""
        keys = [key for key, ticket in self.tickets.items() if ticket.lane == lane]
        return sorted(keys, key=lambda key: self.tickets[key].round)  # equal ones stay in the order of arrival

    def start_next(self) -> None:
        """Start the next requests that are here, as many as may compute at a time."""
        for name, lane in self.lanes.items():
            while lane.running < lane.limit and (chosen := self.take(name)):
                lane.running += 1
                task = asyncio.get_running_loop().create_task(self.compute(lane, chosen))
                self.tasks.add(task)

    def take(self, lane: str) -> list[Ticket]:
        """The next request of a lane, and those that can be computed with it, out of the queue."""
        self.drop_expired()
        here = [key for key in self.in_order(lane) if self.tickets[key].reply is not None]
        if not here:
            return []
        first, keys = self.tickets[here[0]], here[:1]
        if first.group is not None:
            same = (key for key in here[1:] if self.tickets[key].group == first.group)
            keys += [key for key in same if self.tickets[key].work == first.work][: MAX_BATCH - 1]
        return [self.remove(key) for key in keys]

    def drop_expired(self) -> None:
        """Drop the requests that were told to come again and did not."""
        now = time.monotonic()
        for key in [key for key, ticket in self.tickets.items() if ticket.reply is None and ticket.expires < now]:
            self.remove(key).forget_item()

    async def compute(self, lane: Lane, chosen: list[Ticket]) -> None:
        """Compute the replies to requests in a thread, then start the next ones."""
        loop = asyncio.get_running_loop()
        lane.rounds.served(chosen[0].round)
        waiting = [(ticket.item, ticket.reply) for ticket in chosen if ticket.reply is not None]
        try:
            replies = await loop.run_in_executor(lane.threads, chosen[0].work, [item for item, _ in waiting])
            for (_, future), reply in zip(waiting, replies, strict=True):
                if not future.done():  # else its client has left
                    future.set_result(reply)
        except Exception as error:
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
        finally:
            for ticket in chosen:
                ticket.forget_item()
            lane.running -= 1
            lane.finished += 1
            self.tasks.discard(asyncio.current_task())
            self.start_next()

    async def check(self) -> None:
        """Send a request that does nothing through each lane; TimeoutError where a lane is stuck.

        A lane is stuck, and not just busy, if it finishes nothing at all for CHECK seconds.
        """
        for name, lane in self.lanes.items():
            key, reply = object(), asyncio.get_running_loop().create_future()
            self.add(key, Ticket(lambda items: items, None, None, reply, name, key))  # also where no place is left
            self.start_next()
            while not reply.done():
                finished = lane.finished
                await asyncio.wait({reply}, timeout=CHECK)
                if not reply.done() and lane.finished == finished:
                    if key in self.tickets:
                        self.remove(key)
                    raise TimeoutError
            reply.result()
