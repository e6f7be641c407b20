"""What a request may be: for which of Gradio's routes, how large, how deep. All else is refused before any work.

The page needs few of Gradio's routes. Uploads, files, proxies and recordings are none of them: pictures travel inside
our own requests, and the server neither writes nor reads a file for a visitor, nor fetches an address for one.
"""

import asyncio
import json

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logging as log

PREFIX = "/gradio_api/"
# What is open below PREFIX, by the first part of its path.
OPEN = {
    *("app_id", "info", "openapi.json", "startup-events", "theme.css", "user"),  # what is there
    *("api", "call", "cancel", "component_server", "heartbeat", "queue", "reset", "run"),  # questions and answers
    "mcp",
}
MOST_BODY = 35_000_000  # bytes: a picture of 24 MB in base64, and a little
MOST_HELD = 8 * MOST_BODY  # bytes of all requests that are being received or answered
MOST_VALUES = 250_000  # commas and brackets: the longest drawing, 20,000 points of four numbers, has 100,000
DEEPEST = 32  # lists in lists
LONGEST_NAME = 128  # characters of a session's or event's name, which Gradio keeps
PATIENCE = 120  # seconds in which a request must have arrived

NOT_HERE = "There is nothing here."
TOO_LARGE = f"That request is larger than {MOST_BODY // 1_000_000} MB."
TOO_SLOW = f"That request did not arrive within {PATIENCE} seconds."
TOO_MANY = "The server is receiving as much as it can. Try again in a few seconds."
TOO_INTRICATE = "That request has too many parts, or lists too deep in lists."
NO_JSON = "A request is an object in JSON."
NO_FILES = "Files are not taken: send a picture as base64."
LONG_NAME = f"A session's or an event's name has {LONGEST_NAME} characters at most."
STUMBLED = "The request could not be read."


class Refused(Exception):
    """A request that is not let in: the status, and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class Limits:
    """Stands before Gradio, an ASGI application, and lets in what keeps within the limits above."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.held = 0  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        started, body = False, bytearray()

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            check_route(scope["path"])
            if scope["method"] not in ("GET", "HEAD", "OPTIONS"):
                if not await self.collect(body, scope, receive):
                    return  # who asked has left
                check_body(bytes(body))
                receive = replayed(bytes(body), receive)
            await self.app(scope, receive, watched)
        except Refused as refused:
            # The rest of a large body is not waited for.
            answer = JSONResponse({"detail": str(refused)}, refused.status, {"Connection": "close"})
            await answer(scope, receive, send)
        except Exception as error:  # routes of Gradio's that look up what a request names
            if started:
                raise
            log.debug("unreadable", **log.about(error))
            await JSONResponse({"detail": STUMBLED}, 400)(scope, receive, send)
        finally:
            self.held -= len(body)

    async def collect(self, body: bytearray, scope: Scope, receive: Receive) -> bool:
        """The whole body into `body`, counted in `held`; False where the connection ends before it does."""
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > MOST_BODY:
            raise Refused(413, TOO_LARGE)
        try:
            async with asyncio.timeout(PATIENCE):
                while (message := await receive())["type"] == "http.request":
                    part = message.get("body", b"")
                    body += part
                    self.held += len(part)
                    if len(body) > MOST_BODY:
                        raise Refused(413, TOO_LARGE)
                    if self.held > MOST_HELD:
                        raise Refused(503, TOO_MANY)
                    if not message.get("more_body"):
                        return True
        except TimeoutError:
            raise Refused(408, TOO_SLOW) from None
        return False


def check_route(path: str) -> None:
    """Refused where a path lies below PREFIX and is not OPEN."""
    _, found, rest = path.partition(PREFIX)
    if found and rest.split("/")[0] not in OPEN:
        raise Refused(404, NOT_HERE)


def check_body(body: bytes) -> None:
    """Refused where a body is neither empty nor an object in JSON within the limits, or names a file to be fetched."""
    if not body:
        return
    if has_many_values(body):
        raise Refused(413, TOO_INTRICATE)
    try:
        request = json.loads(body)
    except RecursionError:
        raise Refused(413, TOO_INTRICATE) from None
    except ValueError:
        raise Refused(400, NO_JSON) from None
    if not isinstance(request, dict):
        raise Refused(400, NO_JSON)
    for name in ("session_hash", "event_id"):
        given = request.get(name)
        if given is not None and not (isinstance(given, str) and len(given) <= LONGEST_NAME):
            raise Refused(400, LONG_NAME)
    check_values(request)


def has_many_values(text: str | bytes) -> bool:
    """Whether a text in JSON has more than MOST_VALUES parts; told without parsing it, so quick for any text."""
    marks = (b",", b"[", b"{") if isinstance(text, bytes) else (",", "[", "{")
    return sum(map(text.count, marks)) > MOST_VALUES


def check_values(value: object, room: int = DEEPEST) -> None:
    """Refused where lists and objects lie too deep in each other, or one is what Gradio takes for a file."""
    if not isinstance(value, dict | list):
        return
    if not room:
        raise Refused(413, TOO_INTRICATE)
    if isinstance(value, dict) and {"path", "meta"} <= value.keys():
        raise Refused(400, NO_FILES)
    for inner in value.values() if isinstance(value, dict) else value:
        check_values(inner, room - 1)


def replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` that first gives the body that was received already."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def again() -> Message:
        return next(messages, None) or await receive()

    return again
