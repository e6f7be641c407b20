"""Calls of the page's functions and of the script API, checked before Gradio sees them.

What names a component, an endpoint, an event or a session that is not there, or brings other values than an endpoint
takes, gets a sentence and a status below 500. Gradio itself raises then, as if it were a fault of the server.
"""

import inspect
from collections.abc import Callable
from typing import cast
from urllib.parse import parse_qs

import orjson
from gradio import Blocks
from gradio.block_function import BlockFunction
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .clients import client_address
from .limits import (
    DRAWING,
    MAX_NAME,
    PICTURE,
    PICTURE_ENDPOINTS,
    PICTURE_FUNCTIONS,
    PREFIX,
    SMALL,
    TINY,
    Refused,
    too_large,
)
from .request_queue import RequestQueue

FAULT = "That went wrong on the server. Your drawing is still here."  # what an endpoint answers then
NO_FUNCTION = "There is no such function."
NO_ENDPOINT = f"There is no such endpoint; GET {PREFIX}info lists them."
NO_EVENT = "There is no such event, or it is over."
NO_SESSION = "A session's name is missing, too long, or unknown here."


class Calls:
    """ASGI middleware behind Limits: answers calls of the page's functions itself, and checks all others."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        _, found, rest = scope["path"].partition(PREFIX)
        if not found:
            return await self.app(scope, receive, send)
        parts, method = rest.rstrip("/").split("/"), scope["method"]
        if any(len(part) > MAX_NAME for part in parts):
            raise Refused(404, NO_ENDPOINT)
        blocks: Blocks = scope["app"].get_blocks()
        match method, parts:
            case "POST", ["component_server"]:
                return await (await call_function(blocks, scope))(scope, receive, send)
            case "POST", [("call" | "run" | "api") as route, *version, name] if version in ([], ["v2"]):
                check_endpoint_call(scope, endpoint_named(blocks, name), by_name=version == ["v2"])
                passed_on = self.enqueue if route == "call" else self.answer_now
                return await passed_on(scope, receive, send)
            case "POST", ["queue", "join"]:
                check_join(scope, blocks)
                return await self.enqueue(scope, receive, send)
            case "GET", ["queue", "data"]:
                check_session(scope, blocks)
            case "GET", ["call", *_, name, event]:
                endpoint_named(blocks, name)
                check_event(event, blocks)
        return await self.app(scope, receive, send)

    async def enqueue(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put a call into Gradio's queue, if that takes it; the picture in it then waits for its turn."""

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["queued"] = message["status"] == 200
            await send(message)

        await self.app(scope, receive, watched)

    async def answer_now(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Gradio answer a call without its queue. What it answers 500 is the visitor's fault unless it is FAULT."""
        start: Message | None = None

        async def changed(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 500:
                start = message  # its body says whose fault it was
                return
            if start is not None:
                if orjson.loads(message["body"]).get("error") not in (None, FAULT):
                    start["status"] = 400
                await send(start)
                start = None
            await send(message)

        await self.app(scope, receive, changed)


async def call_function(blocks: Blocks, scope: Scope) -> Response:
    """The reply of the function of a component that a request names."""
    request = scope["json"]
    component, name = request.get("component_id"), request.get("fn_name")
    if type(component) is not int or not isinstance(name, str) or component not in blocks.blocks:
        raise Refused(404, NO_FUNCTION)
    function = getattr(blocks.blocks[component], name, None)
    if function is None or not getattr(function, "_is_server_fn", False):
        raise Refused(404, NO_FUNCTION)
    if name not in PICTURE_FUNCTIONS and scope["size"] > DRAWING.whole:
        raise too_large(DRAWING)
    queue: RequestQueue = blocks.request_queue  # type: ignore[attr-defined] # app.py puts it there
    reply = await function(request.pop("data", None), queue, client_address(scope))
    return Response(orjson.dumps(reply), media_type="application/json")


def endpoint_named(blocks: Blocks, name: str) -> BlockFunction:
    """The endpoint of the script API with this name."""
    for function in blocks.fns.values():
        if function.api_name == name and function.api_visibility == "public" and function.fn:
            return function
    raise Refused(404, NO_ENDPOINT)


def check_endpoint_call(scope: Scope, endpoint: BlockFunction, by_name: bool) -> None:
    """Reduce scope["json"] to values that an endpoint takes, all of them, and the name of a session."""
    request = scope["json"]
    signature = inspect.signature(cast(Callable, endpoint.fn))
    given = request if by_name else request.get("data")
    try:
        if not by_name and not isinstance(given, list):
            raise TypeError
        values = signature.bind(**given) if by_name else signature.bind(*given)
    except TypeError:
        raise Refused(400, f"{endpoint.api_name} takes {', '.join(signature.parameters) or 'nothing'}.") from None
    values.apply_defaults()
    if by_name:
        scope["json"] = dict(values.arguments)
    else:
        scope["json"] = {"data": [*values.args], "session_hash": request.get("session_hash")}


def check_join(scope: Scope, blocks: Blocks) -> None:
    """Reduce scope["json"] to what an event of Gradio's queue takes."""
    request = scope["json"]
    index, values, session = request.get("fn_index"), request.get("data"), request.get("session_hash")
    event = blocks.fns.get(index) if type(index) is int else None
    if event is None or not event.fn or (not event.queue and event.queue is not None):
        raise Refused(404, NO_EVENT)
    if not isinstance(session, str) or not session:
        raise Refused(400, NO_SESSION)
    if not isinstance(values, list) or len(values) != len(event.inputs):
        raise Refused(400, f"This event takes {len(event.inputs)} values.")
    most = PICTURE if event.api_name in PICTURE_ENDPOINTS else SMALL if event.api_visibility == "public" else TINY
    if scope["size"] > most.whole:
        raise too_large(most)
    trigger = request.get("trigger_id")
    scope["json"] = {
        "data": values,
        "fn_index": index,
        "session_hash": session,
        "trigger_id": trigger if type(trigger) is int else None,
    }


def check_session(scope: Scope, blocks: Blocks) -> None:
    """Refused where the stream of a session is asked for that has joined no queue here."""
    (session,) = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[:1]
    if session not in blocks._queue.pending_messages_per_session:
        raise Refused(404, NO_SESSION)


def check_event(event: str, blocks: Blocks) -> None:
    """Refused where the answer of a call is asked for that is not under way."""
    queue = blocks._queue
    if event in queue.event_ids_to_events or event in queue.pending_messages_per_session:
        return
    if not any(event in events for events in queue.pending_event_ids_session.values()):
        raise Refused(404, NO_EVENT)
