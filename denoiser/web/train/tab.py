"""The Train page: choose a small network, watch it learn, see it beside the others, take it home as a checkpoint.

As many trainings at the same time as the settings allow, each on one core, for a minute at most, and only as long as
its visitor watches: the browser answers the snapshots that arrive. The trained network is kept in memory for that
visitor alone.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

import gradio as gr

from ...losses import LOSS_TITLES, LOSSES
from ...noise import NOISES
from ..components import component
from ..endpoint import DirectEndpoint, to_json
from ..gradio_queue import admitted_by
from ..i18n import find_text
from ..schemas import ErrorReply
from ..server.clients import client_address
from ..serving import live_training
from ..serving.background import from_thread
from ..serving.model_pool import MAX_USER_MODELS, ModelPool
from ..serving.training_queue import TrainingQueue
from .handlers import FAILED, MIN_SECONDS, admit, checkpoint, preview, stop, train, wait


def build(pool: ModelPool) -> None:
    """The whole page, inside the current gr.Blocks."""
    queue = TrainingQueue(live_training.HANG_SECONDS, slots=live_training.simultaneous_trainings())
    user_models = pool.user_models

    @admitted_by(partial(admit, queue))
    async def begin(text: object, request: gr.Request) -> AsyncIterator[str]:
        address = (client_address(request.request.scope) if request.request else None) or ""
        training = partial(train, queue, user_models, text, request.session_hash, address)
        try:
            async with aclosing(from_thread(training, queue.limit)) as messages:
                async for message in messages:
                    yield message
        except TimeoutError:  # it hangs; the training queue writes that to the log
            yield to_json(ErrorReply(find_text("error", FAILED)))

    offered = choices()
    with gr.Column(elem_id="train"):
        calls = DirectEndpoint(partial(wait, queue)), DirectEndpoint(partial(stop, queue))
        form = component(
            "train/form", *calls, preview, elem_id="train_form", events=("start",), slots=queue.slots, **offered
        )
        with gr.Column(elem_id="train-side"):
            component("train/ten_digits", elem_id="train_ten_digits")
            component("train/runs", elem_id="train_runs", noises=offered["noises"], losses=offered["losses"])
            component("train/result", partial(checkpoint, user_models), elem_id="train_result", most=MAX_USER_MODELS)
            component("train/curves", elem_id="train_curves")
            component("train/filters", elem_id="train_filters")
    snapshots = component("train/snapshots", elem_id="train_snapshots", template="<span hidden></span>")
    form.start(
        begin,
        form,
        snapshots,
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=queue.slots,
        api_visibility="private",
    )


def choices() -> dict:
    """What the form offers."""
    return {
        "widths": live_training.WIDTHS,
        "codes": live_training.CODES,
        "noises": {name: find_text("noise", noise.label) for name, noise in NOISES.items()},
        "losses": {name: find_text("loss", LOSS_TITLES[name][0]) for name in LOSSES},
        "rates": live_training.RATES,
        "factors": live_training.FACTORS,
        "first": live_training.DEFAULTS,
        "well": live_training.FAMILY_DEFAULTS,
        "parameters": live_training.parameter_counts(),
        "seconds": live_training.MAX_SECONDS,
        "shortest": MIN_SECONDS,
        "mnist": live_training.has_mnist(),
        "borrowed": live_training.spaces is not None,
    }
