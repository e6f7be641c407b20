"""What the browser may call on the server: functions of a request, called through the request queue.

The type of a function's parameter `request` says how the browser's JSON is parsed (schemas.py). Requests are
untrusted: whatever is wrong with one, its reply is an ErrorReply with a sentence, and never a traceback.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, get_type_hints

import orjson

from ..errors import DenoiserError
from ..runtime.timing import annotate, request_trace, span
from .i18n import error_text
from .parsing import UNREADABLE, BadRequest
from .schemas import ErrorReply, ForgottenReply, SupersededReply, WaitingReply, fields_of, parse
from .server import logging as log
from .server.attachments import TOKEN, attachments
from .server.calls import FAULT
from .server.limits import INLINE, has_many_values
from .server.request_queue import Forgotten, Queued, RequestQueue, Superseded

MAX_DIRECT = 1_000  # characters of a request that is answered on the event loop
MAX_KEY = 64  # characters of the key under which a request waits
MAX_KEPT = 32_768  # characters of a request, besides its picture, that is kept while it waits


@dataclass(frozen=True)
class BatchedEndpoint:
    """A function that answers several requests at once: `answer` takes what `prepare` made of each of them.

    `request` is their type. `group` says with which others one can be answered, None for none. `lane` is that of the
    request queue.
    """

    name: str
    request: type
    prepare: Callable[[Any], Any]
    answer: Callable[[list], list]
    group: Callable[[Any], Hashable | None] = lambda request: None
    lane: str = "page"


@dataclass(frozen=True)
class DirectEndpoint:
    """A function that is answered on the event loop, without the queue: for what takes no time at all.

    `answer(request, address)` is told the client's address, None if that is not known.
    """

    answer: Callable[..., Any]


Function = Callable[[Any], Any] | BatchedEndpoint | DirectEndpoint
ServerFunction = Callable[[Any, RequestQueue, str | None], Awaitable[str]]


class Parsed(NamedTuple):
    """A parsed request, and the milliseconds that parsing it took."""

    request: Any
    parsing: float = 0.0


def server_function(function: Function) -> ServerFunction:
    """`function` as server/calls.py calls it: with what the browser sent, the request queue and the client's address.

    The browser sends the request in JSON and the key under which it waits; null instead of a request that has been told
    its position goes on waiting.
    """
    if isinstance(function, DirectEndpoint):
        return direct(function)
    return queued(as_endpoint(function))


def queued(endpoint: BatchedEndpoint) -> ServerFunction:
    """An endpoint behind the request queue.

    The reply to a request that has to wait is a WaitingReply, to one whose key has a newer request a SupersededReply,
    to one that is to go on waiting but is not there any more a ForgottenReply; else as `dispatch` says.
    """
    work = partial(dispatch, endpoint)

    async def submit(data: Any, queue: RequestQueue, address: str | None) -> str:
        """The reply to a request, from the queue; raises what that and the parser raise."""
        name, text = key_of(data), text_of(data)
        key = (endpoint, name)
        if resumes(data):
            return await queue.resume(key)
        read = partial(parsed, endpoint.request, data)
        item = read() if len(text) <= INLINE else await asyncio.to_thread(read)
        picture = TOKEN.search(text)
        release = attachments.share(picture[0]) if picture else None
        return await queue.submit(
            work,
            item,
            key,
            endpoint.lane,
            endpoint.group(item.request),
            client=address or name.partition(".")[0],  # unknown: all that one page asks
            keep=len(text) <= MAX_KEPT and (picture is None or release is not None),
            release=release,
        )

    async def call(data: Any, queue: RequestQueue, address: str | None = None) -> str:
        start = time.perf_counter()
        try:
            reply, outcome = await submit(data, queue, address), "answered"
        except Queued as wait:
            reply, outcome = to_json(WaitingReply(wait.position, wait.retry_after, wait.kept)), "waits"
        except Superseded:
            reply, outcome = to_json(SupersededReply()), "replaced"
        except Forgotten:
            reply, outcome = to_json(ForgottenReply()), "forgotten"
        except Exception as error:
            reply, outcome = to_json(error_reply(error, endpoint.name)), "refused"
        log.info("request", function=endpoint.name, outcome=outcome, ms=(time.perf_counter() - start) * 1000)
        return reply

    call.__name__ = endpoint.name
    return call


def direct(endpoint: DirectEndpoint) -> ServerFunction:
    """An endpoint that is answered on the event loop."""
    name, request = name_of(endpoint.answer), request_type(endpoint.answer)

    async def call(data: Any, queue: RequestQueue | None = None, address: str | None = None) -> str:
        if len(text_of(data)) > MAX_DIRECT:
            data = None  # too long to be read here, where everybody waits
        answer = partial(endpoint.answer, address=address)
        return unqueued(BatchedEndpoint(name, request, unchanged, one_by_one(answer)))(data)

    call.__name__ = name
    return call


def unqueued(function: Callable[[Any], Any] | BatchedEndpoint) -> Callable[[Any], str]:
    """`function` without the queue: what the browser sent in, JSON out."""
    endpoint = as_endpoint(function)

    def call(data: Any) -> str:
        try:
            item = parsed(endpoint.request, data)
        except Exception as error:
            return to_json(error_reply(error, endpoint.name))
        return dispatch(endpoint, [item])[0]

    return call


def as_endpoint(function: Callable[[Any], Any] | BatchedEndpoint, lane: str = "page") -> BatchedEndpoint:
    """A function of one request as one of several."""
    if isinstance(function, BatchedEndpoint):
        return function
    return BatchedEndpoint(name_of(function), request_type(function), unchanged, one_by_one(function), lane=lane)


def name_of(function: Callable) -> str:
    """A function's name, as the browser calls it."""
    return (function.func if isinstance(function, partial) else function).__name__


