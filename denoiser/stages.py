"""Where the time of a request goes: milliseconds by stage, one line of JSON per request, for `bench serving`.

Measured only where $DENOISER_STAGES names a file for the lines; else a stage costs nothing. Knows nothing of pages.
"""

import json
import os
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path

FILE = Path(os.environ["DENOISER_STAGES"]) if "DENOISER_STAGES" in os.environ else None
_spent: ContextVar[dict[str, float] | None] = ContextVar("spent", default=None)  # by stage, of the present request


def stage(name: str) -> AbstractContextManager:
    """With this around it, work counts as the stage `name` of the present request, if there is one that is measured."""
    return nullcontext() if FILE is None else _timed(name)


@contextmanager
def _timed(name: str):
    began = time.perf_counter()
    try:
        yield
    finally:
        if (spent := _spent.get()) is not None:
            spent[name] = spent.get(name, 0.0) + (time.perf_counter() - began) * 1000


def note(**figures: float) -> None:
    """Figures that belong into the present request's line."""
    if (spent := _spent.get()) is not None:
        spent.update(figures)


@contextmanager
def measured(request: str):
    """One request: what its stages took, and all of it as "whole", becomes a line of the file."""
    if FILE is None:
        yield
        return
    spent: dict[str, float] = {}
    token = _spent.set(spent)
    began = time.perf_counter()
    try:
        yield
    finally:
        _spent.reset(token)
        spent["whole"] = (time.perf_counter() - began) * 1000
        with FILE.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"request": request} | {name: round(ms, 3) for name, ms in spent.items()}) + "\n")
