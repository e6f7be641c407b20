"""Room for large requests: how many bytes of them may be held at once, in all and from one address, and how fast they
may arrive.

Requests up to LARGE bytes need no room: nobody's large ones keep a stroke waiting.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...runtime.malloc import release_freed_memory

LARGE = 256_000  # bytes from which on a request needs room
MOST = 280_000_000  # bytes of large requests held at once: eight of the largest
PER_ADDRESS = 2  # large requests of one address at once
PATIENCE = 10.0  # seconds that a request waits for room before its body is read
MOST_WAITING = 64  # requests that wait
RATE = 10_000_000  # bytes of large requests per second from one address, once there were
BURST = 16_000_000  # bytes of them: two pictures of a phone arrive as fast as they can
TRIM = 5_000_000  # bytes from which on memory is given back once a request is over
SOON = 1.0  # seconds after which that happens, once for all that end until then


class Full(Exception):
    """There is no room for another large request."""


class Reservation:
    """Room for one request, until it is released: with the request, or later by whoever still needs its content."""

    def __init__(self, budget: "Budget", address: str | None, size: int):
        self.budget, self.address, self.size = budget, address, size
        self.kept = self.released = False

    def release(self) -> None:
        """Give the room to others; calling it again changes nothing."""
        if not self.released:
            self.released = True
            self.budget.free(self)


class Pace:
    """How long to wait before the next part of a large request is read.

    The generic cell rate algorithm: of each address is kept when what it sent would have arrived at RATE.
    """

    def __init__(self, rate: float = RATE, burst: float = BURST):
        self.rate, self.allowed = rate, burst / rate
        self.due: dict[object, float] = {}

    def delay(self, sender: object, size: int, now: float) -> float:
        """Seconds to wait after a part of `size` bytes that `sender` (an address) sent at the time `now`."""
        if len(self.due) > 1_000:
            self.due = {key: due for key, due in self.due.items() if due > now}
        self.due[sender] = max(self.due.get(sender, now), now) + size / self.rate
        return max(0.0, self.due[sender] - now - self.allowed)


class Budget:
    """The room there is. All methods belong to one event loop."""

    def __init__(self, most: int = MOST, per_address: int = PER_ADDRESS):
        self.most, self.per_address = most, per_address
        self.pace = Pace()
        self.held = 0  # bytes
        self.requests: Counter[str] = Counter()  # large ones under way, by address
        self.waiting: list[tuple[Reservation, asyncio.Future]] = []
        self.trim: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def reserve(self, address: str | None, size: int) -> AsyncIterator[Reservation]:
        """Room for a request of `size` bytes from `address` (None: unknown), released at the end unless it is `kept`.

        Waits up to PATIENCE seconds. Raises Full.
        """
        reservation = Reservation(self, address, size)
        if size > LARGE:
            await self.wait(reservation)
        else:
            reservation.released = True  # it never held any
        try:
            yield reservation
        finally:
            if not reservation.kept:
                reservation.release()

    async def wait(self, reservation: Reservation) -> None:
        """Take the room of a reservation as soon as there is as much."""
        if self.fits(reservation):
            return self.take(reservation)
        if len(self.waiting) >= MOST_WAITING:
            raise Full
        entry = (reservation, asyncio.get_running_loop().create_future())
        self.waiting.append(entry)
        try:
            async with asyncio.timeout(PATIENCE):
                await entry[1]
        except TimeoutError:
            if not entry[1].done() or entry[1].cancelled():
                raise Full from None
        except asyncio.CancelledError:
            if entry[1].done() and not entry[1].cancelled():
                reservation.release()
            raise
        finally:
            if entry in self.waiting:
                self.waiting.remove(entry)
        return None

    def fits(self, reservation: Reservation) -> bool:
        """Whether there is room for a reservation now."""
        crowded = reservation.address is not None and self.requests[reservation.address] >= self.per_address
        return not crowded and (self.held == 0 or self.held + reservation.size <= self.most)

    def take(self, reservation: Reservation) -> None:
        """Count a reservation."""
        self.held += reservation.size
        if reservation.address is not None:
            self.requests[reservation.address] += 1

    def free(self, reservation: Reservation) -> None:
        """Count a reservation no more, and let in those who wait and now fit."""
        self.held -= reservation.size
        if reservation.address is not None:
            self.requests[reservation.address] -= 1
            if not self.requests[reservation.address]:
                del self.requests[reservation.address]
        for entry in [*self.waiting]:
            if not entry[1].done() and self.fits(entry[0]):
                self.take(entry[0])
                entry[1].set_result(None)
                self.waiting.remove(entry)
        loop = asyncio.get_running_loop()
        if reservation.size >= TRIM and self.trim is None:
            self.trim = loop.call_later(SOON, self.give_back, loop)

    def give_back(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the memory of large requests back to the system, in a thread."""
        self.trim = None
        loop.run_in_executor(None, release_freed_memory)
