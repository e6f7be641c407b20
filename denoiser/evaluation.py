"""Tables over the test set: every model, noise kind and noise factor, by all metrics, each picture's noise seeded.

Results are kept as they come, one small file each, so that an evaluation that was cut off goes on where it stopped;
a file is found again only while digits, noise, metrics, weights and referee are what they were. Knows nothing of
pages or of where MNIST lies.
"""

import hashlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from . import metrics
from .checkpoint import list_models, load_checkpoint, load_model, load_record, trained
from .comparison import LADDER, NOISY
from .data import DATASETS, PIXELS, SIDE, Batch, Digits, data_title, shows_digits, to_float
from .engine import autocast, default_precision
from .errors import DenoiserError
from .files import write_atomically
from .filters import FILTERS, fingerprint
from .inspection import SMALL_WEIGHT, checkerboard, enlarging, sparsity, stages
from .models import VAE, Autoencoder
from .noise import NOISES, add_noise, draw_noise
from .recipes import PICTURE_TASKS, trained_noise

FACTORS = (0.1, 0.25, 0.5, 0.7, 1.0)
SWEEP = len(LADDER)  # pictures at once
ORACLE = "-oracle"  # ends the name of a filter that is told the true noise
REFEREE = "referee"
BATCH = 500
SAMPLE = 100  # digits whose mean PSNR each row holds too, so that it can be recomputed in a moment
NEIGHBOURS = 10
SPECTRUM_DIGITS = 256  # digits whose spectrum shows a checkerboard
PERIODS = (2, 4)  # pixels between the squares of a checkerboard


class EvaluationError(DenoiserError, ValueError):
    """A model, noise kind or noise factor that cannot be evaluated; the message names it."""


@dataclass(frozen=True)
class Subject:
    """What a row is about: its record, a hash of all its output depends on, and the module for a noise and factor."""

    name: str
    record: dict
    fingerprint: str
    module: Callable[[str, float], nn.Module]


def default_models(data: str = "mnist") -> list[str]:
    """All that denoise or reconstruct and were trained on `data`, the filters, and these once more, told the noise."""
    names = [name for name in list_models() if name in FILTERS or trained_on(load_record(name)) == data]
    return [*names, *(name + ORACLE for name in FILTERS)]


def trained_on(record: dict) -> str | None:
    """The `data` of a record's recipe; None for what is not trained."""
    recipe = record["recipe"]
    return recipe.get("data", "mnist") if "network" in recipe else None


def get_subject(name: str, device: str = "cpu") -> Subject:
    """The row of that name: "noisy" (do nothing), a model, a filter, or a filter told the noise ("tv-oracle").

    Raises EvaluationError or CheckpointError where there is none, or it reads pictures instead of denoising them.
    """
    if name == NOISY:
        recipe = {"name": NOISY, "title": "Noisy input, left as it is", "family": "none", "task": "none"}
        return Subject(name, {"recipe": recipe, "parameters": 0}, NOISY, lambda kind, factor: nn.Identity())
    if name.endswith(ORACLE) and name.removesuffix(ORACLE) in FILTERS:
        oracle = FILTERS[name.removesuffix(ORACLE)]
        return Subject(name, oracle.record(oracle=True), f"{name} {fingerprint()}", oracle.tuned)
    model, record = load_model(name, device)
    if record["recipe"]["task"] not in PICTURE_TASKS:
        others = ", ".join(default_models())
        raise EvaluationError(f"{name!r} reads or samples pictures and denoises none; there are {others}")
    model = model.to(memory_format=torch.channels_last)
    return Subject(name, record, record.get("sha256") or f"{name} {fingerprint()}", lambda kind, factor: model)


