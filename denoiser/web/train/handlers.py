"""What the Train page asks the server: a ticket, a preview, the training itself, and the model to take home."""

import base64
import io
import json
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ...checkpoint import save_model
from ...errors import DenoiserError
from ..endpoint import BadRequest, parsed
from ..server import logging as log
from ..serving import live_training
from ..serving.live_training import Failure, Snapshot, model_from, noisy_examples, recipe_from
from ..serving.model_pool import card
from ..serving.training_queue import TrainingQueue
from ..serving.user_models import UserModelStore
from ..wire import encode_pixels, mean_psnr

MAX_TEXT = 4096  # characters of a request to train
MIN_SECONDS = 5.0  # of training from which on a model is kept
SHOWN = ("pictures", "psnr", "train", "validation", "filters", "steps", "digits", "seconds", "speed")  # of a snapshot
UNREADABLE = "The request could not be read."
FAILED = "The training ended on the server. Try again in a while."
GONE = "That model is no longer on the server. Train it again."


def wait(queue: TrainingQueue, request: dict, address: str | None = None) -> dict:
    """A visitor is there, waiting or watching: their ticket (null if it is no longer valid), and how many come before.

    A visitor without a ticket gets a new one.
    """
    ticket, before = queue.wait(request.get("ticket"), address)
    return {"ticket": ticket, "before": before}


def stop(queue: TrainingQueue, request: dict, address: str | None = None) -> dict:
    """A visitor wants their training to end, or to wait no longer."""
    queue.stop(request.get("ticket"))
    return {}


def preview(request: dict) -> dict:
    """The ten digits under the noise of the settings, before anything is trained."""
    threading.Thread(target=live_training.training_data).start()  # whoever looks may soon train
    clean, noisy, origin = noisy_examples(recipe_from(request.get("settings")))
    pictures = {"clean": encode_pixels(clean), "noisy": encode_pixels(noisy)}
    return pictures | {"psnr": mean_psnr(noisy, clean), "origin": origin}


def checkpoint(user_models: UserModelStore, request: dict) -> dict:
    """A visitor's model as a zip of the two files of a checkpoint, base64."""
    model = user_models.get(request.get("id"))
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
    """Let an event with these values into Gradio's queue; BadRequest unless it is the next to begin."""
    try:
        ticket = request_to_train(values[0] if len(values) == 1 else None)["ticket"]
    except (ValueError, KeyError, RecursionError):
        raise BadRequest(UNREADABLE) from None
    queue.join(ticket)


def request_to_train(text: object) -> dict:
    """The ticket and the settings in a request; BadRequest, ValueError or RecursionError if it cannot be read."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise BadRequest(UNREADABLE)
    return parsed(text)


def train(
    queue: TrainingQueue, user_models: UserModelStore, text: object, session: str | None, address: str | None = None
) -> Iterator[str]:
    """Train for the visitor whose turn it is: each snapshot as JSON, the last one again with `over`.

    A network that was trained for MIN_SECONDS, or for all the time there is, is kept: then the last message has its
    `id` and `card`. Whatever goes wrong is a sentence under `error`; what was learnt before is kept all the same.
    """
    try:
        request = request_to_train(text)
        recipe = recipe_from(request.get("settings"))
        with queue.session(request.get("ticket")) as may_go_on:
            last: Snapshot | None = None
            with closing(live_training.training_snapshots(request["settings"])) as snapshots:
                for snapshot in snapshots:
                    if isinstance(snapshot, Failure):
                        yield message(request, {"error": snapshot.sentence})
                        break
                    last = snapshot
                    yield message(request, shown(last))
                    if not may_go_on():
                        break
            if last is not None:
                end = shown(last) | {"over": True}  # all of it again: a page may miss what is followed at once
                if last.seconds >= min(MIN_SECONDS, live_training.MAX_SECONDS):
                    network, record = model_from(recipe, last)
                    user_model_id = user_models.add(network, record, session, address)
                    end |= {"id": user_model_id, "card": card(recipe.name, record)}
                yield message(request, end)
    except DenoiserError as error:
        yield json.dumps({"error": str(error)})
    except (ValueError, RecursionError) as error:
        log.debug("unreadable", function="begin", **log.about(error))
        yield json.dumps({"error": UNREADABLE})
    except Exception as error:
        log.error("a training failed", **log.about(error))
        yield json.dumps({"error": FAILED})


def shown(snapshot: Snapshot) -> dict:
    """What the page shows of a snapshot."""
    return {name: getattr(snapshot, name) for name in SHOWN}


def message(request: dict, facts: dict) -> str:
    """One message to the page, which knows by the ticket what it belongs to."""
    return json.dumps({"ticket": request["ticket"]} | facts, separators=(",", ":"))
