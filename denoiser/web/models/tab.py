"""The Models tab: every model with its record, its layers, its learning curves, and what is inside it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache, cached_property

import numpy as np
import torch
from torch import Tensor

from ... import inspection
from ...checkpoint import FOLDER, CheckpointError, load_record
from ...data import SIDE
from ...evaluation import PERIODS, SPECTRUM_DIGITS
from ...ink import digit_from_strokes
from ...losses import LOSS_TITLES, loss_title_key
from ...metrics import psnr
from ...models import parameter_count
from ...noise import NOISES, add_noise, draw_noise
from ...recipe import Method, Recipe, trained_noise
from ...record import Record
from ...styles import line_styles
from ..component import BadRequest
from ..components import component
from ..server import logging as log
from ..serving.model_pool import ModelPool, mnist_test

IMAGE = (1, 1, SIDE, SIDE)
TABLE_FACTORS = ("0.5", "0.7")  # noise factors whose test PSNR stands in the table
SHOWN_TILES = 64  # weights or maps sent at most
WEIGHT_SHARE = 0.99  # of a tile's weights that fall within the colours' range
OPTIMIZERS = {"adadelta": "Adadelta", "adam": "Adam", "adamw": "AdamW"}
PENALTIES = {
    "code_l1": "L1 on the code",
    "weight_l1": "L1 on the weights",
    "kl": "weight of the KL term",
    "smoothing": "labels softened by",
}


def build(pool: ModelPool) -> None:
    """The whole tab, one component."""
    shelf = Shelf(pool)
    component(
        "models/models",
        shelf.inside,
        shelf.weights,
        shelf.ten,
        shelf.spectrum,
        entries=shelf.entries,
        factors=TABLE_FACTORS,
        losses=LOSS_TITLES,
        noises={name: noise.label for name, noise in NOISES.items()},
    )


class Shelf:
    """What the tab shows of each model, and the answers to what it asks. Read only."""

    def __init__(self, pool: ModelPool):
        self.models = dict(pool.models)
        self.records = dict(pool.records)
        self.featured = pool.featured
        if pool.referee is not None:
            try:
                self.records["referee"] = load_record("referee")
                self.models["referee"] = pool.referee
            except CheckpointError:
                pass  # listed apart from the models, and it may be served without its record

    @cached_property
    def entries(self) -> list[dict]:
        """Everything of every model that needs no digit, in the pool's order."""
        styles = line_styles({name: record.recipe.family for name, record in self.records.items()}, self.featured)
        curves, codes = measured()
        return [
            entry(name, self.models[name], record, codes.get(name))
            | {"style": asdict(styles[name]), "curve": curves.get(name, []), "ground": curves.get("noisy", [])}
            for name, record in self.records.items()
        ]

    def named(self, request: dict) -> str:
        """The model a request asks for."""
        name = request.get("model")
        if not isinstance(name, str) or name not in self.models:
            raise BadRequest("There is no such model here.")
        return name

    @torch.inference_mode()
    def inside(self, request: dict) -> dict:
        """What a model makes of the visitor's digit, and one of its layers as tiles; `step` null asks for the code."""
        name = self.named(request)
        model, recipe = self.models[name], self.records[name].recipe
        clean = read_digit(request.get("digit"))
        x = clean if recipe.task == "reconstruct" else noisy_as_asked(clean, request)
        y = model(x)
        reply: dict = {"input": pack(x), "noisy": recipe.task != "reconstruct"}
        if y.shape == x.shape:
            y = y.clamp(0, 1)
            reply |= {"output": pack(y), "psnr": [decibels(x, clean), decibels(y, clean)]}
        else:
            sure, digit = torch.softmax(y[0].float(), 0).max(0)
            reply["reading"] = [int(digit), float(sure)]
        if parameter_count(model):
            rows = inspection.layers(model, x)
            step = request.get("step")
            if step is None:
                step = next((place for place, row in enumerate(rows) if row.is_code), len(rows) - 1)
            if not isinstance(step, int) or isinstance(step, bool) or not 0 <= step < len(rows):
                raise BadRequest("This model has no such layer.")
            reply |= {"step": step, "sheet": sheet(rows[step].output, inspection.tiles(rows[step].output))}
        return reply

    @torch.inference_mode()
    def weights(self, request: dict) -> dict:
        """The first layer's weights as tiles, the first of them where there are many."""
        weights = inspection.first_weights(self.models[self.named(request)])
        return {"sheet": None if weights is None else sheet(weights, weights, each=True)}

    @torch.inference_mode()
    def ten(self, request: dict) -> dict:
        """Ten digits, made noisy as the first model was trained, and what each model asked for makes of them."""
        names = request.get("models")
        if not isinstance(names, list) or not 0 < len(names) <= len(self.models):
            raise BadRequest("There is no such model here.")
        names = [self.named({"model": name}) for name in names]
        turn = request.get("turn", 0)
        if isinstance(turn, bool) or not isinstance(turn, int) or not 0 <= turn < 1_000_000:
            raise BadRequest("There is no such row of digits.")
        clean, origin = ten_digits(turn)
        kind, factor = trained_noise(self.records[names[0]].recipe)
        field = draw_noise(kind, clean.shape, [10 * turn + place for place in range(len(clean))])
        noisy = add_noise(clean, field, factor)
        rows = [{"name": "noisy", "pictures": pack(noisy), "psnr": decibels(noisy, clean)}] if factor else []
        for name in names:
            pictures = self.models[name](noisy)
            if pictures.shape != clean.shape:
                continue  # it reads, and makes no pictures
            pictures = pictures.clamp(0, 1)
            rows.append({"name": name, "pictures": pack(pictures), "psnr": decibels(pictures, clean)})
        rows.append({"name": "original", "pictures": pack(clean), "psnr": None})
        return {"rows": rows, "origin": origin, "kind": NOISES[kind].label, "factor": factor}

    def spectrum(self, request: dict) -> dict:
        """The checkerboard in what a model makes, before and after training; `model` null: in the digits themselves."""
        name = None if request.get("model") is None else self.named(request)
        if name is not None and self.records[name].recipe.task == "read":
            raise BadRequest("There is no such model here.")
        return self.checkerboards(name)

    @cache  # noqa: B019 (there is one shelf, as long as the page lives)
    @torch.inference_mode()
    def checkerboards(self, name: str | None) -> dict:
        """The answer to `spectrum`: the same for everybody, so computed once."""
        clean = many_digits()
        if name is None:
            return {"digits": len(clean), "rows": [patterns("test digits", clean)]}
        recipe = self.records[name].recipe
        kind, factor = trained_noise(recipe)
        noisy = add_noise(clean, draw_noise(kind, clean.shape, 0), factor)
        found = inspection.checkerboard_views(self.models[name], recipe, noisy)
        shown = {"trained": found["trained"][0]}  # the others have values beyond 0 to 1
        return {
            "digits": len(clean),
            "rows": [
                patterns(words, pictures, shown.get(words, stretched(pictures[0]))) for words, pictures in found.items()
            ],
        }


