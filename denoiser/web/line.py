"""Who trains, and who waits: one at a time in this process, in the order of coming.

A place in the line, and a training too, lasts as long as its visitor's page is heard of.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .component import BadRequest

PATIENCE = 5.0  # seconds until who is not heard of counts as gone
DITHERING = 15.0  # seconds that who could begin may put it off
MOST = 50  # visitors in the line


@dataclass
class Place:
    """A visitor in the line."""

    heard: float
    first: float | None = None  # since when it is the visitor's turn
    running: bool = False
    stopped: bool = False


class Line:
    """The visitors that want to train, by tickets that nobody can guess; the first may, or does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock, self.lock = clock, threading.Lock()
        self.places: dict[str, Place] = {}

    def wait(self, ticket: object = None) -> tuple[str | None, int]:
        """A visitor is there: its ticket, a new one for None, and how many are before it.

        A ticket that is not in the line (any more) gives (None, 0). BadRequest where the line is too long.
        """
        with self.lock:
            self._forget()
            if ticket is None:
                if len(self.places) >= MOST:
                    raise BadRequest("Too many visitors wait to train. Try again in some minutes.")
                ticket = secrets.token_urlsafe(16)
                self.places[ticket] = Place(self.clock())
            if not isinstance(ticket, str) or ticket not in self.places:
                return None, 0
            place, before = self.places[ticket], list(self.places).index(ticket)
            place.heard = self.clock()
            if before == 0 and place.first is None:
                place.first = self.clock()
            return ticket, before

    def stop(self, ticket: object) -> None:
        """The visitor wants no more: a training ends with its next picture, a place in the line is given up."""
        with self.lock:
            place = self.places.get(ticket) if isinstance(ticket, str) else None
            if place is not None:
                place.stopped = True
            self._forget()

    @contextmanager
    def turn(self, ticket: object) -> Iterator[Callable[[], bool]]:
        """The visitor's training; what is given says whether it may go on. BadRequest where it is not its turn."""
        with self.lock:
            self._forget()
            if not self.places or ticket != next(iter(self.places)) or self.places[ticket].running:
                raise BadRequest("It is not your turn to train yet.")
            place = self.places[ticket]
            place.running = True
        try:
            yield lambda: not place.stopped and self.clock() - place.heard < PATIENCE
        finally:
            with self.lock:
                self.places.pop(ticket, None)

    def _forget(self) -> None:
        now = self.clock()
        for ticket, place in list(self.places.items()):
            dithers = place.first is not None and now - place.first > DITHERING
            if not place.running and (place.stopped or dithers or now - place.heard >= PATIENCE):
                del self.places[ticket]
