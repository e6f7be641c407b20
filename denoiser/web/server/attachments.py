"""The pictures of requests, apart from their JSON: on their way to whoever reads them, and gone with the answer.

Gradio parses, copies and keeps what it is given. Instead of a picture it is given a token, which nobody can guess.
"""

import asyncio
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from .budget import Reservation

TOKEN = re.compile(r"attachment:[\w-]{22}", re.ASCII)
MAX_AGE = 300.0  # seconds after which what nobody asked for is dropped, such as the picture of a cancelled call


def new_token() -> str:
    """A token that no request has."""
    return f"attachment:{secrets.token_urlsafe(16)}"


@dataclass
class Attachment:
    """A picture, the room that its request takes, when it is dropped, and how many still need it."""

    content: bytes | bytearray
    reservation: Reservation
    expiry: asyncio.TimerHandle
    users: int = 1


class Attachments:
    """Pictures by tokens. `take` may be called in any thread, all else in the server's event loop."""

    def __init__(self) -> None:
        self.held: dict[str, Attachment] = {}

    def put(self, token: str, content: bytes | bytearray, reservation: Reservation) -> None:
        """Keep a picture, and its request's reservation, until it is dropped."""
        expiry = asyncio.get_running_loop().call_later(MAX_AGE, self.forget, token)
        reservation.kept = True
        self.held[token] = Attachment(content, reservation, expiry)

    def take(self, text: str) -> bytes | bytearray | None:
        """The picture whose token a text is, which is then gone; None where it is no token."""
        if not TOKEN.fullmatch(text):
            return None
        attachment = self.held.get(text)
        if attachment is None:
            return b""
        content, attachment.content = attachment.content, b""
        return content

    def share(self, token: str) -> Callable[[], None] | None:
        """Reserve the room for a picture for one more user too, who calls what this returns; it may be taken meanwhile.

        None where that is refused: of each address one picture is shared, so that it does not use up its room.
        """
        attachment = self.held.get(token)
        if attachment is None:
            return None
        address = attachment.reservation.address
        if any(other.users > 1 and other.reservation.address == address for other in self.held.values()):
            return None
        attachment.users += 1
        return partial(self.drop, token)

    def drop(self, token: str) -> None:
        """One user no longer needs a picture; after the last one it is forgotten."""
        attachment = self.held.get(token)
        if attachment:
            attachment.users -= 1
            if attachment.users == 0:
                self.forget(token)

    def forget(self, token: str) -> None:
        """Forget a picture and release the room of its request, where it is still there."""
        attachment = self.held.pop(token, None)
        if attachment:
            attachment.expiry.cancel()
            attachment.reservation.release()

    @contextmanager
    def used_in(self, values: Iterable) -> Iterator[None]:
        """Drop, after the block, the picture whose token is within one of the values."""
        found = [TOKEN.search(value) for value in values if isinstance(value, str)]
        try:
            yield
        finally:
            for token in filter(None, found):
                self.drop(token[0])


attachments = Attachments()
