"""The Latent space tab: the plane of every two-dimensional VAE as a map to walk, side by side where there are several.

What a map needs is prepared once per checkpoint and sent once per visit; the pointer is then answered in the browser.
A question names the maps it is about, and its answer has what each of them says under "maps".
"""

import io
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ... import latent
from ...errors import DenoiserError
from ...referee import class_probabilities, confident_share
from ..components import component
from ..denoise.tab import digit_of, encode, noise_of
from ..endpoint import BadRequest
from ..server import logging as log
from ..serving.latent_map import LatentMap
from ..serving.model_pool import ModelPool
from ..wire import to_base64

GRID_SIZES = (10, 15, 20, 30)
GRID_AREAS = {"quantiles": "prior quantiles", "2": "plane to 2σ", "3": "plane to 3σ", "4": "plane to 4σ"}
DOZEN = 12
HIGHEST_SEED = 2**31 - 1
FILMS = {"gif": "image/gif", "png": "image/png"}


# ---------- what the browser may ask ----------

LatentMaps = dict[str, LatentMap]


def charts_of(charts: LatentMaps, request: dict) -> list[LatentMap]:
    """The maps that the request names."""
    names = request.get("names")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name in charts for name in names):
        raise BadRequest("There is no such map.")
    return [charts[name] for name in dict.fromkeys(names)]


def place_of(value: object) -> Tensor:
    """A place (2,) from the request; LatentPointError where it is none, or off the map."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(v) in (int, float) for v in value):
        raise latent.LatentPointError("A place on the map is two numbers.")
    return latent.latent_points([value])[0]


def maps(asked: Iterable[tuple[LatentMap, Any]], answer: Callable[[LatentMap, Any], Any]) -> dict[str, Any]:
    """What each map answers to what it is asked; a map whose model fails is left out, unless all fail."""
    found, failure = {}, None
    for here, value in asked:
        try:
            found[here.name] = answer(here, value)
        except DenoiserError:  # what is wrong is the question
            raise
        except Exception as error:
            log.error("a model failed", model=here.name, **log.about(error))
            failure = error
    if failure and not found:
        raise failure
    return found


def each(charts: LatentMaps, request: dict, answer: Callable[[LatentMap], Any]) -> dict[str, Any]:
    """`maps` of those that the request names."""
    return maps(((here, None) for here in charts_of(charts, request)), lambda here, _: answer(here))


def chart(charts: LatentMaps, request: dict) -> dict:
    """The whole of each map."""
    return {"maps": each(charts, request, LatentMap.reply)}


def named(charts: LatentMaps, values: object) -> list[tuple[LatentMap, object]]:
    """The maps that a request gives values for by name, with these values."""
    if not isinstance(values, dict):
        raise BadRequest("There is no such map.")
    return [(here, values[here.name]) for here in charts_of(charts, {"names": list(values)})]


def point(charts: LatentMaps, request: dict) -> dict:
    """The place on each map of `places`, decoded exactly, with the referee's reading and the nearest test digit."""

    def seen(here: LatentMap, z: Tensor) -> dict:
        picture = latent.decode(here.model, z.unsqueeze(0))
        nearest = None
        if here.codes is not None:
            distance = np.hypot(*(here.codes.mu - z.numpy()).T)
            at = int(distance.argmin())
            nearest = {"digit": int(here.codes.labels[at]), "distance": float(distance[at])}
        return {"picture": encode(picture[0]), "reading": readings(here, picture)[0], "nearest": nearest}

    places = named(charts, request.get("places"))
    return {"maps": maps(places, lambda here, value: seen(here, place_of(value)))}


def own(charts: LatentMaps, request: dict) -> dict:
    """Where the visitor's digit lands, and where noise takes it."""
    kind, seed, factors = noise_of(request | {"factors": None})
    x, _ = digit_of({"picture": request.get("picture")}, seed)
    paths = each(charts, request, lambda here: latent.drift(here.model, x, kind, seed, factors, here.referee))

    def track(path: latent.Drift) -> dict:
        read = path.comparison.readings
        return {
            "mu": path.mu.tolist(),
            "sigma": path.sigma.tolist(),
            "decoded": [encode(picture) for picture in path.comparison.pictures[1]],
            "crossing": path.crossing,
            "reads": None if read is None else read[1].argmax(dim=1).tolist(),
            "drawn": None if read is None else int(path.comparison.clean_reading.argmax()),
        }

    noisy = next(iter(paths.values())).comparison.pictures[0]
    return {
        "factors": list(factors),
        "noisy": [encode(picture) for picture in noisy],
        "maps": {name: track(path) for name, path in paths.items()},
    }


def walks(charts: LatentMaps, request: dict) -> dict[str, tuple[Tensor, Tensor]]:
    """The morphs that the request describes, by map: places and pictures. `ends` has a pair of places for each map."""
    along = request.get("along") is True

    def walk(here: LatentMap, pair: object) -> tuple[Tensor, Tensor]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise latent.LatentPointError("A morph goes from one place to another.")
        if along and here.class_density is None:
            raise BadRequest("Without the test digits there is no data to go along.")
        return latent.morph(here.model, *map(place_of, pair), density=here.class_density if along else None)

    return maps(named(charts, request.get("ends")), walk)


def morph(charts: LatentMaps, request: dict) -> dict:
    """The places and pictures of each walk, with the referee's readings."""
    return {
        "maps": {
            name: {
                "places": places.tolist(),
                "pictures": [encode(picture) for picture in pictures],
                "readings": readings(charts[name], pictures),
            }
            for name, (places, pictures) in walks(charts, request).items()
        }
    }


