"""Figures over a test set: every model under every noise kind and factor, by all metrics.

The noise of each picture is seeded with its position, so that every model sees the same noise. Knows nothing of pages.
"""

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..checkpoint import load_checkpoint, sha256, trained
from ..data import PIXELS, SIDE, Digits, shows_digits, to_float
from ..external import ExternalError
from ..inspection import checkerboard, checkerboard_views, sparsity, upsampling_kinds
from ..latent import coverage, elbo_terms, exact_nll, has_plane, knn_accuracy
from ..metrics import CARD_METRICS, METRICS
from ..models import VAE, Autoencoder
from ..noise import NOISES, add_noise, draw_noise
from ..recipe import Recipe, trained_noise
from ..record import Record
from ..referee import REFEREE
from ..runtime.precision import autocast, default_precision
from ..sweeps import NOISE_FACTORS, NOISY
from .cache import ResultCache
from .subjects import EvaluationError, Subject, check_tuned, default_models, get_subject, trained_on

MEASURED = ("psnr", "ssim", "bce", "mse")  # of METRICS
FACTORS = (0.1, 0.25, 0.5, 0.7, 1.0)
SWEEP = len(NOISE_FACTORS)  # pictures denoised at once
BATCH_SIZE = 500
SAMPLE = 100  # digits whose mean PSNR each row stores too, so that a test can recompute it quickly
NEIGHBOURS = 10  # k of the k-NN accuracy
SPECTRUM_DIGITS = 256  # digits whose spectrum shows a checkerboard
NO_SPEED = {"ms_batch_1": None, "ms_batch_256": None, "ms_sweep": None}
PERIODS = (2, 4)  # pixels between the squares of a checkerboard


@dataclass(frozen=True)
class Figure:
    """How a figure of a row is shown: what it is called, its unit, and `scale` times the value with `decimals`."""

    label: str
    unit: str
    scale: int
    decimals: int

    @property
    def title(self) -> str:
        """Label and unit: "PSNR, dB"."""
        return ", ".join(filter(None, (self.label, self.unit)))


def _metric_figures(keys: Sequence[str]) -> dict[str, Figure]:
    """The figures of METRICS with these keys."""
    return {key: Figure(METRICS[key].label, METRICS[key].unit, 1, METRICS[key].digits) for key in keys}


# The figures of a row in the order in which reports show them: those of the cards, accuracy, then the rest of MEASURED.
FIGURES: dict[str, Figure] = {
    **_metric_figures(CARD_METRICS),
    "accuracy": Figure("read correctly", "%", 100, 1),
    **_metric_figures([key for key in MEASURED if key not in CARD_METRICS]),
}


def stored_figures(rows: Iterable[Mapping]) -> dict[str, Figure]:
    """Those of FIGURES that at least one of the `rows` has: rows stored before a figure was added lack it."""
    present = set().union(*rows)
    return {key: figure for key, figure in FIGURES.items() if key in present}


@cache
def code_fingerprint() -> str:
    """A hash of what the noise and the metrics give for two pictures: it changes when their code does."""
    x = torch.linspace(0, 1, 2 * PIXELS).view(2, 1, SIDE, SIDE)
    noisy = [add_noise(x, draw_noise(kind, x.shape, (0, 1)), factor) for kind in NOISES for factor in (0.25, 0.75)]
    values = [METRICS[key].function(y, x) for key in MEASURED for y in noisy]
    return sha256(torch.cat([part.flatten() for part in (*noisy, *values)]).numpy().tobytes())


def noisy_batches(digits: Digits, kind: str, factor: float) -> Iterator[Tensor]:
    """The digits under noise, float (B, 1, 28, 28) in [0, 1], at most BATCH_SIZE at a time.

    The seed of each picture's noise is its position in `digits`.
    """
    for start in range(0, len(digits), BATCH_SIZE):
        clean = to_float(digits.images[start : start + BATCH_SIZE])
        seeds = range(start, start + len(clean))
        yield add_noise(clean, draw_noise(kind, clean.shape, seeds, clean.device), factor)


