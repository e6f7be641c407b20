"""What a request may be: its route, its size, its speed and its JSON. Everything else is refused before any work.

The page needs few of Gradio's routes. Uploads, files, proxies and recordings are none of them: pictures travel inside
our own requests, and the server neither writes nor reads a file for a visitor, nor fetches an address for one.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import orjson
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .attachments import TOKEN, attachments, new_token
from .bodies import BadBody, Body
from .budget import LARGE, Budget, Full, Pace, Reservation
from .clients import client_address

PREFIX = "/gradio_api/"
# What is open below PREFIX, by the first part of its path.
OPEN = {
    *("app_id", "info", "openapi.json", "startup-events", "theme.css", "user"),  # what is there
    *("api", "call", "cancel", "component_server", "heartbeat", "queue", "reset", "run"),  # questions and answers
    "mcp",
}


class Size(NamedTuple):
    """How large a body may be: bytes of its JSON without the picture, and of the picture in it once decoded."""

    text: int
    picture: int = 0

    @property
    def whole(self) -> int:
        """Bytes of such a body as it arrives, with the picture in base64."""
        return self.text + (self.picture + 2) // 3 * 4


MOST_PICTURE = 25_500_000  # bytes; the page takes files of 24 MB
DRAWING = Size(1_500_000)  # the longest drawing has 20,000 points of four numbers
PICTURE = Size(DRAWING.text, MOST_PICTURE)
TOOL = Size(4_194_304)  # a call of an MCP tool, whose library takes no more
SMALL = Size(300_000)  # anything else
TINY = Size(8_192)  # a training's settings, at most 4,096 characters, and what Gradio adds
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
TOO_MUCH_TEXT = "That request is larger than {:.3g} MB without a picture."
TOO_LARGE_PICTURE = "That picture is larger than 24 MB."
TWO_PICTURES = "A request holds one picture."
NO_BASE64 = "That picture is no base64."
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

    The application finds the parsed body as scope["json"] and its size in bytes as scope["size"]; a picture in it is
    among the `attachments`, under the token that stands in its place, until the request is answered or, where the
    application sets scope["queued"], until it is taken. What the application receives is the same JSON.
    """

    def __init__(self, app: ASGIApp, budget: Budget | None = None):
        self.app = app
        self.budget = budget or Budget()
        self.parser = ThreadPoolExecutor(1, "parse")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            check_route(scope["path"])
            if scope["method"] in ("GET", "HEAD", "OPTIONS"):
                return await self.app(scope, receive, send)
            most, announced = size_limit(scope["path"]), announced_length(scope)
            if announced is not None and announced > most.whole:
                raise too_large(most)
            # a body of unknown length may become as large as its route allows
            expected = most.whole if announced is None else announced
            async with self.budget.reserve(client_address(scope), expected) as reservation:
                await self.answer(scope, receive, send, most, reservation)
        except Full:
            await refuse(Refused(503, TOO_MANY), scope, receive, send)
        except Refused as refused:
            await refuse(refused, scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send, most: Size, reservation: Reservation) -> None:
        """Receive a body and pass it on."""
        token = new_token()
        body = Body(*most, token)
        if not await collect(body, receive, self.budget.pace, client_address(scope) or token):
            return  # the client has left
        scope["size"] = body.size
        scope["json"] = await self.parse(bytes(body.text))
        check_json(scope["json"])
        if body.picture:
            attachments.put(token, body.picture, reservation)
        del body
        try:
            await self.app(scope, replayed(scope, receive), send)
        finally:
            if not scope.get("queued"):
                attachments.drop(token)

    async def parse(self, text: bytes) -> dict:
        """The object that a text in JSON holds; a long one is parsed in a thread."""
        if len(text) <= INLINE:
            return parsed_body(text)
        return await asyncio.get_running_loop().run_in_executor(self.parser, parsed_body, text)


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


def size_limit(path: str) -> Size:
    """The largest body that a path takes."""
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


def too_large(most: Size) -> Refused:
    """The refusal of a body that is larger than `most`."""
    return Refused(413, f"That request is larger than {most.whole / 1e6:.3g} MB.")


async def collect(body: Body, receive: Receive, pace: Pace, sender: str) -> bool:
    """The whole body, part by part into `body`; False where the connection ends before it does.

    A large one is read no faster than its sender's pace allows: what nobody reads, the network holds back.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    try:
        while True:
            async with asyncio.timeout_at(min(end, loop.time() + IDLE)):
                message = await receive()
            if message["type"] != "http.request":
                return False
            body.feed(part := message.get("body", b""))
            if body.size > LARGE:
                await asyncio.sleep(pace.delay(sender, len(part), loop.time()))
            if not message.get("more_body"):
                body.end()
                return True
    except TimeoutError:
        raise Refused(408, TOO_SLOW) from None
    except BadBody as error:
        match error.args[0]:
            case "text":
                raise Refused(413, TOO_MUCH_TEXT.format(body.most_text / 1e6)) from None
            case "picture":
                raise Refused(413, TOO_LARGE_PICTURE) from None
            case "two":
                raise Refused(413, TWO_PICTURES) from None
        raise Refused(400, NO_BASE64) from None


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
        if given is not None and not (isinstance(given, str) and len(given) <= MAX_NAME and not TOKEN.search(given)):
            raise Refused(400, LONG_NAME)
    check_values(request)


def has_many_values(text: str | bytes) -> bool:
    """Whether a text in JSON has more than MAX_VALUES parts; told without parsing it, so quick for any text."""
    if isinstance(text, str):
        return text.count(",") + text.count("[") + text.count("{") > MAX_VALUES
    return text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_VALUES


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