# ---------- what a record says, in words ----------


def entry(name: str, model: torch.nn.Module, record: Record, code: Mapping | None = None) -> dict:
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
        "title": method.title,
        "family": method.family,
        "task": method.task,
        "trained_on": noise_in_words(method),
        "parameters": record.parameters,
        "bytes": record.bytes,
        "epochs": len(history),
        "seconds": record.seconds,
        "device": record.device or None,
        "loss": loss_title_key(recipe.family, recipe.loss) if recipe and history else None,
        "train": [epoch.train for epoch in history],
        "validation": [epoch.validation for epoch in history],
        "headline": recipe.headline if recipe else "",
        "headline_bce": recipe.headline_bce if recipe else None,
        "source": asdict(method.source) if method.source else None,
        "note": recipe.note if recipe else "",
        "facts": facts(record) + code_in_words(code),
        "layers": [
            {"part": r.part, "words": r.description, "shape": r.shape, "parameters": r.parameters, "code": r.is_code}
            for r in rows
        ],
        "enlarging": inspection.upsampling_kinds(model),
        "network": recipe.network if recipe else None,
    }


def noise_in_words(method: Method) -> str:
    """What the model saw in training: clean digits, or which noise at which factor; empty for what is not trained."""
    if not isinstance(method, Recipe):
        return ""
    low, high = method.noise_range
    if not high:
        return "clean digits"
    kinds = list(dict.fromkeys(method.noise))
    label = NOISES[kinds[0]].label if len(kinds) == 1 and kinds[0] in NOISES else f"{len(kinds)} kinds"
    return f"{label} {high:g}" if low == high else f"{label} {low:g}–{high:g}"


