"""A request's body as it arrives: its JSON, and the picture in it, which is decoded part by part.

A picture of 24 MB is 32 million characters of base64 within a string of JSON. Parsed and decoded as a whole it would
stop every thread of the process several times for some tenths of a second; so a long run of base64 is cut out on the
way, and a token takes its place in the text. What is left of any request is small.
"""

import binascii
import string

BASE64 = (string.ascii_letters + string.digits + "+/=").encode()
LONG = 65_536  # characters of base64 in a row that are a picture


class BadBody(Exception):
    """A body that breaks a limit: "text" or "picture" is too large, it has "two" pictures, or one is no "base64"."""


class Body:
    """Takes a body's parts in order. Then `text` is its JSON with `token` in place of the `picture`, if it has one."""

    def __init__(self, most_text: int, most_picture: int, token: str):
        self.most_text, self.most_picture, self.token = most_text, most_picture, token
        self.text, self.picture = bytearray(), bytearray()
        self.size = 0  # bytes taken so far
        self.run = 0  # characters of base64 at the end of the text
        self.within = False  # the picture
        self.rest = b""  # of the picture, fewer than four characters
        self.padded = False  # nothing can follow

    def feed(self, part: bytes) -> None:
        """Take the next part; BadBody where that breaks a limit."""
        self.size += len(part)
        for start in range(0, len(part), LONG):
            self.take(part[start : start + LONG])

    def take(self, part: bytes) -> None:
        """Take at most LONG bytes."""
        if self.within:
            end = len(part) if is_base64(part) else len(part) - len(part.lstrip(BASE64))
            self.decode(part[:end])
            if end == len(part):
                return
            self.end()
            part = part[end:]
        self.text += part
        self.run = self.run + len(part) if is_base64(part) else len(part) - len(part.rstrip(BASE64))
        if self.run >= LONG and self.most_picture:
            self.begin()
        elif len(self.text) > self.most_text:
            raise BadBody("text")

    def begin(self) -> None:
        """Take what is the end of the text so far for the beginning of a picture."""
        if self.picture:
            raise BadBody("two")
        start = bytes(self.text[-self.run :])
        self.text[-self.run :] = self.token.encode()
        self.within, self.run = True, 0
        self.decode(start)

    def decode(self, characters: bytes) -> None:
        """Decode as much of the picture as there are whole groups of four characters."""
        characters = self.rest + characters
        whole = len(characters) // 4 * 4
        self.rest = characters[whole:]
        if whole and self.padded:
            raise BadBody("base64")
        try:
            self.picture += binascii.a2b_base64(characters[:whole], strict_mode=True)
        except binascii.Error:
            raise BadBody("base64") from None
        self.padded = self.padded or characters[:whole].endswith(b"=")
        if len(self.picture) > self.most_picture:
            raise BadBody("picture")

    def end(self) -> None:
        """There is no more of the picture, or of the body."""
        self.within = False
        if self.rest:
            raise BadBody("base64")


def is_base64(part: bytes) -> bool:
    """Whether a part has nothing but characters of base64."""
    return not part.translate(None, BASE64)
