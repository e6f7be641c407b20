"""The page of possible originals: what a noisy digit may have been, where that is in doubt, and dreams."""

import threading
from collections.abc import Callable

import gradio as gr

from ...data import SIDE
from ..components import component, static_files
from ..endpoint import BatchedEndpoint, as_endpoint
from ..parsing import DREAM_STEPS, ORIGINALS
from ..server import logging as log
from ..serving.digits import example_digits
from ..serving.model_pool import ModelPool
from .handlers import (
    BLENDS,
    COMPLETIONS,
    DREAMS,
    FEWEST,
    FIRST,
    MNIST_SHARES,
    REAL_SHARPNESS,
    OriginalsHandler,
    measured,
)


def build(pool: ModelPool) -> None:
    """Lay out the tab inside the current gr.Blocks."""
    if pool.sampling is None:
        component("originals/none", command="python -m denoiser train sampler", elem_id="originals_none")
        return
    handler = OriginalsHandler(pool, pool.sampling)
    threading.Thread(target=prepare, args=(handler,)).start()  # no daemon: C++ aborts where its thread is cut off
    figures = measured(pool.sampling.name)

    def lane(function: Callable) -> BatchedEndpoint:
        return as_endpoint(function, "originals")

    with gr.Column(elem_id="originals"):
        component(
            "originals/wall",
            lane(handler.originals),
            elem_id="originals_wall",
            count=ORIGINALS,
            gaussianOnly=pool.sampling.gaussian_only,
            measured=figures["originals"],
            fewest=FEWEST,
            examples=static_files().add_json("examples.json", example_digits()),
        )
        component("originals/doubt", elem_id="originals_doubt", pixels=SIDE * SIDE)
        component(
            "originals/blend", lane(handler.blends), elem_id="originals_blend", steps=BLENDS, sharpness=REAL_SHARPNESS
        )
        component("originals/eraser", lane(handler.complete), elem_id="originals_eraser", count=COMPLETIONS)
        component(
            "originals/dream",
            lane(handler.dream),
            lane(handler.fork),
            elem_id="originals_dream",
            steps=DREAM_STEPS,
            first=FIRST,
        )
        component(
            "originals/dreams",
            lane(handler.dreams),
            elem_id="originals_dreams",
            count=DREAMS,
            first=FIRST,
            shares=list(MNIST_SHARES),
            measured=figures["dreams"],
        )


def prepare(handler: OriginalsHandler) -> None:
    """Compute the first dreams before the first visitor looks at them."""
    try:
        handler.first_dream()
        handler.first_dreams()
    except Exception as error:
        log.error("the first dreams could not be computed", **log.about(error))