def facts(record: Record) -> list[tuple[str, list[str]]]:
    """The settings in plain words, as (what, how), the second in phrases that stand alone."""
    recipe = record.recipe
    if not isinstance(recipe, Recipe):
        return []
    drawn = {"once": "drawn once for the whole training", "each batch": "drawn afresh for each batch"}
    change = asdict(recipe.augmentation) if recipe.augmentation else {}
    grown = (recipe.grown_from or {}).items()
    parts = {"degrees": "turned up to {:g}°", "shift": "shifted up to {:g} px", "scale": "scaled by up to {:.0%}"}
    rows = [
        ("Task", [{"denoise": "denoise", "reconstruct": "reconstruct clean digits", "read": "read"}[recipe.task]]),
        ("Input", [noise_in_words(recipe), drawn[recipe.noise_drawn] if recipe.noise else ""]),
        ("Augmented", [words.format(change[key]) for key, words in parts.items() if change.get(key)]),
        ("Loss", [*LOSS_TITLES.get(loss_title_key(recipe.family, recipe.loss), (recipe.loss, "")),
                  *(f"{PENALTIES.get(name, name)} {weight:g}" for name, weight in recipe.penalties.items())]),
        ("Optimiser", [OPTIMIZERS.get(recipe.optimizer, recipe.optimizer),
                       f"learning rate {recipe.learning_rate:g}",
                       *(f"{name.replace('_', ' ')} {value:g}" for name, value in recipe.optimizer_settings.items()),
                       "" if recipe.schedule == "constant" else f"{recipe.schedule} schedule",
                       f"gradient cut at {recipe.clip:g}" if recipe.clip else "",
                       f"running mean of the weights {recipe.ema:g}" if recipe.ema else ""]),
        ("Batches", [f"{recipe.epochs} epochs", f"{recipe.batch_size} digits a batch"]),
        *(("Refined", [f"{r.epochs} epochs", f"learning rate {r.learning_rate:g}"]) for r in recipe.refinements),
        ("Network", [f"{name.replace('_', ' ')} {listed(value)}" for name, value in recipe.settings.items()]),
        ("Grown from", [f"{name.replace('_', ' ')} {listed(value)}" for name, value in grown]),
        ("Trained", [duration(record.seconds), record.device, record.precision, f"seed {recipe.seed}"]),
        ("Again", [record.command]),
    ]  # fmt: skip
    found = [(what, [phrase for phrase in how if phrase]) for what, how in rows]
    return [(what, how) for what, how in found if how]


def listed(value: object) -> str:
    """A setting's value: `64`, or `500-300-100` for several."""
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def duration(seconds: float | None) -> str:
    """`48 s`, `12 min`, `1.5 h`."""
    if seconds is None:
        return "some time"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def measured() -> tuple[dict[str, list[tuple[float, float]]], dict[str, dict]]:
    """From the results file, empty without one: each model's test-set (noise factor, PSNR) under Gaussian noise, and
    how sparse its code is.
    """
    try:
        report = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))
        curves: dict[str, list[tuple[float, float]]] = {}
        for row in report["results"]:
            if row["noise"] == "gaussian" and row["psnr"] is not None:
                curves.setdefault(row["model"], []).append((row["noise_factor"], row["psnr"]))
        codes = {name: about["code"] for name, about in report["models"].items() if "code" in about}
    except (OSError, ValueError, KeyError, TypeError):
        return {}, {}
    return {name: sorted(points) for name, points in curves.items()}, codes


def code_in_words(code: Mapping | None) -> list[tuple[str, list[str]]]:
    """How sparse a code is over the test digits, as a fact; nothing where it is not."""
    if not code or not code["zero"]:
        return []
    dead = [f"{code['dead']} of them always"] if code["dead"] else []
    return [("Code", [f"{code['values']:,} values", f"over the test digits {code['zero']:.0%} are 0", *dead])]


# ---------- digits to show ----------


@cache
def own_digits() -> Tensor:
    """Our own ten digits, drawn as strokes."""
    from ...examples import EXAMPLES

    return torch.cat([digit_from_strokes(EXAMPLES[str(digit)]) for digit in range(10)])


