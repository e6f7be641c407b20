"""What the server writes about its own life: one line of JSON for each event on stderr, nothing of any visitor in it.

Quiet by default: only warnings and errors. DENOISER_LOG=info writes a line for each request, DENOISER_LOG=debug those
that could not be read too. Events are words of ours and numbers, never what somebody sent; of an exception, which may
quote that, there is its type and where it was raised.
"""

import json
import logging
import sys
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from gradio import queueing, routes

from ... import settings

VARIABLE = "DENOISER_LOG"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
PACKAGE = Path(__file__).resolve().parents[2]

logger = logging.getLogger("denoiser")


class Lines(logging.Formatter):
    """A record as a line of JSON: time, level, event, and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        facts = {"time": moment, "level": record.levelname.lower(), "event": record.msg}
        return json.dumps(facts | getattr(record, "facts", {}), ensure_ascii=False)


def start() -> None:
    """Write from now on, as much as $DENOISER_LOG says; a second time changes the level alone."""
    asked = settings.current.log_level
    logger.setLevel(LEVELS.get(asked, logging.WARNING))
    if not any(isinstance(handler.formatter, Lines) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Lines())
        logger.addHandler(handler)
        logger.propagate = False
    for module in (queueing, routes):  # where Gradio prints tracebacks, which quote what was sent
        module.traceback = SimpleNamespace(print_exc=failed_in_gradio)
    if asked not in LEVELS:
        warning("no such level", variable=VARIABLE, levels=", ".join(LEVELS))


def write(level: int, event: str, facts: dict) -> None:
    """An event with its facts, numbers rounded to a tenth."""
    if logger.isEnabledFor(level):
        rounded = {name: round(value, 1) if isinstance(value, float) else value for name, value in facts.items()}
        logger.log(level, event, extra={"facts": rounded})


def debug(event: str, **facts: str | float) -> None:
    """What only who looks for a fault wants to know."""
    write(logging.DEBUG, event, facts)


def info(event: str, **facts: str | float) -> None:
    """What happens all the time."""
    write(logging.INFO, event, facts)


def warning(event: str, **facts: str | float) -> None:
    """What somebody should look at some day."""
    write(logging.WARNING, event, facts)


def error(event: str, **facts: str | float) -> None:
    """What somebody should look at now."""
    write(logging.ERROR, event, facts)


def about(error: BaseException) -> dict[str, str]:
    """An exception's type, the last line of ours it went through, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if PACKAGE in Path(frame.filename).parents]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*ours[-1:], *frames[-1:])]
    return {"error": type(error).__name__, "place": " > ".join(dict.fromkeys(places))}


def failed_in_gradio() -> None:
    """A line instead of the traceback of the exception that Gradio handles just now."""
    found = sys.exception()
    refused = isinstance(found, ValueError | gr.Error)  # an endpoint's input that is none
    write(logging.DEBUG if refused else logging.ERROR, "unreadable" if refused else "failed", about(found))