class Cache:
    """Results under a folder, one JSON file each, found by what they depend on; without a folder nothing is kept."""

    def __init__(self, folder: Path | None):
        self.folder = folder

    def get(self, key: dict, compute: Callable[[], dict]) -> dict:
        """The result kept for `key`, else what `compute()` gives, which is then kept."""
        if self.folder is None:
            return compute()
        path = self.folder / f"{_hash(json.dumps(key, sort_keys=True).encode())[:32]}.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["key"] == key:
                return found["value"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not there, or damaged: computed anew
        value = compute()
        write_atomically(path, json.dumps({"key": key, "value": value}))
        return value


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def _behaviour() -> str:
    """What noise and metrics make of two pictures, as a hash: another once their figures would be others."""
    x = torch.linspace(0, 1, 2 * PIXELS).view(2, 1, SIDE, SIDE)
    noisy = [add_noise(x, draw_noise(kind, x.shape, (0, 1)), factor) for kind in NOISES for factor in (0.25, 0.75)]
    found = [metric(y, x) for metric in (metrics.psnr, metrics.ssim, metrics.bce, metrics.mse) for y in noisy]
    return _hash(torch.cat([part.flatten() for part in (*noisy, *found)]).numpy().tobytes())


def noisy_batches(digits: Digits, kind: str, factor: float) -> Iterator[Tensor]:
    """The digits under noise, BATCH at a time, float (B, 1, 28, 28) in [0, 1]; a picture's seed is its place."""
    for start in range(0, len(digits), BATCH):
        clean = to_float(digits.images[start : start + BATCH])
        seeds = range(start, start + len(clean))
        yield add_noise(clean, draw_noise(kind, clean.shape, seeds, clean.device), factor)


@torch.inference_mode()
def measure(
    model: nn.Module,
    digits: Digits,
    noisy: Sequence[Tensor],
    referee: nn.Module | None = None,
    step: Callable[[int], object] = lambda count: None,
) -> dict:
    """What `model` makes of the `noisy` batches of `digits`: the mean over all digits of each metric.

    `psnr` (dB, None where no picture has one) leaves out pictures equal to their reference, whose number is `exact`;
    `ssim`; `bce` (nats per pixel); `mse`; `accuracy`, the share of digits the `referee` reads right, None without
    one; `psnr_sample`, the PSNR of the first 100 digits. `step` is told how many digits are done. Raises
    EvaluationError where the output is not a finite picture of the right shape.
    """
    columns: dict[str, list[Tensor]] = {name: [] for name in ("psnr", "ssim", "bce", "mse", "read")}
    precision = default_precision(digits.images.device)
    start = 0
    for y in noisy:
        clean, labels = to_float(digits.images[start : start + len(y)]), digits.labels[start : start + len(y)]
        x_hat = model(y).clamp(0, 1)
        if x_hat.shape != y.shape:
            raise EvaluationError(f"the output for pictures of shape {tuple(y.shape)} has shape {tuple(x_hat.shape)}")
        if not bool(torch.isfinite(x_hat).all()):
            raise EvaluationError("the output has pixels that are not finite numbers")
        for name in ("psnr", "ssim", "bce", "mse"):
            columns[name].append(getattr(metrics, name)(x_hat, clean))
        if referee:
            with autocast(x_hat.device, precision):
                columns["read"].append(referee(x_hat).argmax(dim=1) == labels)
        start += len(y)
        step(len(y))
    psnr, ssim, bce, mse = (torch.cat(columns[name]).double().cpu() for name in ("psnr", "ssim", "bce", "mse"))
    return {
        "psnr": finite_mean(psnr),
        "ssim": ssim.mean().item(),
        "bce": bce.mean().item(),
        "mse": mse.mean().item(),
        "accuracy": torch.cat(columns["read"]).double().mean().item() if referee else None,
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
    """Milliseconds per picture of one call on `x` (B, 1, 28, 28): the median of repeats; `threads` are the CPU's."""

    def once() -> float:
        start = time.perf_counter()
        model(x)
        if x.is_cuda:
            torch.cuda.synchronize(x.device)
        return time.perf_counter() - start

    usual = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        once()
        repeats = 5 if len(x) > SWEEP else 31
        return statistics.median(once() for _ in range(repeats)) / len(x) * 1000
    finally:
        torch.set_num_threads(usual)


@torch.inference_mode()
def variational(model: VAE, digits: Digits, seed: int = 0) -> dict:
    """Negative ELBO of clean `digits` in nats per picture, posterior sampled from `seed`, and its terms.

    `recon` is cross-entropy summed over pixels, grey targets; `kl` is summed over the code. Means over the digits.
    """
    generator = torch.Generator(digits.images.device).manual_seed(seed)
    recon = kl = 0.0
    for images, labels in zip(digits.images.split(BATCH), digits.labels.split(BATCH), strict=True):
        clean = to_float(images)
        terms = model.terms(Batch(clean, clean, labels), generator)
        recon, kl = (total + term.item() * len(clean) for total, term in zip((recon, kl), terms, strict=True))
    recon, kl = recon / len(digits), kl / len(digits)
    return {"negative_elbo": recon + kl, "recon": recon, "kl": kl}


def evaluate(
    digits: Digits,
    names: Sequence[str] | None = None,
    kinds: Sequence[str] = ("gaussian",),
    factors: Sequence[float] = FACTORS,
    *,
    data: str = "mnist",
    cache_folder: Path | None = None,
    progress: bool = True,
) -> dict:
    """Every row of `names` on `digits` under each noise kind and factor; "noisy" is always the first.

    `data` is what a recipe calls these pictures; the default rows are the filters and what was trained on them, and
    where they are no digits, the referee reads none.
    Returns {"results": [...], "models": {...}, "referee": ..., "data": ...}: per row, kind and factor what `measure`
    gives; per model title, family, task, parameters, bytes, milliseconds per picture at batch 1 and 256 in one thread
    and for 21 pictures at once in two, what it was trained on, for those with a code how sparse it is
    (`inspection.sparsity`), for those that enlarge pictures how strong a checkerboard they leave
    (`inspection.checkerboard`), and for those with a Gaussian code what `variational` gives and `neighbour_accuracy`,
    the share of digits whose label most of the 10 others with the nearest codes have; where the code is a plane,
    `latent.exact_nll` and `latent.coverage` too. All runs on the digits' device.
    Raises EvaluationError or CheckpointError before the first measurement.
    """
    if unknown := [kind for kind in kinds if kind not in NOISES]:
        raise EvaluationError(f"unknown noise kind {unknown[0]!r}; there are {', '.join(NOISES)}")
    if wrong := [factor for factor in factors if not 0 <= factor <= 1]:
        raise EvaluationError(f"noise factor {wrong[0]:g} is not within 0 to 1")
    device = digits.images.device
    names = list(dict.fromkeys([NOISY, *(default_models(data) if names is None else names)]))
    subjects = [get_subject(name, device) for name in names]
    referee, referee_record = None, None
    if REFEREE in trained() and shows_digits(data):
        referee, referee_record = load_checkpoint(REFEREE, device)
    kept = Cache(cache_folder)
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    common = {
        "digits": _hash(digits.images.cpu().numpy().tobytes() + digits.labels.cpu().numpy().tobytes()),
        "behaviour": _behaviour(),
        "referee": referee_record and referee_record["sha256"],
        "precision": default_precision(device),
        "machine": machine,
    }

    results = []
    total = len(kinds) * len(factors) * len(subjects) * len(digits)
    with tqdm(total=total, unit="digit", unit_scale=True, disable=not progress, smoothing=0.02) as bar:
        for kind in kinds:
            for factor in factors:
                noisy: list[Tensor] = []  # drawn when the first row needs it, then shared by all
                for subject in subjects:
                    bar.set_description(f"{kind} {factor:g} {subject.name}")
                    before = bar.n

                    def compute(subject=subject, kind=kind, factor=factor, noisy=noisy) -> dict:
                        if not noisy:
                            noisy.extend(noisy_batches(digits, kind, factor))
                        try:
                            return measure(subject.module(kind, factor), digits, noisy, referee, bar.update)
                        except EvaluationError as error:
                            raise EvaluationError(f"{subject.name}, {kind} noise of {factor:g}: {error}") from error

                    key = common | {"kind": kind, "noise_factor": factor, "model": subject.fingerprint}
                    row = kept.get(key, compute)
                    bar.update(before + len(digits) - bar.n)
                    results.append({"model": subject.name, "noise": kind, "noise_factor": factor} | row)
        bar.set_description("speed and codes")
        models = {}
        for subject in subjects:
            key = {"speed": subject.fingerprint, "sweep": SWEEP, "machine": machine, "torch": torch.__version__}
            speed = kept.get(key, lambda subject=subject: _speed(subject, digits))
            models[subject.name] = _describe(subject.record) | speed
            model = subject.module("gaussian", 0.5)
            parts: dict[str, Callable[[], dict]] = {}
            if isinstance(model, Autoencoder):
                parts["sparsity"] = partial(_sparsity, subject, digits)
            if enlarging(model):
                parts["checkerboard"] = partial(_checkerboard, subject, digits)
            if isinstance(model, VAE):
                parts["plane"] = partial(_plane, model, digits, referee)
            for part, compute in parts.items():
                models[subject.name] |= kept.get(common | {part: subject.fingerprint}, compute)
    about = _describe(referee_record) if referee_record else None
    return {"results": results, "models": models, "referee": about, "data": data}


def _describe(record: dict) -> dict:
    recipe = record["recipe"]
    about = {"title": recipe["title"], "family": recipe["family"], "task": recipe["task"]}
    about |= {"parameters": record["parameters"], "bytes": record.get("bytes", 0), "data": trained_on(record)}
    return about | {key: record[key] for key in ("oracle", "sha256") if record.get(key)}


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
    kind, factor = trained_noise(subject.record["recipe"])
    model = subject.module(kind, factor)
    codes = torch.cat([model.encode(y) for y in noisy_batches(digits, kind, factor)])
    return {"code": sparsity(model, codes)}


@torch.inference_mode()
def _checkerboard(subject: Subject, digits: Digits) -> dict:
    """`inspection.checkerboard` in dB for the periods 2 and 4: of the first digits themselves, and of each stage."""
    digits = digits[:SPECTRUM_DIGITS]
    kind, factor = trained_noise(subject.record["recipe"])
    model = subject.module(kind, factor)
    found = stages(model, subject.record["recipe"], torch.cat(list(noisy_batches(digits, kind, factor))))
    pictures = {"digits": digits.floats()} | found
    board = {stage: [checkerboard(x, period) for period in PERIODS] for stage, x in pictures.items()}
    return {"checkerboard": board}


def _plane(model: VAE, digits: Digits, referee: nn.Module | None) -> dict:
    from . import latent

    found = variational(model, digits)
    if latent.has_plane(model):
        found["nll"] = latent.exact_nll(model, digits)
        found["coverage"] = latent.coverage(model, referee) if referee else None
    if len(digits) > NEIGHBOURS and digits.labelled:
        with torch.inference_mode():
            codes = torch.cat([model.encode(to_float(images)) for images in digits.images.split(BATCH)])
        found["neighbour_accuracy"] = latent.neighbour_accuracy(codes.float().cpu(), digits.labels.cpu(), NEIGHBOURS)
    return found


WIDTH = 120  # columns of a printed table
COLUMNS = {"psnr": ("PSNR, dB", 2, 7), "ssim": ("SSIM", 3, 7), "accuracy": ("referee right, %", 1, 7)}
COLUMNS |= {"bce": ("BCE, nats per pixel", 4, 8), "mse": ("MSE", 4, 8)}  # title, decimals, width of a column


def tables(report: dict) -> str:
    """`report` of `evaluate` as text: per noise kind a table of all metrics by noise factor, then one of the models."""
    blocks = []
    names = list(report["models"])
    width = max(map(len, names)) + 1
    for kind in dict.fromkeys(row["noise"] for row in report["results"]):
        rows = {(row["model"], row["noise_factor"]): row for row in report["results"] if row["noise"] == kind}
        factors = list(dict.fromkeys(factor for _, factor in rows))
        images = next(iter(rows.values()))["images"]
        lines: list[list[str]] = []
        for metric, (title, decimals, column) in COLUMNS.items():
            if all(row[metric] is None and not (metric == "psnr" and row["exact"]) for row in rows.values()):
                continue
            per_part = max(1, (WIDTH - width - 2) // column)
            for part in (factors[i : i + per_part] for i in range(0, len(factors), per_part)):
                block = [f"  {title:<{column * len(part)}}", "  " + "".join(f"{f:>{column}g}" for f in part)]
                scale = 100 if metric == "accuracy" else 1
                block += [
                    "  " + "".join(_cell(rows[n, f][metric], scale, decimals, column) for f in part) for n in names
                ]
                if lines and len(lines[-1][1]) + len(block[1]) <= WIDTH:
                    lines[-1] = [left + right for left, right in zip(lines[-1], block, strict=True)]
                else:
                    margin = ["", "noise factor", *names]
                    lines.append([f"{left:<{width}}{right}" for left, right in zip(margin, block, strict=True)])
        blocks.append(f"{NOISES[kind].label} noise, {images:,} digits")
        blocks += ["\n".join(line.rstrip() for line in table) for table in lines]
        if exact := sum(row["exact"] > 0 for row in rows.values()):
            blocks.append(f"In {exact} of these cells some pictures equal the clean digit; their PSNR is left out.")
    return "\n\n".join([*_about_data(report), *blocks, *_about_models(report["models"], width)])


def _about_data(report: dict) -> Iterator[str]:
    """What was measured on, where that is not MNIST, and which models were trained on something else or just that."""
    here = report["data"]
    if here != "mnist":
        yield f"Measured on {data_title(here)}."
    for data in dict.fromkeys(about["data"] for about in report["models"].values()):
        names = ", ".join(name for name, about in report["models"].items() if about["data"] == data)
        if data not in (None, here):
            yield f"Trained on {data_title(data)}, not on what is measured here: {names}."
        elif data and data not in DATASETS:
            yield f"Trained on these very pictures: {names}."


def _about_models(models: dict[str, dict], width: int) -> Iterator[str]:
    """Blocks of lines on what does not depend on the noise: sizes and times, checkerboards, codes."""
    heads = f"{'parameters':>12}{'file, kB':>10}{'ms, batch 1':>13}{'batch 256':>11}  per picture{'21 at once':>12}"
    lines = [" " * width + heads]
    for name, about in models.items():
        lines.append(
            f"{name:<{width}}{about['parameters']:>12,}{about['bytes'] / 1000:>10,.0f}"
            f"{about['ms_batch_1']:>13.3f}{about['ms_batch_256']:>11.3f}{about['ms_sweep']:>25.2f}"
        )
    yield "\n".join(lines)
    lines = [f"{'':<{width}}checkerboards of period 2 / 4, in dB over the spectrum around them"]
    for name, board in ((name, about["checkerboard"]) for name, about in models.items() if "checkerboard" in about):
        cells = (f"{stage} {' / '.join(f'{value:+.1f}' for value in found)}" for stage, found in board.items())
        lines.append(f"{name:<{width}}{', '.join(cells)}")
    if lines[1:]:
        yield "\n".join(lines)
    lines = []
    for name, about in models.items():
        if about.get("code", {}).get("zero"):
            line = (
                "{zero:.0%} of the {values:,} values of its code are 0, {dead} always; {small:.0%} of its weights below"
            )
            lines.append(f"{name:<{width}}{line.format(**about['code'])} {SMALL_WEIGHT:g}")
    if lines:
        yield "\n".join(lines)
    for name, about in models.items():
        if "negative_elbo" in about:
            line = "{}, clean digits: negative ELBO {negative_elbo:.2f} nats = recon {recon:.2f} + KL {kl:.2f}"
            if "nll" in about:
                line += "; exact negative log-likelihood {nll:.2f}"
            if about.get("coverage") is not None:
                line += "; {coverage:.0%} of 20 x 20 tiles over the prior read surely"
            if "neighbour_accuracy" in about:
                line += "; 10 nearest other codes read {neighbour_accuracy:.1%} right"
            yield line.format(name, **about)


def _cell(value: float | None, scale: float, decimals: int, width: int) -> str:
    return f"{'inf' if value is None else format(value * scale, f'.{decimals}f'):>{width}}"
