"""The Latent space page: the plane of every two-dimensional VAE as a map to walk, side by side if there are several.

What a map needs is prepared once per checkpoint and sent once per visit; the pointer is then answered in the browser.
"""

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import gradio as gr
import torch

from ... import latent
from ...runtime.malloc import release_freed_memory
from ..components import component, static_files
from ..i18n import find_text
from ..parsing import GRID_AREAS, GRID_SIZES
from ..server import logging as log
from ..serving.latent_map import LatentMap
from ..serving.model_pool import ModelPool
from .handlers import LatentMaps, dozen, film, grid, morph, own, point


def build(pool: ModelPool) -> None:
    """Lay out the page inside the current gr.Blocks."""
    maps = {name: LatentMap(pool, name) for name, model in pool.models.items() if latent.has_plane(model)}
    if not maps:
        component("latent/no_maps", command="python -m denoiser train vae-2d", elem_id="latent_no_maps")
        return
    first = next((name for name in maps if name in pool.featured), next(iter(maps)))
    files = map_files(maps)
    threading.Thread(target=prepare, args=(maps, files)).start()  # no daemon: C++ aborts where its thread is cut off

    def bound(function: Callable) -> Callable[[Any], Any]:
        return partial(function, maps)

    with gr.Column(elem_id="latent"):
        component(
            "latent/map/map",
            data=files,
            names=list(maps),
            titles={name: find_text("recipe", pool.records[name].recipe.title) for name in maps},
            first=first,
            reach=latent.REACH,
        )
        with gr.Column(elem_id="latent-side"):
            component("latent/side/reading", bound(point), referee=pool.referee is not None, elem_id="latent_reading")
            component("latent/side/drawn_digit", bound(own), elem_id="latent_drawn_digit")
        component("latent/morph", bound(morph), bound(film), elem_id="latent_morph")
        component("latent/samples", bound(dozen), elem_id="latent_samples")
        component("latent/grid", bound(grid), sizes=list(GRID_SIZES), areas=list(GRID_AREAS), elem_id="latent_grid")
        component("latent/explanation", elem_id="latent_explanation")


def map_files(maps: LatentMaps) -> dict[str, str]:
    """The address of each map's file, by name."""

    def content(latent_map: LatentMap) -> bytes:
        return json.dumps(latent_map.reply(), separators=(",", ":")).encode()

    return {
        name: static_files().add(f"{name}.json", latent_map.fingerprint, partial(content, latent_map))
        for name, latent_map in maps.items()
    }


def prepare(maps: LatentMaps, files: dict[str, str]) -> None:
    """Compute every map and compress its file, and walk on it, before the first visitor asks."""
    for name, latent_map in maps.items():
        try:
            static_files().prepare(files[name])
            if latent_map.class_density is not None:
                start, end = torch.from_numpy(latent_map.class_density.centres[:2])
                latent.along_data(start, end, latent_map.class_density)  # loads what finds the way
        except Exception as error:
            log.error("a map could not be prepared", model=name, **log.about(error))
    release_freed_memory()