@torch.inference_mode()
def measure_quality(
    model: nn.Module,
    digits: Digits,
    noisy: Sequence[Tensor],
    referee: nn.Module | None = None,
    progress: Callable[[int], object] = lambda count: None,
) -> dict:
    """How well `model` denoises the `noisy` batches of `digits`: the mean of each metric over all digits.

    `psnr` (dB; None where no picture has one) leaves out pictures equal to their reference, whose number is `exact`;
    `ssim`; `bce` (nats per pixel); `mse`; `accuracy`, the share of digits the `referee` reads right, None without
    one; `psnr_sample`, the PSNR of the first 100 digits; `images`, the number of digits. `progress` is called with the
    number of digits done since the last call. Raises EvaluationError where the output is not a finite picture of the
    right shape.
    """
    columns: dict[str, list[Tensor]] = {key: [] for key in MEASURED}
    right: list[Tensor] = []
    precision = default_precision(digits.images.device)
    start = 0
    for y in noisy:
        clean, labels = to_float(digits.images[start : start + len(y)]), digits.labels[start : start + len(y)]
        x_hat = model(y).clamp(0, 1)
        if x_hat.shape != y.shape:
            raise EvaluationError(f"the output for pictures of shape {tuple(y.shape)} has shape {tuple(x_hat.shape)}")
        if not bool(torch.isfinite(x_hat).all()):
            raise EvaluationError("the output has pixels that are not finite numbers")
        for key, values in columns.items():
            values.append(METRICS[key].function(x_hat, clean))
        if referee:
            with autocast(x_hat.device, precision):
                right.append(referee(x_hat).argmax(dim=1) == labels)
        start += len(y)
        progress(len(y))
    figures = {key: torch.cat(values).double().cpu() for key, values in columns.items()}
    psnr = figures["psnr"]
    return {key: finite_mean(psnr) if key == "psnr" else values.mean().item() for key, values in figures.items()} | {
        "accuracy": torch.cat(right).double().mean().item() if referee else None,
        "exact": int(torch.isinf(psnr).sum()),
        "psnr_sample": finite_mean(psnr[:SAMPLE]),
        "images": len(psnr),
    }


def finite_mean(values: Tensor) -> float | None:
    """The mean of the finite values, None where there is none."""
    finite = values[torch.isfinite(values)]
    return finite.mean().item() if len(finite) else None


