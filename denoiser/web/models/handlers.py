"""What the Models page asks the server: a model's entry, what is inside it, and how models compare on digits."""

import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache, cached_property

import torch
from torch import Tensor, nn

from ... import inspection
from ...checkpoint import CheckpointError, load_record
from ...data import SIDE
from ...evaluation import PERIODS
from ...losses import loss_title_key
from ...models import parameter_count
from ...noise import NOISES, add_noise, draw_noise
from ...recipe import Recipe, trained_noise
from ...record import Record
from ...styles import line_styles
from ..i18n import find_text
from ..parsing import NO_LAYER, NO_MODEL, BadRequest
from ..server import logging as log
from ..serving.digits import many_digits, ten_digits
from ..serving.model_pool import ModelPool, label_of
from ..serving.record_text import facts, noise_text, sparsity_text
from ..wire import encode_pixels, mean_psnr, stretch, tile_sheet
from .results import Results, read_results
from .schemas import (
    InsideReply,
    InsideRequest,
    ModelRequest,
    SpectrumReply,
    SpectrumRequest,
    SpectrumRow,
    Stage,
    TenReply,
    TenRequest,
    TenRow,
    WeightsReply,
)

IMAGE = (1, 1, SIDE, SIDE)


class ModelsHandler:
    """What the page shows of each model, and the answers to its requests. Nothing here changes."""

    def __init__(self, pool: ModelPool):
        self.models = dict(pool.models)
        self.records = dict(pool.records)
        self.featured = pool.featured
        if pool.referee is not None:
            try:
                self.records[pool.referee_name] = load_record(pool.referee_name)
                self.models[pool.referee_name] = pool.referee
            except CheckpointError:
                pass  # listed apart from the models, and it may be served without its record

    @cached_property
    def results(self) -> Results:
        """The figures over the test set."""
        return read_results()

    @cached_property
    def entries(self) -> list[dict]:
        """Everything of every model that needs no digit, in the pool's order."""
        styles = line_styles({name: record.recipe.family for name, record in self.records.items()}, self.featured)
        psnr, codes = self.results.psnr, self.results.codes
        return [
            entry(name, self.models[name], record, codes.get(name))
            | {"style": styles[name].css(), "curve": psnr.get(name, []), "featured": name in self.featured}
            for name, record in self.records.items()
        ]

    def known(self, name: str) -> str:
        """The name itself; BadRequest where there is no such model."""
        if name not in self.models:
            raise BadRequest(NO_MODEL)
        return name

    @torch.inference_mode()
    def inside(self, request: InsideRequest) -> InsideReply:
        """What a model makes of the visitor's digit, and one of its layers as tiles."""
        name = self.known(request.model)
        model, recipe, clean = self.models[name], self.records[name].recipe, request.digit
        noisy = recipe.task != "reconstruct"
        x = add_noise(clean, draw_noise(request.kind, clean.shape, request.seed), request.factor) if noisy else clean
        y = model(x)
        reply = InsideReply(encode_pixels(x), noisy)
        if y.shape == x.shape:
            y = y.clamp(0, 1)
            reply = replace(reply, output=encode_pixels(y), psnr=[mean_psnr(x, clean), mean_psnr(y, clean)])
        else:
            sure, digit = torch.softmax(y[0].float(), 0).max(0)
            reply = replace(reply, reading=(int(digit), float(sure)))
        if not parameter_count(model):
            return reply
        rows = inspection.layers(model, x)
        step = request.step
        if step is None:
            step = next((index for index, row in enumerate(rows) if row.is_code), len(rows) - 1)
        if step >= len(rows):
            raise BadRequest(NO_LAYER)
        sheet = tile_sheet(rows[step].output, inspection.tiles(rows[step].output))
        return replace(reply, step=step, sheet=sheet, stages=stages(rows))

    @torch.inference_mode()
    def weights(self, request: ModelRequest) -> WeightsReply:
        """The first layer's weights as tiles, the first of them where there are many."""
        weights = inspection.first_weights(self.models[self.known(request.model)])
        return WeightsReply(None if weights is None else tile_sheet(weights, weights, each=True))

    @torch.inference_mode()
    def ten(self, request: TenRequest) -> TenReply:
        """Ten digits, made noisy as the first model was trained, and what each model asked for makes of them."""
        names = [self.known(name) for name in request.models[: len(self.models)]]
        clean, origin = ten_digits(request.turn)
        kind, factor = trained_noise(self.records[names[0]].recipe)
        field = draw_noise(kind, clean.shape, [10 * request.turn + index for index in range(len(clean))])
        noisy = add_noise(clean, field, factor)
        rows = [TenRow("noisy", encode_pixels(noisy), mean_psnr(noisy, clean))] if factor else []
        for name in names:
            pictures = self.models[name](noisy)
            if pictures.shape != clean.shape:
                continue  # it reads, and makes no pictures
            pictures = pictures.clamp(0, 1)
            rows.append(TenRow(name, encode_pixels(pictures), mean_psnr(pictures, clean)))
        rows.append(TenRow("original", encode_pixels(clean), None))
        return TenReply(rows, origin, find_text("noise", NOISES[kind].label), factor)

    def spectrum(self, request: SpectrumRequest) -> SpectrumReply:
        """The checkerboard in what a model makes, before and after training, or in the digits themselves."""
        name = request.model
        if name is not None:
            recipe = self.records[self.known(name)].recipe
            if not isinstance(recipe, Recipe) or recipe.task == "read":  # a filter has not been trained
                raise BadRequest(NO_MODEL)
        return self.checkerboards(name)

    @cache  # noqa: B019 (one handler lives as long as the page)
    @torch.inference_mode()
    def checkerboards(self, name: str | None) -> SpectrumReply:
        """The answer to `spectrum`: the same for everybody, so computed once."""
        clean = many_digits()
        if name is None:
            return SpectrumReply(len(clean), [patterns("test digits", clean)])
        recipe = self.records[name].recipe
        kind, factor = trained_noise(recipe)
        noisy = add_noise(clean, draw_noise(kind, clean.shape, 0), factor)
        views = inspection.checkerboard_views(self.models[name], recipe, noisy)
        shown = {"trained": views["trained"][0]}  # the others have values beyond 0 to 1
        rows = [patterns(view, pictures, shown.get(view, stretch(pictures[0]))) for view, pictures in views.items()]
        return SpectrumReply(len(clean), rows)


