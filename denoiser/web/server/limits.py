"""What a request may be: its route, its size, its speed and its JSON. Everything else is refused before any work.

The page needs few of Gradio's routes. Uploads, files, proxies and recordings are none of them: pictures travel inside
our own requests, and the server neither writes nor reads a file for a visitor, nor fetches an address for one.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import orjson
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .budget import Budget, Full
from .clients import client_address

PREFIX = "/gradio_api/"
# What is open below PREFIX, by the first part of its path.
OPEN = {
    *("app_id", "info", "openapi.json", "startup-events", "theme.css", "user"),  # what is there
    *("api", "call", "cancel", "component_server", "heartbeat", "queue", "reset", "run"),  # questions and answers
    "mcp",
}
# bytes of a body, by what travels in it
PICTURE = 35_000_000  # a picture of 24 MB in base64, and a little
TOOL = 4_194_304  # a call of an MCP tool, whose library takes no more
DRAWING = 1_500_000  # the longest drawing: 20,000 points of four numbers
SMALL = 300_000  # anything else
TINY = 8_192  # a training's settings, at most 4,096 characters, and what Gradio adds
PICTURE_ENDPOINTS = {"denoise", "compare", "encode"}  # of the script API
PICTURE_FUNCTIONS = {"read_picture"}  # of the page's components

IDLE = 10.0  # seconds between two parts of a body
PATIENCE = 120.0  # seconds for a whole body
MAX_VALUES = 250_000  # commas and brackets: the longest drawing, 20,000 points of four numbers, has 100,000
MAX_DEPTH = 32  # lists in lists
MAX_NAME = 128  # characters of a session's or event's name, which Gradio keeps
MAX_PART = 200  # characters between two slashes of a path; file systems take 255 bytes
INLINE = 16_384  # bytes of a body that is parsed without a thread

NOT_HERE = "There is nothing here."
TOO_SLOW = f"The request stopped for {IDLE:.0f} seconds, or did not arrive within {PATIENCE:.0f} seconds."
TOO_MANY = "The server is receiving as many large requests as it can. Try again in a few seconds."
TOO_INTRICATE = "That request has too many parts, or lists too deep in lists."
NO_JSON = "A request is an object in JSON."
NO_FILES = "Files are not taken: send a picture as base64."
LONG_NAME = f"A session's or an event's name has {MAX_NAME} characters at most."


class Refused(Exception):
    """A request that is not let in: the status, and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class Limits:
    """ASGI middleware that lets in requests within the limits above.

    The application finds the parsed body as scope["json"] and its size in bytes as scope["size"]; what it receives is
    the same body, written anew.
    """

    def __init__(self, app: ASGIApp, budget: Budget | None = None):
        self.app = app
        self.budget = budget or Budget()
        self.parser = ThreadPoolExecutor(1, "parse")  # large bodies one after the other: parsing holds the GIL

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            check_route(scope["path"])
            if scope["method"] in ("GET", "HEAD", "OPTIONS"):
                return await self.app(scope, receive, send)
            most, announced = most_bytes(scope["path"]), announced_length(scope)
            if announced is not None and announced > most:
                raise too_large(most)
            # a body of unknown length may become as large as its route allows
            expected = most if announced is None else announced
            async with self.budget.reserve(client_address(scope), expected) as reservation:
                scope["reservation"] = reservation
                body = await collect(receive, most)
                if body is None:
                    return None  # the client has left
                scope["size"] = len(body)
                scope["json"] = await self.parse(body)
                del body
                check_json(scope["json"])
                await self.app(scope, replayed(scope, receive), send)
        except Full:
            await refuse(Refused(503, TOO_MANY), scope, receive, send)
        except Refused as refused:
            await refuse(refused, scope, receive, send)

    async def parse(self, body: bytes) -> dict:
        """The object that a body holds; a large one is parsed in a thread."""
        if len(body) <= INLINE:
            return parsed_body(body)
        return await asyncio.get_running_loop().run_in_executor(self.parser, parsed_body, body)