def request_type(function: Callable) -> type:
    """The type of a function's parameter `request`."""
    return get_type_hints(function.func if isinstance(function, partial) else function)["request"]


def unchanged(request: Any) -> Any:
    """The request itself."""
    return request


def one_by_one(function: Callable[[Any], Any]) -> Callable[[list], list]:
    """A function of several requests that calls `function` for each."""
    return lambda requests: [function(request) for request in requests]


def dispatch(endpoint: BatchedEndpoint, batch: list[Parsed]) -> list[str]:
    """The reply in JSON to each of a batch of requests."""
    with request_trace(endpoint.name):
        annotate(parse=sum(item.parsing for item in batch))
        replies: list[Any] = [None] * len(batch)
        prepared = {}
        for i, item in enumerate(batch):
            try:
                prepared[i] = endpoint.prepare(item.request)
            except Exception as error:
                replies[i] = error_reply(error, endpoint.name)
        try:
            answers = endpoint.answer([*prepared.values()]) if prepared else []
            for i, reply in zip(prepared, answers, strict=True):
                replies[i] = reply
        except Exception as error:
            if len(batch) > 1:  # whatever it was, it is not the other requests' fault
                return [dispatch(endpoint, [item])[0] for item in batch]
            replies = [error_reply(error, endpoint.name)]
        with span("encode"):
            return [to_json(reply) for reply in replies]


def shown_error(error: Exception, function: str) -> DenoiserError:
    """The error that a client is told of; one that no request may cause is logged, and none of it is shown."""
    if isinstance(error, DenoiserError):
        return error
    if isinstance(error, ValueError | TypeError | KeyError | ArithmeticError | RecursionError):
        log.debug("unreadable", function=function, **log.about(error))
        return BadRequest(UNREADABLE)
    log.error("failed", function=function, **log.about(error))
    return DenoiserError(FAULT)


def error_reply(error: Exception, function: str) -> ErrorReply:
    """What the page is told of an error."""
    return ErrorReply(error_text(shown_error(error, function)))


def parsed(request: type, data: Any) -> Parsed:
    """The request of this type in what the browser sent; BadRequest or ValueError if there is none."""
    start = time.perf_counter()
    found: Any = parse(request, json_object(text_of(data)))
    return Parsed(found, (time.perf_counter() - start) * 1000)


def json_object(text: str) -> dict:
    """The object that a text in JSON holds; BadRequest or ValueError if there is none."""
    if has_many_values(text):
        raise BadRequest(UNREADABLE)
    body = orjson.loads(text)
    if not isinstance(body, dict):
        raise BadRequest(UNREADABLE)
    return body


def to_json(reply: Any) -> str:
    """A reply in JSON."""
    return json.dumps(reply, separators=(",", ":"), default=fields_of)


def text_of(data: Any) -> str:
    """The text of the request in what the browser sent, empty where there is none."""
    text = data[0] if isinstance(data, list) and data else data
    return text if isinstance(text, str) else ""


def resumes(data: Any) -> bool:
    """Whether the browser names a request that waits, instead of sending it again."""
    return isinstance(data, list) and len(data) > 1 and data[0] is None and isinstance(data[1], str)


def key_of(data: Any) -> str:
    """The key in what the browser sent, a new one where there is none."""
    key = data[1] if isinstance(data, list) and len(data) > 1 else None
    return key if isinstance(key, str) and 0 < len(key) <= MAX_KEY else uuid.uuid4().hex
