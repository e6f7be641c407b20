"""What the Train page asks the server: a ticket, a preview, the training itself, and the model to take home."""

import io
import tempfile
import threading
import zipfile
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ...checkpoint import save_model
from ...errors import DenoiserError
from ..endpoint import json_object, to_json
from ..i18n import error_text, find_text
from ..parsing import UNREADABLE, BadRequest
from ..schemas import EmptyReply, ErrorReply, parse
from ..server import logging as log
from ..serving import live_training
from ..serving.live_training import Failure, Snapshot, model_from, noisy_examples, recipe_from
from ..serving.model_pool import card
from ..serving.training_queue import TrainingQueue
from ..serving.user_models import UserModelStore
from ..wire import encode_pixels, mean_psnr, to_base64
from .schemas import (
    CheckpointReply,
    CheckpointRequest,
    PreviewReply,
    PreviewRequest,
    TicketReply,
    TicketRequest,
    TrainingMessage,
    TrainRequest,
)

MAX_TEXT = 4096  # characters of a request to train
MIN_SECONDS = 5.0  # of training from which on a model is kept
SHOWN = ("pictures", "psnr", "train", "validation", "filters", "steps", "digits", "seconds", "speed")  # of a snapshot
FAILED = "The training ended on the server. Try again in a while."
README = """{name}: a network trained on the Train page of Denoiser.

To use it, keep its two files together and have the Python package denoiser installed:

    from denoiser import load_model

    model, record = load_model("{name}", folder=".")  # or the path of the folder with the two files
    clean = model(noisy)  # float32 tensors of shape (N, 1, 28, 28), ink 1 on background 0

{name}.json says how it was trained.
"""
GONE = "That model is no longer on the server. Train it again."


def wait(queue: TrainingQueue, request: TicketRequest, address: str | None = None) -> TicketReply:
    """A visitor is there, waiting or watching: their ticket, and how many come before; a new one if they have none."""
    ticket, before = queue.wait(request.ticket, address)
    return TicketReply(ticket, before, queue.ended_for_silence(request.ticket))


def stop(queue: TrainingQueue, request: TicketRequest, address: str | None = None) -> EmptyReply:
    """A visitor wants their training to end, or to wait no longer."""
    queue.stop(request.ticket)
    return EmptyReply()


def preview(request: PreviewRequest) -> PreviewReply:
    """The ten digits under the noise of the settings, before anything is trained."""
    threading.Thread(target=live_training.training_data).start()  # whoever looks may soon train
    clean, noisy, origin = noisy_examples(recipe_from(request.settings))
    return PreviewReply(encode_pixels(clean), encode_pixels(noisy), mean_psnr(noisy, clean), origin)


def checkpoint(user_models: UserModelStore, request: CheckpointRequest) -> CheckpointReply:
    """A visitor's model as a zip of the two files of a checkpoint, and how to use them."""
    model = user_models.get(request.id)
    if model is None:
        raise BadRequest(GONE)
    name = model.record.recipe.name
    with tempfile.TemporaryDirectory() as folder, io.BytesIO() as file:
        save_model(model.network, model.record, Path(folder))
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).iterdir()):
                archive.write(path, path.name)
            archive.writestr("README.txt", README.format(name=name))
        return CheckpointReply(f"{name}.zip", to_base64(file.getvalue()))


# ---------- the training itself, an event of Gradio's queue ----------


def admit(queue: TrainingQueue, values: list) -> None:
    """Let an event with these values into Gradio's queue; BadRequest unless it is the next to begin."""
    try:
        ticket = request_to_train(values[0] if len(values) == 1 else None).ticket
    except (ValueError, RecursionError):
        raise BadRequest(UNREADABLE) from None
    queue.join(ticket)


def request_to_train(text: object) -> TrainRequest:
    """The request in JSON to train; BadRequest, ValueError or RecursionError if it cannot be read."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise BadRequest(UNREADABLE)
    return parse(TrainRequest, json_object(text))


def train(
    queue: TrainingQueue, user_models: UserModelStore, text: object, session: str | None, address: str | None = None
) -> Generator[str, None, None]:
    """Train for the visitor whose turn it is: a TrainingMessage in JSON for each snapshot.

    A network that was trained for MIN_SECONDS, or for all the time there is, is kept: the last message, which repeats
    the last snapshot, has its id. What goes wrong is told under `error`; what was learnt before is kept.
    """
    try:
        request = request_to_train(text)
        recipe = recipe_from(request.settings)
        with queue.session(request.ticket) as may_go_on:
            last: Snapshot | None = None
            with closing(live_training.training_snapshots(recipe)) as snapshots:
                for snapshot in snapshots:
                    if isinstance(snapshot, Failure):
                        yield to_json(TrainingMessage(request.ticket, snapshot.reason))
                        break
                    last = snapshot
                    yield to_json(message(request, last))
                    if not may_go_on():
                        break
            if last is not None:
                end = replace(message(request, last), over=True)  # all of it again: the page may have missed it
                if queue.ended_for_silence(request.ticket):
                    end = replace(end, silent=True)
                if last.seconds >= min(MIN_SECONDS, live_training.MAX_SECONDS):
                    network, record = model_from(recipe, last)
                    user_model_id = user_models.add(network, record, session, address)
                    end = replace(
                        end,
                        id=user_model_id,
                        card=card(recipe.name, record) | {"title": live_training.title_of(recipe)},
                    )
                yield to_json(end)
    except DenoiserError as error:
        yield to_json(ErrorReply(error_text(error)))
    except (ValueError, RecursionError) as error:
        log.debug("unreadable", function="begin", **log.about(error))
        yield to_json(ErrorReply(find_text("error", UNREADABLE)))
    except Exception as error:
        log.error("a training failed", **log.about(error))
        yield to_json(ErrorReply(find_text("error", FAILED)))


def message(request: TrainRequest, snapshot: Snapshot) -> TrainingMessage:
    """What the page shows of a snapshot; it knows by the ticket what that belongs to."""
    return TrainingMessage(request.ticket, **{name: getattr(snapshot, name) for name in SHOWN})
