"""Taking turns: each client gets one place in a round, so that who asks for many waits behind who asks for one."""

from collections.abc import Iterable


class Rounds:
    """The rounds of a queue; `now` is the latest in which somebody was served.

    This is start-time fair queueing (Goyal, Vin and Cheng 1996) with equal weights and jobs of equal length.
    """

    def __init__(self) -> None:
        self.now = 0

    def next(self, own: Iterable[int]) -> int:
        """The round of a client's new place, whose places that wait already are in the rounds `own`."""
        return max((self.now, *own)) + 1

    def served(self, number: int) -> None:
        """Somebody of that round is served."""
        self.now = max(self.now, number)