def film(charts: LatentMaps, request: dict) -> dict:
    """The same as a file, one map above the other: an animated GIF there and back, or a PNG strip."""
    kind = request.get("kind")
    if kind not in FILMS:
        raise BadRequest("A morph can be saved as GIF or PNG.")
    rows = torch.stack([pictures for _, pictures in walks(charts, request).values()])  # maps x steps x 28 x 28
    levels = (rows * 255).round().to(torch.uint8).numpy()
    if kind == "png":
        strip = levels.transpose(0, 2, 1, 3).reshape(-1, levels.shape[1] * levels.shape[3])
        return {"type": FILMS[kind], "content": save([enlarge(strip, 3)], "PNG")}
    columns = levels.transpose(1, 0, 2, 3).reshape(levels.shape[1], -1, levels.shape[3])
    frames = [enlarge(column, 8) for column in [*columns, *columns[-2:0:-1]]]
    return {"type": FILMS[kind], "content": save(frames, "GIF")}


def grid(charts: LatentMaps, request: dict) -> dict:
    """The classic picture of n x n decoded digits, as PNG, and how sharp and readable they are.

    `sharpness` is a share of the test digits' own, None where that is not known.
    """
    n, area = request.get("n"), request.get("area")
    if n not in GRID_SIZES or area not in GRID_AREAS:
        raise BadRequest("There is no such grid.")
    places = latent.quantile_lattice(n) if area == "quantiles" else latent.lattice(n, float(area))

    def sheet(here: LatentMap) -> dict:
        pictures = latent.decode(here.model, places)
        real = here.codes.sharpness if here.codes else None
        return {
            "content": save([Image.fromarray(latent.contact_sheet(pictures))], "PNG"),
            "sharpness": latent.sharpness(pictures).mean().item() / real if real else None,
            "readable": confident_share(here.referee, pictures) if here.referee else None,
        }

    return {"maps": each(charts, request, sheet)}


def dozen(charts: LatentMaps, request: dict) -> dict:
    """Twelve places drawn from the prior, and what each map decodes there."""
    seed = request.get("seed")
    if type(seed) is not int or not 0 <= seed <= HIGHEST_SEED:
        raise BadRequest(f"The seed must be a whole number from 0 to {HIGHEST_SEED}.")
    samples = each(charts, request, lambda here: latent.sample(here.model, DOZEN, seed))
    places = next(iter(samples.values()))[0]  # the same for all of them

    def drawn(name: str, pictures: Tensor) -> dict:
        return {"pictures": [encode(picture) for picture in pictures], "readings": readings(charts[name], pictures)}

    return {"places": places.tolist(), "maps": {name: drawn(name, pictures) for name, (_, pictures) in samples.items()}}


def readings(here: LatentMap, pictures: Tensor) -> list:
    """The referee's probabilities of each picture (B, 28, 28), or Nones without a referee."""
    if here.referee is None:
        return [None] * len(pictures)
    return [[round(p, 4) for p in row] for row in class_probabilities(here.referee, pictures).tolist()]


def enlarge(level: np.ndarray, times: int) -> Image.Image:
    """A picture whose pixels are squares of `times` x `times`."""
    return Image.fromarray(level.repeat(times, axis=0).repeat(times, axis=1))


def save(frames: list[Image.Image], kind: str) -> str:
    """The frames as one file, base64."""
    file = io.BytesIO()
    options = {"save_all": True, "append_images": frames[1:], "duration": 130, "loop": 0} if kind == "GIF" else {}
    frames[0].save(file, kind, optimize=kind == "PNG", **options)
    return to_base64(file.getvalue())


# ---------- the tab ----------


def build(pool: ModelPool) -> None:
    """Lay out the tab inside the current gr.Blocks."""
    charts = {name: LatentMap(pool, name) for name, model in pool.models.items() if latent.has_plane(model)}
    if not charts:
        component("latent/none", command="python -m denoiser train vae-2d", elem_id="latent_none")
        return
    first = next((name for name in charts if name in pool.featured), next(iter(charts)))
    threading.Thread(target=prepare, args=(charts,)).start()  # no daemon: C++ aborts where its thread is cut off

    def bound(function):
        return partial(function, charts)

    with gr.Column(elem_id="latent"):
        component("latent/map", bound(chart), names=list(charts), first=first, reach=latent.REACH)
        with gr.Column(elem_id="latent-side"):
            component("latent/reading", bound(point), referee=pool.referee is not None, elem_id="latent_reading")
            component("latent/own", bound(own), elem_id="latent_own")
        component("latent/morph", bound(morph), bound(film), elem_id="latent_morph")
        component("latent/new", bound(dozen), elem_id="latent_new")
        component("latent/grid", bound(grid), sizes=list(GRID_SIZES), areas=GRID_AREAS, elem_id="latent_grid")
        component("latent/text", elem_id="latent_text")


def prepare(charts: LatentMaps) -> None:
    """Compute every map, and walk on it, before the first visitor asks."""
    for here in charts.values():
        try:
            here.reply()
            if here.class_density is not None:
                latent.along_data(
                    *torch.from_numpy(here.class_density.centres[:2]), here.class_density
                )  # loads what finds the way
        except Exception as error:
            log.error("a map could not be prepared", model=here.name, **log.about(error))
