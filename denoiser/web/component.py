"""gr.HTML components of our own, each from <name>.html, <name>.js and <name>.css beside this file."""

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import gradio as gr

from ..errors import DenoiserError
from ..stages import measured, stage
from .limits import has_many_values

FOLDER = Path(__file__).parent


def asset(name: str) -> str:
    """The text of a file of this folder, empty where there is none."""
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def component(name: str, *functions: Callable, **props) -> gr.HTML:
    """The component `name`; `functions` are what its script may call as `server.<function>(request)`.

    `props` reach the script as `props.<name>` and the template as `${name}`.
    """
    return gr.HTML(
        None,
        elem_id=name,
        html_template=asset(f"{name}.html"),
        js_on_load=f"denoiser.translate(element);\n{asset(f'{name}.js')}",
        server_functions=[answering(f) for f in functions] or None,
        apply_default_css=False,
        padding=False,
        **props,
    )


def answering(function: Callable[[dict], dict]) -> Callable[[str], str]:
    """`function` as the browser calls it: JSON in, JSON out, every error a sentence under "error".

    The request is untrusted: whatever is wrong with it, the answer is a sentence and never a traceback.
    """

    name = (function.func if isinstance(function, partial) else function).__name__

    def answer(data):
        with measured(name):
            reply = reply_to(data)
            with stage("encode"):
                return json.dumps(reply, separators=(",", ":"))

    def reply_to(data) -> dict:
        try:
            with stage("parse"):
                request = parsed(data)
            return function(request)
        except Exception as error:
            return {"error": sentence_of(error)}

    answer.__name__ = name
    return answer


def sentence_of(error: Exception) -> str:
    """What is said of an error, while it is handled, to whoever caused it; what no request may cause is logged."""
    if isinstance(error, DenoiserError):
        return str(error)
    log = logging.getLogger(__name__)
    if isinstance(error, ValueError | TypeError | KeyError | ArithmeticError | RecursionError):
        log.debug("an unreadable request", exc_info=True)
        return "The request could not be read."
    log.exception("a request failed")
    return "That went wrong on the server. Your drawing is still here."


def parsed(data) -> dict:
    """The request in what the browser sent; BadRequest or ValueError where there is none."""
    text = data[0] if isinstance(data, list) and data else data
    if not isinstance(text, str) or has_many_values(text):
        raise BadRequest("The request could not be read.")
    request = json.loads(text)
    if not isinstance(request, dict):
        raise BadRequest("The request could not be read.")
    return request


class BadRequest(DenoiserError, ValueError):
    """A request that no page of ours sends."""
