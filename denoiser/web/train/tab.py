"""The Train tab: choose a small network, watch it learn, keep it as a card of your own, take it home as a checkpoint.

One training at a time in this process, each for a minute at most, and only as long as its visitor watches: the browser
answers every picture that arrives. What came of it is kept in memory for that visitor alone.
"""

import base64
import io
import json
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import aclosing, closing
from functools import partial
from pathlib import Path

import gradio as gr

from ...checkpoint import save_model
from ...errors import DenoiserError
from ...losses import LOSS_TITLES
from ...noise import NOISES
from ..component import BadRequest, Direct, parsed
from ..components import component
from ..gradio_queue import admitted_by
from ..models.tab import pack
from ..server import logging as log
from ..server.clients import client_address
from ..serving import live_training
from ..serving.background import from_thread
from ..serving.model_pool import ModelPool, card
from ..serving.training_queue import TrainingQueue
from ..serving.user_models import UserModelStore

MOST_TEXT = 4096  # characters of a request to train
SHORTEST = 5.0  # seconds of training from which on a model is kept
FAILED = "The training ended on the server. Try again in a while."
GONE = "That model is no longer on the server. Train it again."


# ---------- what the browser may ask ----------


def wait(queue: TrainingQueue, request: dict, address: str = "") -> dict:
    """A visitor is there, waiting or watching: its ticket (null where it is out of the queue), and who is before it."""
    ticket, before = queue.wait(request.get("ticket"), address)
    return {"ticket": ticket, "before": before}


def stop(queue: TrainingQueue, request: dict, address: str = "") -> dict:
    """A visitor wants its training to end, or to wait no longer."""
    queue.stop(request.get("ticket"))
    return {}


def preview(request: dict) -> dict:
    """The ten digits under the noise of the settings, before anything is trained."""
    threading.Thread(target=live_training.material).start()  # who looks may soon train
    clean, noisy, origin = live_training.ten_noisy(live_training.recipe_of(request.get("settings")))
    return {"clean": pack(clean), "noisy": pack(noisy), "psnr": live_training.decibels(noisy, clean), "origin": origin}


def checkpoint(kept: UserModelStore, request: dict) -> dict:
    """A visitor's model as a zip of the two files of a checkpoint, base64."""
    model = kept.get(request.get("id"))
    if model is None:
        raise BadRequest(GONE)
    with tempfile.TemporaryDirectory() as folder, io.BytesIO() as file:
        save_model(model.network, model.record, Path(folder))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.write(path, path.name)
        name = model.record.recipe.name
        return {"name": f"{name}.zip", "content": base64.b64encode(file.getvalue()).decode()}


# ---------- the training itself, an event of Gradio's queue ----------


def admit(queue: TrainingQueue, values: list) -> None:
    """Let a request to begin, the `values` of its event, into Gradio's queue; BadRequest for any but the next one."""
    try:
        ticket = asked_of(values[0] if len(values) == 1 else None)["ticket"]
    except (ValueError, KeyError, RecursionError):
        raise BadRequest("The request could not be read.") from None
    queue.join(ticket)


def asked_of(text: object) -> dict:
    """The ticket and settings in a request to begin; BadRequest, ValueError or RecursionError where there are none."""
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise BadRequest("The request could not be read.")
    return parsed(text)


def run(
    queue: TrainingQueue, kept: UserModelStore, text: object, session: str | None, address: str = ""
) -> Iterator[str]:
    """Train for the visitor whose turn it is; each snapshot as JSON, the last one again, with `over` true.

    That has the model's id and card where it trained for SHORTEST seconds or for the whole time: only then it is kept.
    Whatever goes wrong is a sentence under "error", and what was learnt before is kept.
    """
    try:
        asked = asked_of(text)
        recipe = live_training.recipe_of(asked.get("settings"))
        with queue.session(asked.get("ticket")) as wanted:
            seen: dict = {}
            with closing(live_training.learn(asked["settings"])) as moments:
                for moment in moments:
                    if "error" in moment:
                        yield said(asked, error=moment["error"])
                        break
                    seen = moment
                    yield said(asked, **{key: seen[key] for key in SHOWN})
                    if not wanted():
                        break
            if seen:
                last = {key: seen[key] for key in SHOWN} | {"over": True}  # again: a page may miss what is followed
                if seen["seconds"] >= min(SHORTEST, live_training.SECONDS):
                    network, record = live_training.trained(recipe, seen)
                    last |= {"id": kept.add(network, record, session, address), "card": card(recipe.name, record)}
                yield said(asked, **last)
    except DenoiserError as error:
        yield json.dumps({"error": str(error)})
    except (ValueError, RecursionError) as error:
        log.debug("unreadable", function="begin", **log.about(error))
        yield json.dumps({"error": "The request could not be read."})
    except Exception as error:
        log.error("a training failed", **log.about(error))
        yield json.dumps({"error": FAILED})


SHOWN = ("pictures", "psnr", "train", "validation", "filters", "steps", "digits", "seconds", "speed")


def said(asked: dict, **facts) -> str:
    """One message to the page, which knows by the ticket what it belongs to."""
    return json.dumps({"ticket": asked["ticket"]} | facts, separators=(",", ":"))


# ---------- the tab ----------


def build(pool: ModelPool) -> None:
    """The tab, inside the current gr.Blocks."""
    queue, kept = TrainingQueue(live_training.LIMIT), pool.user_models

    @admitted_by(partial(admit, queue))
    async def begin(text, request: gr.Request):
        work = partial(run, queue, kept, text, request.session_hash, client_address(request.request.scope) or "")
        try:
            async with aclosing(from_thread(work, queue.limit)) as messages:
                async for message in messages:
                    yield message
        except TimeoutError:  # the queue of visitors writes it to the log
            yield json.dumps({"error": FAILED})

    with gr.Column(elem_id="train"):
        calls = Direct(partial(wait, queue)), Direct(partial(stop, queue))
        form = component("train/form", *calls, preview, elem_id="train_form", events=("start",), **choices())
        with gr.Column(elem_id="train-side"):
            component("train/ten", elem_id="train_ten")
            component("train/end", partial(checkpoint, kept), elem_id="train_end")
            component("train/curves", losses=LOSS_TITLES, elem_id="train_curves")
            component("train/filters", elem_id="train_filters")
    moments = component("train/moments", elem_id="train_moments")
    form.start(
        begin,
        form,
        moments,
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=1,
        api_visibility="private",
    )


def choices() -> dict:
    """What the form offers."""
    return {
        "widths": live_training.WIDTHS,
        "codes": live_training.CODES,
        "noises": {name: noise.label for name, noise in NOISES.items()},
        "losses": {name: LOSS_TITLES[name][0] for name in live_training.CHOICES["loss"]},
        "rates": live_training.RATES,
        "factors": live_training.FACTORS,
        "first": live_training.AT_FIRST,
        "well": live_training.WELL,
        "parameters": live_training.parameter_counts(),
        "seconds": live_training.SECONDS,
        "shortest": SHORTEST,
        "mnist": live_training.has_mnist(),
        "borrowed": live_training.spaces is not None,
    }