def stages(rows: list[inspection.Layer]) -> list[Stage]:
    """Of each run of layers of one size the last, or the code, with the tile that varies most."""
    found = []
    for index, row in enumerate(rows):
        following = rows[index + 1] if index + 1 < len(rows) else None
        if following is not None and size(following) == size(row) and not row.is_code:
            continue
        tiles = inspection.tiles(row.output)
        most = int(tiles.flatten(1).std(dim=1, correction=0).argmax())
        found.append(Stage(index, tile_sheet(row.output, tiles[most : most + 1]) | {"exact": None}))
    return found


def size(layer: inspection.Layer) -> int:
    """How many values a picture of a layer has, or its vector: 784 for both of 28 x 28."""
    return math.prod(layer.shape[-2:])


def entry(name: str, model: nn.Module, record: Record, code: Mapping | None = None) -> dict:
    """A model's row in the table and the facts of its own part of the page; `code` says how sparse its code is."""
    method, history = record.recipe, record.history
    recipe = method if isinstance(method, Recipe) else None
    try:
        rows = inspection.layers(model, torch.zeros(IMAGE)) if record.parameters else []
    except Exception as error:
        log.error("a model failed", model=name, **log.about(error))
        rows = []
    return {
        "name": name,
        "label": label_of(method),
        "title": find_text("recipe", method.title),
        "family": method.family,
        "task": method.task,
        "trained_on": noise_text(method),
        "parameters": record.parameters,
        "bytes": record.bytes,
        "epochs": len(history),
        "seconds": record.seconds,
        "device": record.device or None,
        "loss": loss_title_key(recipe.family, recipe.loss) if recipe and history else None,
        "train": [epoch.train for epoch in history],
        "validation": [epoch.validation for epoch in history],
        "headline": find_text("recipe", recipe.headline) if recipe else "",
        "headline_bce": recipe.headline_bce if recipe else None,
        "source": asdict(method.source) if method.source else None,
        "note": find_text("recipe", recipe.note) if recipe else "",
        "facts": facts(record) + sparsity_text(code),
        "layers": [
            {
                "part": row.part,
                "phrases": [find_text("layer", *phrase) for phrase in row.phrases],
                "shape": row.shape,
                "parameters": row.parameters,
                "code": row.is_code,
            }
            for row in rows
        ],
        "enlarging": [find_text("layer", kind) for kind in inspection.upsampling_kinds(model)],
        "network": recipe.network if recipe else None,
    }


def patterns(view: str, pictures: Tensor, shown: Tensor | None = None) -> SpectrumRow:
    """One picture, the spectrum of all (frequency 0 in the middle, decibels as grey), and the checkerboard measure."""
    shown = pictures[0] if shown is None else shown
    power = torch.fft.fftshift(inspection.power_spectrum(pictures))
    level = (10 * torch.log10(power + 1e-9)).clamp_min(-30)
    period2, period4 = (inspection.checkerboard(pictures, period) for period in PERIODS)
    return SpectrumRow(view, encode_pixels(shown), encode_pixels(stretch(level)), period2, period4)
