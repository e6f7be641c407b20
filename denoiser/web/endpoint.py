"""What the browser may call on the server: functions of a request in JSON, called through the request queue."""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import orjson

from ..errors import DenoiserError
from ..runtime.timing import annotate, request_trace, span
from .server import logging as log
from .server.calls import FAULT
from .server.limits import INLINE, has_many_values
from .server.request_queue import Queued, RequestQueue, Superseded

MAX_DIRECT = 1_000  # characters of a request that is answered on the event loop
MAX_KEY = 64  # characters of the key under which a request waits
UNREADABLE = "The request could not be read."


class BadRequest(DenoiserError, ValueError):
    """A request that no page of ours sends; the message is a sentence."""


@dataclass(frozen=True)
class BatchedEndpoint:
    """A function that answers several requests at once: `check` parses each, `answer` takes all that it returned.

    `group` says of a request with which others it can be answered, None for none. `lane` is that of the request queue.
    """

    name: str
    check: Callable[[dict], Any]
    answer: Callable[[list], list[dict]]
    group: Callable[[dict], Hashable | None] = lambda request: None
    lane: str = "page"


@dataclass(frozen=True)
class DirectEndpoint:
    """A function that is answered on the event loop, without the queue: for what takes no time at all.

    `answer(request, address)` is told the client's address.
    """

    answer: Callable[[dict, str], dict]


Function = Callable[[dict], dict] | BatchedEndpoint | DirectEndpoint
ServerFunction = Callable[[Any, RequestQueue, str | None], Awaitable[str]]


class Request(NamedTuple):
    """A parsed request, and the milliseconds that parsing it took."""

    body: dict
    parsing: float = 0.0


def server_function(function: Function) -> ServerFunction:
    """`function` as server/calls.py calls it: with what the browser sent, the request queue and the client's address.

    The browser sends the request in JSON and the key under which it waits.
    """
    if isinstance(function, DirectEndpoint):
        return direct(function)
    return queued(as_endpoint(function))


def queued(endpoint: BatchedEndpoint) -> ServerFunction:
    """An endpoint behind the request queue.

    The reply to a request that has to wait is {waiting: its position, again: seconds}, to one whose key has a newer
    request {replaced: true}; else as `dispatch` says.
    """
    work = partial(dispatch, endpoint)

    async def call(data: Any, queue: RequestQueue, address: str | None = None) -> str:
        start = time.perf_counter()
        try:
            request = read(data) if len(text_of(data)) <= INLINE else await asyncio.to_thread(read, data)
        except Exception as error:
            return json.dumps({"error": error_message(error, endpoint.name)})
        group = group_of(endpoint, request.body)
        try:
            reply = await queue.submit(work, request, (endpoint, key_of(data)), endpoint.lane, group, address)
            outcome = "answered"
        except Queued as wait:
            reply, outcome = json.dumps({"waiting": wait.position, "again": wait.retry_after}), "waits"
        except Superseded:
            reply, outcome = json.dumps({"replaced": True}), "replaced"
        log.info("request", function=endpoint.name, outcome=outcome, ms=(time.perf_counter() - start) * 1000)
        return reply

    call.__name__ = endpoint.name
    return call


def direct(endpoint: DirectEndpoint) -> ServerFunction:
    """An endpoint that is answered on the event loop."""
    name = as_endpoint(endpoint.answer).name

    async def call(data: Any, queue: RequestQueue | None = None, address: str | None = None) -> str:
        if len(text_of(data)) > MAX_DIRECT:
            data = None  # too long to be read here, where everybody waits
        return unqueued(partial(endpoint.answer, address=address or ""))(data)

    call.__name__ = name
    return call


def unqueued(function: Callable[[dict], dict] | BatchedEndpoint) -> Callable[[Any], str]:
    """`function` without the queue: what the browser sent in, JSON out, every error a sentence under "error"."""
    endpoint = as_endpoint(function)

    def call(data: Any) -> str:
        try:
            request = read(data)
        except Exception as error:
            return json.dumps({"error": error_message(error, endpoint.name)})
        return dispatch(endpoint, [request])[0]

    return call


def as_endpoint(function: Callable[[dict], dict] | BatchedEndpoint, lane: str = "page") -> BatchedEndpoint:
    """A function of one request as one of several."""
    if isinstance(function, BatchedEndpoint):
        return function
    name = (function.func if isinstance(function, partial) else function).__name__
    return BatchedEndpoint(
        name, lambda request: request, lambda requests: [function(request) for request in requests], lane=lane
    )


def dispatch(endpoint: BatchedEndpoint, batch: list[Request]) -> list[str]:
    """The reply in JSON to each of a batch of requests.

    They are untrusted: whatever is wrong with one, its reply is {error: a sentence}, and never a traceback.
    """
    with request_trace(endpoint.name):
        annotate(parse=sum(request.parsing for request in batch))
        replies: list[dict | None] = [None] * len(batch)
        checked = {}
        for i, request in enumerate(batch):
            try:
                checked[i] = endpoint.check(request.body)
            except Exception as error:
                replies[i] = {"error": error_message(error, endpoint.name)}
        try:
            answers = endpoint.answer([*checked.values()]) if checked else []
            for i, reply in zip(checked, answers, strict=True):
                replies[i] = reply
        except Exception as error:
            if len(batch) > 1:  # whatever it was, it is not the other requests' fault
                return [dispatch(endpoint, [request])[0] for request in batch]
            replies = [{"error": error_message(error, endpoint.name)}]
        with span("encode"):
            return [json.dumps(reply, separators=(",", ":")) for reply in replies]


def error_message(error: Exception, function: str) -> str:
    """What a client is told of an error; one that no request may cause is logged."""
    if isinstance(error, DenoiserError):
        return str(error)
    if isinstance(error, ValueError | TypeError | KeyError | ArithmeticError | RecursionError):
        log.debug("unreadable", function=function, **log.about(error))
        return UNREADABLE
    log.error("failed", function=function, **log.about(error))
    return FAULT


def read(data: Any) -> Request:
    """The request in what the browser sent; BadRequest or ValueError where there is none."""
    start = time.perf_counter()
    body = parsed(data)
    return Request(body, (time.perf_counter() - start) * 1000)


def parsed(data: Any) -> dict:
    """The object in JSON in what the browser sent; BadRequest or ValueError where there is none."""
    text = text_of(data)
    if has_many_values(text):
        raise BadRequest(UNREADABLE)
    request = orjson.loads(text)
    if not isinstance(request, dict):
        raise BadRequest(UNREADABLE)
    return request


def text_of(data: Any) -> str:
    """The text of the request in what the browser sent, empty where there is none."""
    text = data[0] if isinstance(data, list) and data else data
    return text if isinstance(text, str) else ""


def key_of(data: Any) -> str:
    """The key in what the browser sent, a new one where there is none."""
    key = data[1] if isinstance(data, list) and len(data) > 1 else None
    return key if isinstance(key, str) and 0 < len(key) <= MAX_KEY else uuid.uuid4().hex


def group_of(endpoint: BatchedEndpoint, request: dict) -> Hashable | None:
    """With which others a request can be answered, None where that is none or cannot be told."""
    try:
        group = endpoint.group(request)
        hash(group)
    except (DenoiserError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return group
