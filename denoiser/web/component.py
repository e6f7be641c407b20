"""What the browser may call on the server: requests as JSON, through a line, answered alone or together."""

import json
import time
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import DenoiserError
from ..timing import request_trace, span
from .admission import Line, NotYet, Replaced
from .server import logging as log
from .server.calls import FAULT
from .server.limits import has_many_values

LONGEST_GROUPED = 100_000  # characters of a request that may be answered together with others
LONGEST_DIRECT = 1_000  # characters of a request that is answered on the event loop
LONGEST_NAME = 64  # characters of a place in the line


@dataclass(frozen=True)
class Together:
    """A function that answers several requests at once: `check` makes a question of each, `answer` takes them all.

    `group` says of a request which others can be answered with it, None for none.
    """

    name: str
    check: Callable[[dict], Any]
    answer: Callable[[list], list[dict]]
    group: Callable[[dict], Hashable | None] = lambda request: None


@dataclass(frozen=True)
class Direct:
    """A function that answers at once, without a line, on the event loop: for what takes no time at all.

    `answer(request, address)` is told the client's address.
    """

    answer: Callable[[dict, str], dict]


def in_line(line: Line, function: Callable[[dict], dict] | Together) -> Callable:
    """`function` as the browser calls it, with the request and the name of a place in the line.

    Who has to wait is answered {waiting: how many are before, again: seconds}, who has asked for something else since
    {replaced: true}; else as `answering` says.
    """
    together = as_together(function)
    work = partial(answers, together)

    async def call(data):
        began, place = time.perf_counter(), place_of(data)
        try:
            reply, outcome = await line.turn(work, data, place, group_of(together, data)), "answered"
        except NotYet as wait:
            reply, outcome = json.dumps({"waiting": wait.before, "again": wait.again}), "waits"
        except Replaced:
            reply, outcome = json.dumps({"replaced": True}), "replaced"
        log.info("request", function=together.name, outcome=outcome, ms=(time.perf_counter() - began) * 1000)
        return reply

    call.__name__ = together.name
    return call


def directly(function: Direct) -> Callable:
    """`function` as the browser calls it."""

    name = as_together(function.answer).name

    async def call(data, address: str = ""):
        text = data[0] if isinstance(data, list) and data else data
        if isinstance(text, str) and len(text) > LONGEST_DIRECT:
            data = None  # too long to be read here, where everybody waits
        return answering(partial(function.answer, address=address))(data)

    call.__name__ = name
    call.takes_address = True  # of the client, from server/calls.py
    return call


def as_together(function: Callable[[dict], dict] | Together) -> Together:
    """A function of one request as one of several."""
    if isinstance(function, Together):
        return function
    name = (function.func if isinstance(function, partial) else function).__name__
    return Together(name, lambda request: request, lambda requests: [function(request) for request in requests])


def answering(function: Callable[[dict], dict] | Together) -> Callable[[Any], str]:
    """`function` without a line: JSON in, JSON out, every error a sentence under "error".

    The request is untrusted: whatever is wrong with it, the answer is a sentence and never a traceback.
    """
    together = as_together(function)
    return lambda data: answers(together, [data])[0]


def answers(together: Together, batch: list) -> list[str]:
    """The reply to each of a batch of what the browser sent, as `answering` says."""
    with request_trace(together.name):
        replies: list[dict | None] = [None] * len(batch)
        questions = {}
        for i, data in enumerate(batch):
            try:
                with span("parse"):
                    request = parsed(data)
                questions[i] = together.check(request)
            except Exception as error:
                replies[i] = {"error": sentence_of(error, together.name)}
        try:
            for i, reply in zip(questions, together.answer(list(questions.values())) if questions else (), strict=True):
                replies[i] = reply
        except Exception as error:
            if len(batch) > 1:  # whatever it was, it is nobody else's fault
                return [answers(together, [data])[0] for data in batch]
            replies = [{"error": sentence_of(error, together.name)}]
        with span("encode"):
            return [json.dumps(reply, separators=(",", ":")) for reply in replies]


def sentence_of(error: Exception, function: str) -> str:
    """What is said of an error to whoever caused it; what no request may cause is logged."""
    if isinstance(error, DenoiserError):
        return str(error)
    if isinstance(error, ValueError | TypeError | KeyError | ArithmeticError | RecursionError):
        log.debug("unreadable", function=function, **log.about(error))
        return "The request could not be read."
    log.error("failed", function=function, **log.about(error))
    return FAULT


def parsed(data) -> dict:
    """The request in what the browser sent; BadRequest or ValueError where there is none."""
    text = data[0] if isinstance(data, list) and data else data
    if not isinstance(text, str) or has_many_values(text):
        raise BadRequest("The request could not be read.")
    request = json.loads(text)
    if not isinstance(request, dict):
        raise BadRequest("The request could not be read.")
    return request


def place_of(data) -> str:
    """The name of a place in the line in what the browser sent, a new one where there is none."""
    name = data[1] if isinstance(data, list) and len(data) > 1 else None
    return name if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME else uuid.uuid4().hex


def group_of(together: Together, data) -> Hashable | None:
    """What the request can be answered together with, None where it is alone or cannot be read."""
    text = data[0] if isinstance(data, list) and data else data
    if not isinstance(text, str) or len(text) > LONGEST_GROUPED:
        return None
    try:
        group = together.group(parsed(data))
        hash(group)
    except (DenoiserError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return group


class BadRequest(DenoiserError, ValueError):
    """A request that no page of ours sends."""
