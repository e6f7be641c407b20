"""Gradio's queue of events, shared fairly: no client can fill it, or push what others wait for out of memory.

Written for Gradio 6.31, which
- lets anybody name any function, also those of the page alone (`api_visibility="private"`), on all of its routes;
- has one limit for all events, so that 64 small requests close the page's and the scripts' functions to everybody;
- keeps a queue of messages for each session, by a name that the client makes up, and drops the oldest of 2,000,
  whether or not somebody still reads it;
- makes a table of the last 10,000 events after each event, for a dashboard that this page does not have.
"""

import sys
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

import gradio as gr
from fastapi import HTTPException
from gradio import queueing, route_utils
from gradio.utils import LRUCache

from ..errors import DenoiserError
from .server.clients import client_address
from .server.fairness import Rounds

MOST_WAITING = 64  # events that wait
MOST_OF_ADDRESS = 32  # of one client address
MOST_SESSIONS = 2_000  # whose messages are kept
UNREAD = 300.0  # seconds for which the messages of a session are kept that waits for nothing more

NOT_HERE = "There is nothing here."
FULL = "Too many calls wait here already. Try again in a few seconds."
TOO_MANY = "Too many calls from your address wait here already. Ask for less at a time."


def admitted_by(check: Callable[[list], None]) -> Callable[[Callable], Callable]:
    """A decorator for a function of the page alone: `check(values)` raises DenoiserError for events it must not get."""

    def mark(function: Callable) -> Callable:
        function.admit = check  # type: ignore[attr-defined]
        return function

    return mark


def share_fairly(demo: gr.Blocks) -> None:
    """Give a page the queue of this module; call it once, when all of the page is there."""
    plain = demo._queue
    demo._queue = FairQueue(
        live_updates=plain.live_updates,
        concurrency_count=plain.max_thread_count,
        update_intervals=plain.update_intervals,
        max_size=None,
        blocks=demo,
        default_concurrency_limit=plain.default_concurrency_limit,
    )
    route_utils.get_fn = public_only(route_utils.get_fn)


def public_only(get_fn: Callable) -> Callable:
    """Gradio's way from a request to a function, without those of the page alone where a request names one."""
    if hasattr(get_fn, "__wrapped__"):
        return get_fn  # done for another page

    @wraps(get_fn)
    def checked(blocks: gr.Blocks, api_name: str | None, body: Any) -> Any:
        try:
            function = get_fn(blocks, api_name, body)
        except (KeyError, route_utils.FnIndexInferError):
            raise HTTPException(404, NOT_HERE) from None
        if api_name is not None and function.api_visibility == "private":
            raise HTTPException(404, NOT_HERE)
        return function

    return checked


class Turn(NamedTuple):
    """The client address of an event that waits, and the round in which it comes up."""

    address: str = ""
    round: int = 0


class Session(NamedTuple):
    """The client address of a session, and when it last asked for something, in seconds of a monotonic clock."""

    address: str
    asked: float


class FairQueue(queueing.Queue):
    """Events of the page's own functions come in where those admit them; of all others, so many of each client address.

    Waiting events come up in rounds, one of each address in a round.
    """

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.ANALYTICS_MAX_EVENTS = 0
        self.pending_messages_per_session = LRUCache(sys.maxsize)  # kept small by `make_room`
        self.sessions: OrderedDict[str, Session] = OrderedDict()  # the one that asked last is the last
        self.rounds: dict[str, Rounds] = {}  # by concurrency_id
        self.turns: dict[str, Turn] = {}  # of events that wait, by their ids

    async def push(self, body: Any, request: Any, username: str | None) -> tuple:
        """Take an event, as Gradio does; HTTPException where it is not let in."""
        address, function = client_address(request.scope) or "", self.blocks.fns.get(body.fn_index)
        if function is None:
            raise HTTPException(404, NOT_HERE)
        admit = getattr(function.fn, "admit", None)
        if admit is not None:
            try:
                admit(body.data)
            except DenoiserError as error:
                raise HTTPException(409, str(error)) from None
        elif function.api_visibility == "private":
            raise HTTPException(404, NOT_HERE)
        else:
            self.check_room(address)
        done, answer, state = await super().push(body, request, username)
        if done:
            self.enqueue(self.event_ids_to_events[str(answer)], address)
        return done, answer, state

    def turn(self, event: queueing.Event) -> Turn:
        """Whose event it is, and when it comes up."""
        return self.turns.get(event._id, Turn())

    def waiting(self) -> list[Turn]:
        """The turns of all events that wait."""
        return [self.turn(event) for queue in self.event_queue_per_concurrency_id.values() for event in queue.queue]

    def check_room(self, address: str) -> None:
        """HTTPException where too many events wait, of all clients or of this one."""
        waiting = self.waiting()
        if len(waiting) >= MOST_WAITING:
            raise HTTPException(503, FULL)
        if sum(turn.address == address for turn in waiting) >= MOST_OF_ADDRESS:
            raise HTTPException(429, TOO_MANY)

    def enqueue(self, event: queueing.Event, address: str) -> None:
        """Move a new event, the last of its queue, to its address's next round, and note its session."""
        queue = self.event_queue_per_concurrency_id[event.concurrency_id].queue
        rounds = self.rounds.setdefault(event.concurrency_id, Rounds())
        own = [turn.round for turn in map(self.turn, queue) if turn.address == address]
        self.turns = {key: turn for key, turn in self.turns.items() if key in self.event_ids_to_events}
        self.turns[event._id] = Turn(address, rounds.next(own))
        queue.sort(key=lambda event: self.turn(event).round)
        self.sessions[event.session_hash] = Session(address, time.monotonic())
        self.sessions.move_to_end(event.session_hash)
        self.make_room()

    def get_events(self) -> tuple[list[queueing.Event], bool, str] | None:
        """The next events, as Gradio chooses them."""
        chosen = super().get_events()
        if chosen is not None:
            events, _, concurrency_id = chosen
            self.rounds[concurrency_id].served(self.turn(events[0]).round)
        return chosen

    def make_room(self) -> None:
        """Forget the messages of sessions that wait for nothing: after a while, or of the address with the most."""
        now = time.monotonic()
        while self.sessions:
            session, (address, asked) = next(iter(self.sessions.items()))
            if now - asked < UNREAD:
                break
            if self.waits(session):
                self.sessions[session] = Session(address, now)
                self.sessions.move_to_end(session)
            else:
                self.forget(session)
        while len(self.sessions) > MOST_SESSIONS:
            counts = Counter(session.address for session in self.sessions.values())
            most = max(counts.values())
            over = (name for name, session in self.sessions.items() if counts[session.address] == most)
            oldest = next((name for name in over if not self.waits(name)), None)
            if oldest is None:
                break
            self.forget(oldest)

    def waits(self, session: str) -> bool:
        """Whether an event of that session waits or runs."""
        return any(event in self.event_ids_to_events for event in self.pending_event_ids_session.get(session, ()))

    def forget(self, session: str) -> None:
        """Forget a session and its messages."""
        del self.sessions[session]
        self.pending_messages_per_session.pop(session, None)
        self.pending_event_ids_session.pop(session, None)