async def refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the status and the sentence; the rest of a large body is not waited for."""
    answer = JSONResponse({"detail": str(refused)}, refused.status, {"Connection": "close"})
    await answer(scope, receive, send)


def check_route(path: str) -> None:
    """Refused where a path lies below PREFIX and is not OPEN, or can name nothing here."""
    _, found, rest = path.partition(PREFIX)
    if found and rest.split("/")[0] not in OPEN:
        raise Refused(404, NOT_HERE)
    if not path.isprintable() or max(map(len, path.split("/"))) > MAX_PART:
        raise Refused(404, NOT_HERE)


def most_bytes(path: str) -> int:
    """The largest body that a path takes, in bytes."""
    parts = path.partition(PREFIX)[2].rstrip("/").split("/")
    match parts[0]:
        case "component_server" | "queue":
            return PICTURE
        case "call" | "run" | "api" if parts[-1] in PICTURE_ENDPOINTS:
            return PICTURE
        case "mcp":
            return TOOL
    return SMALL


def announced_length(scope: Scope) -> int | None:
    """The Content-Length of a request, None where it has none or one that is no number."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length[:20]) if length.isdigit() else None


def too_large(most: int) -> Refused:
    """The refusal of a body that is larger than `most` bytes."""
    return Refused(413, f"That request is larger than {most / 1e6:.3g} MB.")


async def collect(receive: Receive, most: int) -> bytes | None:
    """The whole body of at most `most` bytes; None where the connection ends before it does."""
    parts, size = [], 0
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    try:
        while True:
            async with asyncio.timeout_at(min(end, loop.time() + IDLE)):
                message = await receive()
            if message["type"] != "http.request":
                return None
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise too_large(most)
            if not message.get("more_body"):
                return b"".join(parts)
    except TimeoutError:
        raise Refused(408, TOO_SLOW) from None


def parsed_body(body: bytes) -> dict:
    """The object in JSON that a body holds, empty for an empty one; Refused where there is none.

    orjson takes linear time for numbers of any length, reads none above the range of a double, and builds no lists
    deeper than 1,024.
    """
    if not body:
        return {}
    if has_many_values(body):
        raise Refused(413, TOO_INTRICATE)
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise (Refused(413, TOO_INTRICATE) if "depth limit" in str(error) else Refused(400, NO_JSON)) from None
    if not isinstance(request, dict):
        raise Refused(400, NO_JSON)
    return request


def check_json(request: dict) -> None:
    """Refused where names are too long, lists lie too deep in each other, or something is what Gradio calls a file."""
    for name in ("session_hash", "event_id"):
        given = request.get(name)
        if given is not None and not (isinstance(given, str) and len(given) <= MAX_NAME):
            raise Refused(400, LONG_NAME)
    check_values(request)


def has_many_values(text: str | bytes) -> bool:
    """Whether a text in JSON has more than MAX_VALUES parts; told without parsing it, so quick for any text."""
    marks = (b",", b"[", b"{") if isinstance(text, bytes) else (",", "[", "{")
    return sum(map(text.count, marks)) > MAX_VALUES


def check_values(value: object, room: int = MAX_DEPTH) -> None:
    """Refused where lists and objects lie too deep in each other, or one is what Gradio takes for a file."""
    if not isinstance(value, dict | list):
        return
    if not room:
        raise Refused(413, TOO_INTRICATE)
    if isinstance(value, dict) and {"path", "meta"} <= value.keys():
        raise Refused(400, NO_FILES)
    for inner in value.values() if isinstance(value, dict) else value:
        check_values(inner, room - 1)


def replayed(scope: Scope, receive: Receive) -> Receive:
    """`receive` that first gives scope["json"] as it is by then, written as JSON."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        body = orjson.dumps(scope["json"]) if scope["size"] else b""
        return {"type": "http.request", "body": body, "more_body": False}

    return again
