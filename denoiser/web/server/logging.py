"""The server's log: one line of JSON on stderr for each event, with nothing of any visitor in it.

Quiet by default: only warnings and errors. DENOISER_LOG=info adds a line for each request, DENOISER_LOG=debug those
that could not be read. Events are words of ours and numbers, never what somebody sent. Of an exception, and of whatever
a library logs, which may quote that, there is the type and the place in the source.
"""

import errno
import json
import logging
import sys
import time
import traceback
from pathlib import Path

import gradio as gr

from ... import settings

VARIABLE = "DENOISER_LOG"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
REPEAT = 10.0  # seconds for which a library's line is not repeated
PACKAGE = Path(__file__).resolve().parents[2]

logger = logging.getLogger("denoiser")


class Lines(logging.Formatter):
    """A record as a line of JSON: time, level, event, and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z"
        facts = {"time": moment, "level": record.levelname.lower()} | self.facts(record)
        return json.dumps(facts, ensure_ascii=False)

    def facts(self, record: logging.LogRecord) -> dict:
        """What a record of ours says."""
        return {"event": record.msg} | getattr(record, "facts", {})


class LibraryLines(Lines):
    """A library's record: which library, from where, and the exception's type; its message may quote a visitor."""

    def facts(self, record: logging.LogRecord) -> dict:
        """What may be said of a library's record."""
        place = {"library": record.name, "place": f"{Path(record.pathname).name}:{record.lineno}"}
        error = record.exc_info[1] if record.exc_info else None
        return {"event": "library"} | place | (about(error) if error else {})


class Seldom(logging.Filter):
    """Lets a record pass if none came from the same place for REPEAT seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may be written."""
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now - self.last.get(place, -REPEAT) < REPEAT:
            return False
        self.last[place] = now
        return True


def start() -> None:
    """Write from now on, as much as $DENOISER_LOG says; a second time changes the level alone."""
    asked = settings.current.log_level
    logger.setLevel(LEVELS.get(asked, logging.WARNING))
    logger.propagate = False
    add_handler(logger, Lines())
    add_handler(logging.getLogger(), LibraryLines()).addFilter(Seldom())
    logging.getLogger("mcp").setLevel(logging.ERROR)  # it warns of tools that are not there, which strangers ask for
    if asked not in LEVELS:
        warning("no such level", variable=VARIABLE, levels=", ".join(LEVELS))


def add_handler(target: logging.Logger, lines: Lines) -> logging.Handler:
    """The logger's handler that writes such lines to stderr, a new one where it has none."""
    for handler in target.handlers:
        if type(handler.formatter) is type(lines):
            return handler
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(lines)
    target.addHandler(handler)
    return handler


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
    """An exception's type and a system error's code, the last line of ours it went through, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if PACKAGE in Path(frame.filename).parents]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*ours[-1:], *frames[-1:])]
    facts = {"error": type(error).__name__, "place": " > ".join(dict.fromkeys(places))}
    code = error.errno if isinstance(error, OSError) else None
    if code is not None and code in errno.errorcode:
        facts["errno"] = errno.errorcode[code]
    return facts


def failed_in_gradio() -> None:
    """A line instead of the traceback of the exception that Gradio handles just now."""
    found = sys.exception()
    refused = isinstance(found, gr.Error)  # an endpoint's sentence for the visitor
    facts = {} if found is None else about(found)
    write(logging.DEBUG if refused else logging.ERROR, "unreadable" if refused else "failed", facts)
