"""Connections: how long one may take to ask, or to read what it asked for, and how many there may be.

uvicorn cuts off idle connections between two requests, but waits for ever for the rest of a request's head, and for
a client that stops reading. Above the limit of open files of the process asyncio would accept nobody at all, and say so
thousands of times a second.
"""

import asyncio
import resource
from collections import Counter
from typing import ClassVar, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .clients import is_local, network_of

HEAD = 10.0  # seconds for the head of a request
READING = 60.0  # seconds for which a client may not read while we have something to write
MOST = 4_096  # connections at once
OPEN_FILES = 16_384  # that the process asks the system for
BACKLOG = 128  # connections that the system accepts at once, before any of them can be closed
RESERVE = BACKLOG + 64  # files that are no connections, and a whole backlog
PER_ADDRESS = 256  # connections of one address of the internet


def most_connections() -> int:
    """How many connections there may be, after asking the system for more open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MOST if soft == resource.RLIM_INFINITY else max(32, min(MOST, soft - RESERVE))


class Protocol(H11Protocol):
    """HTTP/1.1 with the limits above. A request finds the address of its connection as scope["state"]["peer"]."""

    most = MOST
    by_address: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept a connection, or close it where there are too many."""
        super().connection_made(cast(asyncio.Transport, transport))
        self.head_timer: asyncio.TimerHandle | None = None
        self.reading_timer: asyncio.TimerHandle | None = None
        self.app_state = self.app_state | {"peer": self.client}
        self.address = network_of(self.client[0]) if self.client else ""
        self.by_address[self.address] += 1
        if self.client and self.by_address[self.address] > PER_ADDRESS and not is_local(self.client[0]):
            self.transport.abort()
        elif len(self.connections) > self.most:
            self.make_room()
        self.watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection no more."""
        super().connection_lost(exc)
        self.by_address[self.address] -= 1
        if not self.by_address[self.address]:
            del self.by_address[self.address]
        for timer in (self.head_timer, self.reading_timer):
            if timer:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what arrived; once a head is complete nobody waits for it any more."""
        super().data_received(data)
        self.watch_head()

    def on_response_complete(self) -> None:
        """Wait for the next request's head."""
        super().on_response_complete()
        self.watch_head()

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self.reading_timer = self.loop.call_later(READING, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read enough for us to go on."""
        super().resume_writing()
        if self.reading_timer:
            self.reading_timer.cancel()

    @property
    def waits_for_head(self) -> bool:
        """Whether no request is under way and the next one's head is not complete."""
        return self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete)

    def watch_head(self) -> None:
        """Start or stop the time that a head may take."""
        if self.waits_for_head and self.head_timer is None:
            self.waiting_since = self.loop.time()
            self.head_timer = self.loop.call_later(HEAD, self.transport.close)
        elif not self.waits_for_head and self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def make_room(self) -> None:
        """Close the connection that has waited longest for a request, or this one where all others are busy."""
        idle = [c for c in self.connections if isinstance(c, Protocol) and c is not self and c.head_timer is not None]
        closed = min(idle, key=lambda c: c.waiting_since, default=self)
        self.connections.discard(closed)  # closing takes until the event loop's next turn
        closed.transport.abort()