@torch.inference_mode()
def milliseconds(model: nn.Module, x: Tensor, threads: int = 1) -> float:
    """Milliseconds per picture of one call on `x` (B, 1, 28, 28) with so many CPU `threads`: the median of repeats."""

    def time_once() -> float:
        start = time.perf_counter()
        model(x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        return time.perf_counter() - start

    threads_before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        time_once()
        repeats = 5 if len(x) > SWEEP else 31
        return statistics.median(time_once() for _ in range(repeats)) / len(x) * 1000
    finally:
        torch.set_num_threads(threads_before)


def evaluate(
    digits: Digits,
    names: Sequence[str] | None = None,
    kinds: Sequence[str] = ("gaussian",),
    factors: Sequence[float] = FACTORS,
    *,
    data: str = "mnist",
    external: Sequence[Subject] = (),
    cache_folder: Path | None = None,
    progress: bool = True,
) -> dict:
    """Measure every model of `names` on `digits` under each noise kind and factor; "noisy" is always the first row.

    `data` is what a recipe calls these pictures. By default the models trained on them and the filters are measured;
    where they are not digits, no referee reads them. Results are stored in `cache_folder` and found there again while
    digits, noise, metrics, weights and referee stay the same. Everything runs on the digits' device. The models of
    others, `external`, come last; one that fails is left out.

    Returns {"results": [...], "models": {...}, "referee": ..., "data": ..., "failures": {...}}: the failures are a
    sentence for each external model that failed, by its name. The results have a row per model, kind
    and factor with the figures of `measure_quality`. Each model is described by title, family, task, parameters,
    bytes, training data, and milliseconds per picture at batch 1 and 256 in one thread and for 21 pictures at once in
    two; autoencoders by `inspection.sparsity`, models that upsample by `inspection.checkerboard`, VAEs by
    `latent.elbo_terms` and k-NN accuracy, and with two latent dimensions by `exact_nll` and `coverage` too.

    Raises EvaluationError or CheckpointError before the first measurement.
    """
    if unknown := [kind for kind in kinds if kind not in NOISES]:
        raise EvaluationError(f"unknown noise kind {unknown[0]!r}; there are {', '.join(NOISES)}")
    if wrong := [factor for factor in factors if not 0 <= factor <= 1]:
        raise EvaluationError(f"noise factor {wrong[0]:g} is not within 0 to 1")
    device = digits.images.device
    names = list(dict.fromkeys([NOISY, *(default_models(data) if names is None else names)]))
    check_tuned(names, kinds)
    subjects = [*(get_subject(name, device) for name in names), *external]
    failures: dict[str, str] = {}
    referee: nn.Module | None = None
    referee_record: Record[Recipe] | None = None
    if REFEREE in trained() and shows_digits(data):
        referee, referee_record = load_checkpoint(REFEREE, device)
    stored = ResultCache(cache_folder)
    common = {
        "digits": sha256(digits.images.cpu().numpy().tobytes() + digits.labels.cpu().numpy().tobytes()),
        "behaviour": code_fingerprint(),
        "referee": referee_record and referee_record.sha256,
        "precision": default_precision(device),
        "machine": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }
    total = len(kinds) * len(factors) * len(subjects) * len(digits)
    with tqdm(total=total, unit="digit", unit_scale=True, disable=not progress, smoothing=0.02) as bar:
        results = [
            row
            for kind in kinds
            for factor in factors
            for row in _rows(subjects, digits, kind, factor, referee, stored, common, bar, failures)
        ]
        bar.set_description("speed and codes")
        models = {}
        for subject in (subject for subject in subjects if subject.name not in failures):
            with _leaving_out(subject, failures):
                models[subject.name] = _about_model(subject, digits, referee, stored, common)
    return {
        "results": [row for row in results if row["model"] in models],
        "models": models,
        "referee": _about_record(referee_record) if referee_record else None,
        "data": data,
    } | ({"failures": failures} if failures else {})


@contextmanager
def _leaving_out(subject: Subject, failures: dict[str, str], where: str = "") -> Iterator[None]:
    """Within it, an error of an external model is noted in `failures`; that of another model names it and `where`."""
    try:
        yield
    except (EvaluationError, ExternalError) as error:
        if not subject.external:
            raise EvaluationError(f"{subject.name}{where}: {error}") from error
        failures[subject.name] = f"{where}: {error}".removeprefix(", ").removeprefix(": ")


def _rows(
    subjects: Sequence[Subject],
    digits: Digits,
    kind: str,
    factor: float,
    referee: nn.Module | None,
    stored: ResultCache,
    common: dict,
    bar: tqdm,
    failures: dict[str, str],
) -> Iterator[dict]:
    """A row of figures for each subject under one noise kind and factor, but for those that fail."""
    noisy: list[Tensor] = []  # drawn when the first row needs it, then shared by all

    def compute(subject: Subject) -> dict:
        if not noisy:
            noisy.extend(noisy_batches(digits, kind, factor))
        return measure_quality(subject.module(kind, factor), digits, noisy, referee, bar.update)

    for subject in subjects:
        if subject.name in failures:
            bar.update(len(digits))
            continue
        bar.set_description(f"{kind} {factor:g} {subject.name}")
        before = bar.n
        key = common | {"kind": kind, "noise_factor": factor, "model": subject.fingerprint}
        with _leaving_out(subject, failures, f", {kind} noise of {factor:g}"):
            row = (stored if subject.fingerprint else ResultCache(None)).get(key, partial(compute, subject))
            yield {"model": subject.name, "noise": kind, "noise_factor": factor} | row
        bar.update(before + len(digits) - bar.n)


def _about_model(
    subject: Subject, digits: Digits, referee: nn.Module | None, stored: ResultCache, common: dict
) -> dict:
    """What does not depend on the noise: size, speed, and what is inside."""
    key = {"speed": subject.fingerprint, "sweep": SWEEP, "machine": common["machine"], "torch": torch.__version__}
    about = _about_record(subject.record)
    if subject.external:
        return about | {"external": True} | (_speed(subject, digits) if subject.timed else NO_SPEED)
    about |= stored.get(key, partial(_speed, subject, digits))
    model = subject.module("gaussian", 0.5)
    parts: dict[str, Callable[[], dict]] = {}
    if isinstance(model, Autoencoder):
        parts["sparsity"] = partial(_sparsity, subject, digits)
    if upsampling_kinds(model):
        parts["checkerboard"] = partial(_checkerboard, subject, digits)
    if isinstance(model, VAE):
        parts["plane"] = partial(_vae_figures, model, digits, referee)
    for part, compute in parts.items():
        about |= stored.get(common | {part: subject.fingerprint}, compute)
    return about


def _about_record(record: Record) -> dict:
    recipe = record.recipe
    about = {"title": recipe.title, "family": recipe.family, "task": recipe.task}
    about |= {"parameters": record.parameters, "bytes": record.bytes or 0, "data": trained_on(record)}
    about |= {"oracle": True} if record.oracle else {}
    return about | ({"sha256": record.sha256} if record.sha256 else {})


def _speed(subject: Subject, digits: Digits) -> dict:
    clean = to_float(digits.images[torch.arange(256, device=digits.images.device) % len(digits)])
    noisy = add_noise(clean, draw_noise("gaussian", clean.shape, 0, clean.device), 0.5)
    model = subject.module("gaussian", 0.5)
    return {
        "ms_batch_1": milliseconds(model, noisy[:1]),
        "ms_batch_256": milliseconds(model, noisy),
        "ms_sweep": SWEEP * milliseconds(model, noisy[:SWEEP], threads=2),
    }


@torch.inference_mode()
def _sparsity(subject: Subject, digits: Digits) -> dict:
    """`inspection.sparsity` of the codes of all digits, under the strongest noise the model was trained on."""
    kind, factor = trained_noise(subject.record.recipe)
    model = subject.module(kind, factor)
    assert isinstance(model, Autoencoder)
    codes = torch.cat([model.encode(y) for y in noisy_batches(digits, kind, factor)])
    return {"code": sparsity(model, codes)}


@torch.inference_mode()
def _checkerboard(subject: Subject, digits: Digits) -> dict:
    """`inspection.checkerboard` in dB for the periods 2 and 4: of the first digits themselves, and of each view."""
    digits = digits[:SPECTRUM_DIGITS]
    kind, factor = trained_noise(subject.record.recipe)
    noisy = torch.cat(list(noisy_batches(digits, kind, factor)))
    views = checkerboard_views(subject.module(kind, factor), subject.record.recipe, noisy)
    pictures = {"digits": digits.floats()} | views
    return {"checkerboard": {name: [checkerboard(x, period) for period in PERIODS] for name, x in pictures.items()}}


def _vae_figures(model: VAE, digits: Digits, referee: nn.Module | None) -> dict:
    figures: dict[str, float | None] = dict(elbo_terms(model, digits))
    if has_plane(model):
        figures["nll"] = exact_nll(model, digits)
        figures["coverage"] = coverage(model, referee) if referee else None
    if len(digits) > NEIGHBOURS and digits.labelled:
        with torch.inference_mode():
            codes = torch.cat([model.encode(to_float(images)) for images in digits.images.split(BATCH_SIZE)])
        figures["neighbour_accuracy"] = knn_accuracy(codes.float().cpu(), digits.labels.cpu(), NEIGHBOURS)
    return figures