def ten_digits(turn: int) -> tuple[Tensor, str]:
    """The turn-th test digit of each class, or our own ten; and which."""
    digits = mnist_test()
    if digits is None:
        return own_digits(), "our own ten digits"
    places = [(digits.labels == label).nonzero().flatten() for label in range(10)]
    return digits[torch.stack([p[turn % len(p)] for p in places])].floats(), "MNIST test digits"


def many_digits() -> Tensor:
    """Digits enough for a smooth spectrum: of the test set, or our own, repeated (each gets its own noise)."""
    digits = mnist_test()
    if digits is not None:
        return digits[:SPECTRUM_DIGITS].floats()
    own = own_digits()
    return own.repeat(SPECTRUM_DIGITS // len(own), 1, 1, 1)


# ---------- pictures as bytes ----------


def encode(values: Tensor) -> str:
    """A uint8 tensor as base64."""
    return base64.b64encode(values.to(torch.uint8).contiguous().numpy().tobytes()).decode()


def pack(pictures: Tensor) -> str:
    """Pictures in [0, 1] as base64 of a byte for each pixel."""
    return encode((pictures.clamp(0, 1) * 255).round())


def decibels(x_hat: Tensor, clean: Tensor) -> float | None:
    """Mean PSNR in dB; None where the two are equal."""
    value = float(psnr(x_hat, clean).mean())
    return value if np.isfinite(value) else None


def sheet(values: Tensor, tiles: Tensor, each: bool = False) -> dict:
    """Tiles (N, H, W) as bytes on one scale for all: from 0 up, or, where some values are negative, about 128.

    With `each`, every tile has a scale of its own, and what lies far beyond the rest is cut to its end.
    """
    shown = tiles[:SHOWN_TILES]
    sizes = shown.abs().flatten(1)
    peak = sizes.quantile(WEIGHT_SHARE, dim=1) if each else sizes.max().expand(len(shown))
    peak = torch.where(peak > 0, peak, 1.0)
    signed = bool((values < 0).any())
    scaled = (shown / peak.view(-1, 1, 1)).clamp(-1, 1) * (127 if signed else 255) + (128 if signed else 0)
    exact = values.flatten().tolist() if values.dim() == 1 and len(values) <= 16 else None
    return {
        "count": len(shown),
        "total": len(tiles),
        "height": tiles.shape[1],
        "width": tiles.shape[2],
        "pixels": encode(scaled.round()),
        "peak": None if each else float(peak[0]),
        "signed": signed,
        "zero": float((values == 0).double().mean()),
        "exact": exact,
    }


def patterns(words: str, pictures: Tensor, shown: Tensor | None = None) -> dict:
    """One picture, the spectrum of all (frequency 0 in the middle, decibels as grey), and the checkerboard measure."""
    shown = pictures[0] if shown is None else shown
    power = torch.fft.fftshift(inspection.power_spectrum(pictures))
    level = (10 * torch.log10(power + 1e-9)).clamp_min(-30)
    return {
        "words": words,
        "picture": pack(shown),
        "spectrum": pack(stretched(level)),
    } | {f"period{period}": inspection.checkerboard(pictures, period) for period in PERIODS}


def stretched(picture: Tensor) -> Tensor:
    """A picture's values from its smallest as 0 to its largest as 1."""
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low).clamp_min(1e-9)


def read_digit(text: object) -> Tensor:
    """The visitor's digit, base64 of 784 bytes, as (1, 1, 28, 28) in [0, 1]."""
    if not isinstance(text, str) or len(text) > 2048:
        raise BadRequest("Draw a digit on the Denoise page.")
    content = base64.b64decode(text, validate=True)
    if len(content) != SIDE * SIDE:
        raise BadRequest("Draw a digit on the Denoise page.")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).float().div_(255).view(IMAGE)


def noisy_as_asked(clean: Tensor, request: dict) -> Tensor:
    """The digit under the noise that is set on the Denoise page."""
    kind, seed, factor = request.get("kind"), request.get("seed"), request.get("factor")
    if kind not in NOISES:
        raise BadRequest("There is no such noise.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
        raise BadRequest("A seed is a whole number from 0.")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 <= factor <= 1:
        raise BadRequest("A noise factor lies between 0 and 1.")
    return add_noise(clean, draw_noise(kind, clean.shape, seed), float(factor))
