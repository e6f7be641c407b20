"""Where the time of a request goes: milliseconds per span, one line of JSON per request, read by `bench serving`.

Only where $DENOISER_STAGES names a file for the lines is anything measured; else a span costs nothing. Knows nothing
of pages.
"""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

from .. import settings

FILE = settings.current.timing_file
_trace: ContextVar[dict[str, float] | None] = ContextVar("trace", default=None)  # figures of the current request


def span(name: str) -> AbstractContextManager:
    """A context whose duration is added to the span `name` of the current request, if that is traced."""
    return nullcontext() if FILE is None else _timed(name)


@contextmanager
def _timed(name: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        if (trace := _trace.get()) is not None:
            trace[name] = trace.get(name, 0.0) + (time.perf_counter() - start) * 1000


def annotate(**figures: float) -> None:
    """Add figures to the line of the current request, if that is traced."""
    if (trace := _trace.get()) is not None:
        trace.update(figures)


@contextmanager
def request_trace(request: str) -> Iterator[None]:
    """A context for one request: its spans in milliseconds, and all of it as "whole", become a line of the file."""
    if FILE is None:
        yield
        return
    trace: dict[str, float] = {}
    token = _trace.set(trace)
    start = time.perf_counter()
    try:
        yield
    finally:
        _trace.reset(token)
        trace["whole"] = (time.perf_counter() - start) * 1000
        with FILE.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"request": request} | {name: round(ms, 3) for name, ms in trace.items()}) + "\n")
