"""The queue of the Train page: as many visitors train at the same time as there are slots, the others wait.

A visitor holds a ticket, which is valid as long as their page asks for it every few seconds. Tickets come up in the
order in which they were given, but one of each client address in a round: a client that takes many lets the others
through. A training that does not end by itself loses its ticket after `limit` seconds, and the next visitor trains.

A page may be silent although its visitor is there: on a mobile network, or on a busy machine. So a training goes on for
a while without hearing of its page, unless somebody waits to train.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from ..parsing import BadRequest
from ..server import logging as log
from ..server.fairness import Rounds

SILENCE = 5.0  # seconds after which a visitor whose page asks nothing has left
TRAINING_SILENCE = 30.0  # the same for a visitor who trains while nobody waits
BEGIN_WITHIN = 15.0  # seconds in which a visitor must begin once it is their turn
MAX_TICKETS = 50
MAX_HANGING = 3  # trainings that hang; with so many of them no further one is begun

QUEUE_FULL = "Too many visitors wait to train. Try again in some minutes."
NOT_YOUR_TURN = "It is not your turn to train yet."
OUT_OF_ORDER = "The training ended on the server. Try again in a while."


@dataclass
class Ticket:
    """What is known of a visitor in the queue; times are those of the queue's clock, in seconds."""

    address: str | None
    round: int
    last_seen: float
    first_since: float | None = None  # when the visitor was told that it is their turn
    joined: bool = False  # a request to begin is in Gradio's queue
    began: float | None = None  # when the training began
    watched: bool = False  # it has shown a snapshot: from then on its page answers
    stopped: bool = False
    expired: bool = False


class TrainingQueue:
    """Visitors by tickets that nobody can guess; the first `slots` of them may train, or do.

    A training may last `limit` seconds of `clock`. All methods may be called from any thread.
    """

    def __init__(self, limit: float, clock: Callable[[], float] = time.monotonic, slots: int = 1):
        self.limit, self.clock, self.slots, self.lock = limit, clock, slots, threading.Lock()
        self.tickets: dict[str, Ticket] = {}  # by their secret, in the order in which they come up
        self.rounds = Rounds()
        self.hanging = 0
        self.silent: deque[str] = deque(maxlen=MAX_TICKETS)  # tickets of the last trainings that ended for silence

    def wait(self, secret: object = None, address: str | None = None) -> tuple[str | None, int]:
        """Keep a ticket valid, or take a new one for None: its secret, and how many visitors are before it.

        That is 0 for a ticket whose training may begin, even while others train. A ticket that is not valid (any more)
        gives (None, 0). If the queue is full, a client with fewer tickets than another takes that one's last ticket
        away; otherwise BadRequest is raised.
        """
        with self.lock:
            self._drop_invalid()
            if secret is None:
                secret = self._add(address)
            if not isinstance(secret, str) or secret not in self.tickets:
                return None, 0
            ticket, before = self.tickets[secret], list(self.tickets).index(secret)
            ticket.last_seen = self.clock()
            if before >= self.slots:
                return secret, before
            if ticket.first_since is None:
                ticket.first_since = self.clock()
            return secret, 0

    def ended_for_silence(self, secret: object) -> bool:
        """Whether the training of a ticket ended because its page asked nothing for too long."""
        with self.lock:
            return secret in self.silent

    def join(self, secret: object) -> None:
        """Let a request to begin into Gradio's queue; BadRequest unless it is its visitor's turn, and the first one."""
        with self.lock:
            ticket = self._due(secret)
            if ticket.joined:
                raise BadRequest(NOT_YOUR_TURN)
            ticket.joined = True

    def stop(self, secret: object) -> None:
        """Give a ticket back; its training ends with the next snapshot."""
        with self.lock:
            ticket = self.tickets.get(secret) if isinstance(secret, str) else None
            if ticket is not None:
                ticket.stopped = True
            self._drop_invalid()

    @contextmanager
    def session(self, secret: object) -> Iterator[Callable[[], bool]]:
        """The training of a ticket, as a context; BadRequest unless it is its visitor's turn.

        Gives a function to call after each snapshot: whether the training may go on. It may as long as the visitor's
        page asks for the ticket, which it does once it has got the first snapshot.
        """
        with self.lock:
            ticket = self._due(secret)
            ticket.began = self.clock()
            self.rounds.served(ticket.round)
        try:
            yield lambda: self._may_go_on(str(secret), ticket)
        finally:
            with self.lock:
                if ticket.expired:
                    self.hanging -= 1
                else:
                    self.tickets.pop(str(secret), None)

    def _may_go_on(self, secret: str, ticket: Ticket) -> bool:
        with self.lock:
            self._drop_invalid()
            if not ticket.watched:
                ticket.watched, ticket.last_seen = True, self.clock()
            if ticket.stopped or ticket.expired:
                return False
            is_awaited = len(self.tickets) > self.slots
            if self.clock() - ticket.last_seen < (SILENCE if is_awaited else TRAINING_SILENCE):
                return True
            self.silent.append(secret)
            return False

    def _due(self, secret: object) -> Ticket:
        """The ticket of that secret if its training may begin now; else BadRequest."""
        self._drop_invalid()
        for due, ticket in islice(self.tickets.items(), self.slots):
            if due == secret and ticket.began is None:
                return ticket
        raise BadRequest(NOT_YOUR_TURN)

    def _add(self, address: str | None) -> str:
        """The secret of a new ticket for that client; BadRequest if there is none."""
        if self.hanging >= MAX_HANGING:
            raise BadRequest(OUT_OF_ORDER)
        own = [ticket.round for ticket in self.tickets.values() if ticket.address == address]
        ticket = Ticket(address, self.rounds.next(own), self.clock())
        if len(self.tickets) >= MAX_TICKETS:
            last = next(reversed(self.tickets))
            if self.tickets[last].round <= ticket.round:
                raise BadRequest(QUEUE_FULL)
            del self.tickets[last]
        secret = secrets.token_urlsafe(16)
        # Whoever was told that it is their turn stays first.
        queued = [*self.tickets.items(), (secret, ticket)]
        self.tickets = dict(sorted(queued, key=lambda item: (item[1].first_since is None, item[1].round)))
        return secret

    def _drop_invalid(self) -> None:
        """Drop the tickets of visitors who have left, and of trainings that have taken too long."""
        now = self.clock()
        for secret, ticket in list(self.tickets.items()):
            if ticket.began is not None:
                if now - ticket.began <= self.limit:
                    continue
                ticket.expired = True
                self.hanging += 1
                log.error("a training hangs", seconds=now - ticket.began, hanging=self.hanging)
            else:
                late = ticket.first_since is not None and now - ticket.first_since > BEGIN_WITHIN
                if not (ticket.stopped or late or now - ticket.last_seen >= SILENCE):
                    continue
            del self.tickets[secret]
