"""Who trains, and who waits: one at a time in this process, one visitor after the other.

A visitor holds a ticket, which lasts as long as its page is heard of. Tickets come up in the order in which they were
given, except that each client address has one in a round: who takes many lets the others through. A training that
does not end by itself loses its ticket after `limit` seconds, and the next visitor trains.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..component import BadRequest
from ..server import logging as log
from .fairness import Rounds

PATIENCE = 5.0  # seconds until a visitor who is not heard of counts as gone
DITHERING = 15.0  # seconds that a visitor may wait to begin once it is their turn
MOST = 50  # visitors in the queue
MOST_HANGING = 3  # trainings that hang at the same time; with so many of them no further one is begun

TOO_MANY = "Too many visitors wait to train. Try again in some minutes."
NOT_YOURS = "It is not your turn to train yet."
BROKEN = "The training ended on the server. Try again in a while."


@dataclass
class Place:
    """A visitor's place in the queue; times are those of the queue's clock, in seconds."""

    address: str
    round: int
    heard: float
    first: float | None = None  # since when it is the visitor's turn
    joined: bool = False  # a request to begin is on its way through Gradio's queue
    began: float | None = None  # since when the training runs
    watched: bool = False  # it has shown something: only from then on its page can be heard of
    stopped: bool = False
    expired: bool = False


class TrainingQueue:
    """The visitors that want to train, by tickets that nobody can guess; the first may, or does.

    A training may last `limit` seconds of `clock`.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic):
        self.limit, self.clock, self.lock = limit, clock, threading.Lock()
        self.places: dict[str, Place] = {}  # in the order in which they come up
        self.rounds = Rounds()
        self.hanging = 0

    def wait(self, ticket: object = None, address: str = "") -> tuple[str | None, int]:
        """A visitor is there: its ticket, a new one for None, and how many are before it.

        A ticket that is not in the queue (any more) gives (None, 0). BadRequest where the queue is full: a client
        with fewer tickets than another then takes the last one of those.
        """
        with self.lock:
            self._forget()
            if ticket is None:
                ticket = self._add(address)
            if not isinstance(ticket, str) or ticket not in self.places:
                return None, 0
            place, before = self.places[ticket], list(self.places).index(ticket)
            place.heard = self.clock()
            if before == 0 and place.first is None:
                place.first = self.clock()
            return ticket, before

    def join(self, ticket: object) -> None:
        """A request to begin is let into Gradio's queue; BadRequest where it is not its turn, or a second one."""
        with self.lock:
            place = self._first(ticket)
            if place.joined:
                raise BadRequest(NOT_YOURS)
            place.joined = True

    def stop(self, ticket: object) -> None:
        """The visitor wants no more: a training ends with its next snapshot, a place in the queue is given up."""
        with self.lock:
            place = self.places.get(ticket) if isinstance(ticket, str) else None
            if place is not None:
                place.stopped = True
            self._forget()

    @contextmanager
    def session(self, ticket: object) -> Iterator[Callable[[], bool]]:
        """The visitor's training; BadRequest where it is not its turn.

        What is given says whether it may go on, and is asked after each snapshot: it may as long as its visitor is
        heard of, counted from the first one.
        """
        with self.lock:
            place = self._first(ticket)
            place.began = self.clock()
            self.rounds.served(place.round)
        try:
            yield lambda: self._goes_on(place)
        finally:
            with self.lock:
                if place.expired:
                    self.hanging -= 1
                else:
                    self.places.pop(ticket, None)

    def _goes_on(self, place: Place) -> bool:
        with self.lock:
            self._forget()
            if not place.watched:
                place.watched, place.heard = True, self.clock()
            return not place.stopped and not place.expired and self.clock() - place.heard < PATIENCE

    def _first(self, ticket: object) -> Place:
        """The place of that ticket where its training may begin now."""
        self._forget()
        if not self.places or ticket != next(iter(self.places)) or self.places[ticket].began is not None:
            raise BadRequest(NOT_YOURS)
        return self.places[ticket]

    def _add(self, address: str) -> str:
        """A new ticket of that address."""
        if self.hanging >= MOST_HANGING:
            raise BadRequest(BROKEN)
        own = [place.round for place in self.places.values() if place.address == address]
        place = Place(address, self.rounds.next(own), self.clock())
        if len(self.places) >= MOST:
            last = next(reversed(self.places))
            if self.places[last].round <= place.round:
                raise BadRequest(TOO_MANY)
            del self.places[last]
        ticket = secrets.token_urlsafe(16)
        self.places[ticket] = place
        self.places = dict(sorted(self.places.items(), key=lambda item: (not _holds(item[1]), item[1].round)))
        return ticket

    def _forget(self) -> None:
        """Drop the places of those who are gone, and of trainings that have taken too long."""
        now = self.clock()
        for ticket, place in list(self.places.items()):
            if place.began is not None:
                if now - place.began <= self.limit:
                    continue
                place.expired = True
                self.hanging += 1
                log.error("a training hangs", seconds=now - place.began, hanging=self.hanging)
            else:
                dithers = place.first is not None and now - place.first > DITHERING
                if not (place.stopped or dithers or now - place.heard >= PATIENCE):
                    continue
            del self.places[ticket]


def _holds(place: Place) -> bool:
    """Whether nobody may come before that place any more: its visitor was told that it is their turn."""
    return place.first is not None
