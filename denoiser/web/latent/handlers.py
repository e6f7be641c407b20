"""What the Latent space page asks the server.

A request names the maps that it is about, and the reply has what each of them answers, by its name.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ... import latent
from ...errors import DenoiserError
from ...referee import class_probabilities, confident_share
from ...sweeps import NOISE_FACTORS
from ..parsing import FILMS, NO_MAP, BadRequest
from ..server import logging as log
from ..serving.latent_map import LatentMap
from ..wire import encode_pixels, to_base64
from .schemas import (
    FilmReply,
    FilmRequest,
    Grid,
    GridRequest,
    MapsReply,
    Morph,
    MorphRequest,
    Nearest,
    OwnReply,
    OwnRequest,
    OwnTrack,
    PointRequest,
    PointView,
    Samples,
    SamplesReply,
    SamplesRequest,
)

SAMPLES = 12

LatentMaps = dict[str, LatentMap]
Value = TypeVar("Value")
Answer = TypeVar("Answer")


def named(maps: LatentMaps, names: Iterable[str]) -> list[LatentMap]:
    """The maps with these names; BadRequest where there is no such map."""
    names = list(names)
    if not all(name in maps for name in names):
        raise BadRequest(NO_MAP)
    return [maps[name] for name in names]


def answers(
    maps: LatentMaps, values: Mapping[str, Value], answer: Callable[[LatentMap, Value], Answer]
) -> dict[str, Answer]:
    """What maps answer to values, by their names; a map whose model fails is left out, unless all fail."""
    found, failure = {}, None
    for latent_map, value in zip(named(maps, values), values.values(), strict=True):
        try:
            found[latent_map.name] = answer(latent_map, value)
        except DenoiserError:  # it is the request that is wrong
            raise
        except Exception as error:
            log.error("a model failed", model=latent_map.name, **log.about(error))
            failure = error
    if failure and not found:
        raise failure
    return found


def each(maps: LatentMaps, names: Iterable[str], answer: Callable[[LatentMap], Answer]) -> dict[str, Answer]:
    """`answers` of maps that need no value."""
    return answers(maps, dict.fromkeys(names), lambda latent_map, _: answer(latent_map))


def point(maps: LatentMaps, request: PointRequest) -> MapsReply:
    """A latent point on each map, decoded exactly, with the referee's reading and the nearest test digit."""

    def view(latent_map: LatentMap, z: Tensor) -> PointView:
        picture = latent.decode(latent_map.model, z.unsqueeze(0))
        nearest = None
        if latent_map.codes is not None:
            distance = np.hypot(*(latent_map.codes.mu - z.numpy()).T)
            index = int(distance.argmin())
            nearest = Nearest(int(latent_map.codes.labels[index]), float(distance[index]))
        return PointView(encode_pixels(picture[0]), readings(latent_map, picture)[0], nearest)

    return MapsReply(answers(maps, request.places, view))


def own(maps: LatentMaps, request: OwnRequest) -> OwnReply:
    """Where the visitor's digit lands, and where noise takes it."""
    x, kind, seed = request.picture, request.kind, request.seed
    drifts = each(
        maps, request.names, lambda here: latent.drift(here.model, x, kind, seed, NOISE_FACTORS, here.referee)
    )

    def track(drift: latent.Drift) -> OwnTrack:
        comparison = drift.comparison
        probabilities, drawn = comparison.readings, comparison.clean_reading
        return OwnTrack(
            mu=drift.mu.tolist(),
            sigma=drift.sigma.tolist(),
            decoded=[encode_pixels(picture) for picture in comparison.pictures[1]],
            crossing=drift.crossing,
            reads=None if probabilities is None else probabilities[1].argmax(dim=1).tolist(),
            drawn=None if drawn is None else int(drawn.argmax()),
        )

    noisy = next(iter(drifts.values())).comparison.pictures[0]
    return OwnReply(
        factors=list(NOISE_FACTORS),
        noisy=[encode_pixels(picture) for picture in noisy],
        maps={name: track(drift) for name, drift in drifts.items()},
    )


