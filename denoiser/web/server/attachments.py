"""The values of large calls of the script API, set aside on their way through Gradio's queue.

Gradio parses, copies and keeps what it is given; a picture it is never given is parsed once and gone with its answer.
It gets a token instead, which nobody can guess, and the endpoint exchanges that for the values.
"""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .budget import Reservation

PREFIX = "attachment:"
MAX_AGE = 300.0  # seconds after which what nobody asked for is dropped, such as a call that was cancelled


@dataclass
class Attachment:
    """The values of one call, and the room that they take."""

    values: list
    reservation: Reservation
    expiry: asyncio.TimerHandle


class Attachments:
    """Values by tokens. All methods belong to one event loop."""

    def __init__(self):
        self.held: dict[str, Attachment] = {}

    def put(self, values: list, reservation: Reservation) -> str:
        """Keep the values, and their reservation, until somebody takes them; the token to do so."""
        token = PREFIX + secrets.token_urlsafe(16)
        expiry = asyncio.get_running_loop().call_later(MAX_AGE, self.drop, token)
        reservation.kept = True
        self.held[token] = Attachment(values, reservation, expiry)
        return token

    def drop(self, token: str) -> None:
        """Forget the values and release their room, where they are still there."""
        attachment = self.held.pop(token, None)
        if attachment:
            attachment.expiry.cancel()
            attachment.reservation.release()

    @contextmanager
    def taken(self, values: tuple) -> Iterator[tuple]:
        """The values that a call's first one is the token of, else these; gone, with their room, after the block.

        LookupError for a token whose values are gone.
        """
        first = values[0] if values else None
        if not isinstance(first, str) or not first.startswith(PREFIX):
            yield values
            return
        attachment = self.held.pop(first, None)
        if attachment is None:
            raise LookupError("The picture waited for too long. Send it again.")
        attachment.expiry.cancel()
        try:
            yield tuple(attachment.values)
        finally:
            attachment.values.clear()
            attachment.reservation.release()


attachments = Attachments()