def walks(maps: LatentMaps, request: MorphRequest) -> dict[str, tuple[Tensor, Tensor]]:
    """The morphs of a request, by map: latent points and pictures."""

    def walk(latent_map: LatentMap, ends: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        if request.along and latent_map.class_density is None:
            raise BadRequest("Without the test digits there is no data to go along.")
        return latent.morph(latent_map.model, *ends, density=latent_map.class_density if request.along else None)

    return answers(maps, request.ends, walk)


def morph(maps: LatentMaps, request: MorphRequest) -> MapsReply:
    """The latent points and pictures of each morph, with the referee's readings."""

    def reply(name: str, points: Tensor, pictures: Tensor) -> Morph:
        return Morph(points.tolist(), [encode_pixels(picture) for picture in pictures], readings(maps[name], pictures))

    return MapsReply({name: reply(name, *walk) for name, walk in walks(maps, request).items()})


def film(maps: LatentMaps, request: FilmRequest) -> FilmReply:
    """The morphs as a file, one map above the other: an animated GIF there and back, or a PNG strip."""
    rows = torch.stack([pictures for _, pictures in walks(maps, request).values()])  # maps x steps x 28 x 28
    levels = (rows * 255).round().to(torch.uint8).numpy()
    if request.kind == "png":
        strip = levels.transpose(0, 2, 1, 3).reshape(-1, levels.shape[1] * levels.shape[3])
        content = save([enlarge(strip, 3)], "PNG")
    else:
        columns = levels.transpose(1, 0, 2, 3).reshape(levels.shape[1], -1, levels.shape[3])
        content = save([enlarge(column, 8) for column in [*columns, *columns[-2:0:-1]]], "GIF")
    return FilmReply(FILMS[request.kind], content)


def grid(maps: LatentMaps, request: GridRequest) -> MapsReply:
    """The classic picture of n x n decoded digits, and how sharp and readable they are."""
    n, area = request.n, request.area
    points = latent.quantile_lattice(n) if area == "quantiles" else latent.lattice(n, float(area))

    def sheet(latent_map: LatentMap) -> Grid:
        pictures = latent.decode(latent_map.model, points)
        real = latent_map.codes.sharpness if latent_map.codes else None
        return Grid(
            content=save([Image.fromarray(latent.contact_sheet(pictures))], "PNG"),
            sharpness=latent.sharpness(pictures).mean().item() / real if real else None,
            readable=confident_share(latent_map.referee, pictures) if latent_map.referee else None,
        )

    return MapsReply(each(maps, request.names, sheet))


def dozen(maps: LatentMaps, request: SamplesRequest) -> SamplesReply:
    """Twelve latent points drawn from the prior, and what each map decodes there."""
    drawn = each(maps, request.names, lambda here: latent.sample(here.model, SAMPLES, request.seed))
    points = next(iter(drawn.values()))[0]  # the same for all of them

    def samples(name: str, pictures: Tensor) -> Samples:
        return Samples([encode_pixels(picture) for picture in pictures], readings(maps[name], pictures))

    return SamplesReply(points.tolist(), {name: samples(name, pictures) for name, (_, pictures) in drawn.items()})


def readings(latent_map: LatentMap, pictures: Tensor) -> list[list[float] | None]:
    """The referee's probabilities of each picture (B, 28, 28), or Nones without a referee."""
    if latent_map.referee is None:
        return [None] * len(pictures)
    return [[round(p, 4) for p in row] for row in class_probabilities(latent_map.referee, pictures).tolist()]


def enlarge(level: np.ndarray, times: int) -> Image.Image:
    """A picture whose pixels are squares of `times` x `times`."""
    return Image.fromarray(level.repeat(times, axis=0).repeat(times, axis=1))


def save(frames: list[Image.Image], kind: str) -> str:
    """The frames as one file, base64."""
    file = io.BytesIO()
    options: dict[str, Any] = (
        {"save_all": True, "append_images": frames[1:], "duration": 130, "loop": 0} if kind == "GIF" else {}
    )
    frames[0].save(file, kind, optimize=kind == "PNG", **options)
    return to_base64(file.getvalue())
