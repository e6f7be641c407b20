"""Figures of samplers over a set of digits: originals per noise kind and factor, and dreams; with a table of them.

The noise and the originals of each digit are seeded with its position. Knows nothing of pages.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from ..checkpoint import load_checkpoint
from ..data import Digits
from ..errors import DenoiserError
from ..noise import gaussian_log_likelihood
from ..posterior import (
    BASELINE,
    CLASSES,
    STATISTICS,
    coverage,
    decibels_below,
    load_sampler,
    mean,
    pool,
    ranks,
    read_probabilities,
    spread_over_error,
    vote_calibration,
    votes,
)
from ..referee import CONFIDENT, REFEREE
from ..runtime.precision import autocast, default_precision
from ..samplers import Sampler
from .measure import noisy_batches

FACTORS = (0.5, 0.7, 1.0)
FEW = 8  # originals for spread, coverage and ranks
VOTERS = 16
CHUNK = 1_000  # dreams, and rows of a table of distances
Progress = Callable[[int], object]


def evaluate_samplers(
    names: Sequence[str],
    digits: Digits,
    kinds: Sequence[str],
    factors: Sequence[float],
    count: int = VOTERS,
    training: Digits | None = None,
    dreams: int = 0,
    progress: Progress = lambda done: None,
) -> Iterator[tuple[str, dict]]:
    """Measure the samplers of these names: yields ("originals", row) and ("dreams", row), each row with its `sampler`.

    The figures are those of `measure_originals` for each kind and factor, and of `measure_dreams` where `training` is
    given and `dreams` above 0; with a `count` of 0 there are only dreams. The baseline is measured under Gaussian noise
    alone, for which it is made. Raises CheckpointError where a sampler, `unet` or the referee is missing. `progress` is
    called with the number of digits and dreams done since the last call.
    """
    device = str(digits.images.device)
    denoiser, referee = load_checkpoint("unet", device)[0], load_checkpoint(REFEREE, device)[0]
    denoiser = denoiser.to(memory_format=torch.channels_last)
    for name in names:
        sampler = load_sampler(name, device).to(memory_format=torch.channels_last)
        for kind in kinds:
            if name == BASELINE and kind != "gaussian":
                continue
            for factor in factors if count else ():
                row = measure_originals(sampler, denoiser, referee, digits, kind, factor, count, progress)
                yield "originals", {"sampler": name} | row
        if training and dreams:
            row = measure_dreams(sampler, referee, training, digits, dreams, progress)
            yield "dreams", {"sampler": name} | row


def merge(earlier: dict, key: str, row: dict) -> dict:
    """The results `earlier` with a new row under "originals" or "dreams" instead of an older one.

    That is one of the same sampler and noise, with as many originals.
    """

    def subject(each: dict) -> tuple:
        return each["sampler"], each.get("kind"), each.get("factor"), each.get("count")

    others = [each for each in earlier.get(key, []) if subject(each) != subject(row)]
    return {"originals": [], "dreams": []} | earlier | {key: [*others, row]}


@torch.inference_mode()
def measure_originals(
    sampler: Sampler,
    denoiser: nn.Module,
    referee: nn.Module,
    digits: Digits,
    kind: str,
    factor: float,
    count: int = VOTERS,
    progress: Progress = lambda done: None,
) -> dict:
    """How good `count` originals of each of `digits` are, under noise of `kind` and `factor`.

    `spread_over_error`, `coverage` and `ranks` (per statistic, how often the truth has each rank) are of 8 originals.
    `gain` has by how many dB the squared error of one original, and of the mean of 8, 16 and so on, is above that of
    the `denoiser`. `votes` of 16, and the `pooled` probabilities of their readings, are compared with the labels;
    `denoiser_accuracy` is the referee's on the denoiser's answers.
    `log_likelihood` is, for Gaussian noise, the noisy pictures' under the originals less that under the truth, in nats
    a picture. `count` is at least 16.
    """
    if count < VOTERS:
        raise DenoiserError(f"votes take {VOTERS} originals, not {count}")
    device = digits.images.device
    clean, start = digits.floats(), time.perf_counter()
    answers, samples, likelihoods, done = [], [], [], 0
    for noisy in noisy_batches(digits, kind, factor):
        x = clean[done : done + len(noisy)]
        with autocast(device, default_precision(device)):
            answers.append(denoiser(noisy).float())
            samples.append(sampler.sample(noisy, count, seed=range(done, done + len(noisy))).float())
        if kind == "gaussian" and factor > 0:
            likelihoods.append(
                torch.stack([gaussian_log_likelihood(noisy, each, factor) for each in samples[-1]]).mean(dim=0)
                - gaussian_log_likelihood(noisy, x, factor)
            )
        done += len(noisy)
        progress(len(noisy))
    answer, sample = torch.cat(answers), torch.cat(samples, dim=1)
    few, readings = sample[:FEW], read_probabilities(sample[:VOTERS], referee)
    sizes = [size for size in (FEW, VOTERS, 2 * VOTERS, 4 * VOTERS) if size <= count]
    return {
        "kind": kind,
        "factor": factor,
        "digits": len(digits),
        "count": count,
        "spread_over_error": spread_over_error(few, clean),
        "gain": {"1": -decibels_below(few, answer.expand_as(few), clean.expand_as(few))}
        | {str(size): -decibels_below(mean(sample[:size]), answer, clean) for size in sizes},
        "coverage": coverage(few, clean),
        "ranks": {
            name: torch.bincount(ranks(few, clean, statistic), minlength=FEW + 1).tolist()
            for name, statistic in STATISTICS.items()
        },
        "votes": vote_calibration(votes(readings.argmax(dim=2)), digits.labels),
        "pooled": vote_calibration(pool(readings), digits.labels),
        "denoiser_accuracy": (referee(answer).argmax(dim=1) == digits.labels).double().mean().item(),
        "log_likelihood": torch.cat(likelihoods).double().mean().item() if likelihoods else None,
        "milliseconds": 1000 * (time.perf_counter() - start) / len(digits),
    }


@torch.inference_mode()
def measure_dreams(
    sampler: Sampler,
    referee: nn.Module,
    training: Digits,
    test: Digits,
    count: int = 10_000,
    progress: Progress = lambda done: None,
) -> dict:
    """How much `count` dreams are like digits of `test`, which nobody trained on.

    `sure` is the share the referee reads with more than 60 % confidence, `shares` that of each digit among them all and
    `total_variation` their distance from those of `training`; `frechet` the Frechet distance of the referee's last
    hidden layer to `test`, and `frechet_floor` that of `training` to `test`. `nearest` is the median distance of a
    dream to the nearest picture of `training`, `nearest_test` that of a picture of `test`, `closest` and
    `closest_test` their first percentiles.
    """
    device, dreams = test.images.device, []
    for start in range(0, count, CHUNK):
        with autocast(device, default_precision(device)):
            dreams.append(sampler.dream(min(CHUNK, count - start), seed=start).float())
        progress(len(dreams[-1]))
    pictures = torch.cat(dreams)
    features, probabilities = _hidden(referee, pictures)
    test_features, _ = _hidden(referee, test.floats())
    training_features, _ = _hidden(referee, training.floats())
    shares = torch.bincount(probabilities.argmax(dim=1), minlength=CLASSES).double() / count
    expected = torch.bincount(training.labels, minlength=CLASSES).double() / len(training)
    near, near_test = _nearest(pictures, training), _nearest(test.floats(), training)
    return {
        "dreams": count,
        "sure": (probabilities.amax(dim=1) > CONFIDENT).double().mean().item(),
        "shares": shares.tolist(),
        "total_variation": 0.5 * (shares - expected).abs().sum().item(),
        "frechet": frechet_distance(features, test_features),
        "frechet_floor": frechet_distance(training_features, test_features),
        "nearest": near.median().item(),
        "nearest_test": near_test.median().item(),
        "closest": near.quantile(0.01).item(),
        "closest_test": near_test.quantile(0.01).item(),
    }


def _hidden(referee: nn.Module, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """What goes into the referee's last layer (N, features), and the probabilities (N, 10) that come out of it."""
    seen: list[Tensor] = []
    last = [layer for layer in referee.modules() if isinstance(layer, nn.Linear)][-1]
    hook = last.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    try:
        logits = torch.cat([referee(part) for part in pictures.split(CHUNK)])
    finally:
        hook.remove()
    return torch.cat(seen), torch.softmax(logits.float(), dim=1)


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """Squared Wasserstein distance of two sets of vectors (N, d) and (M, d), were both normally distributed.

        |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^(1/2) C2 C1^(1/2))^(1/2))

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017.
    """
    first, second = first.double(), second.double()
    one, two = first.T.cov(), second.T.cov()
    values, vectors = torch.linalg.eigh(one)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    mixed = torch.linalg.eigvalsh(root @ two @ root).clamp_min(0).sqrt().sum()
    return ((first.mean(0) - second.mean(0)).square().sum() + one.trace() + two.trace() - 2 * mixed).item()


def _nearest(pictures: Tensor, training: Digits) -> Tensor:
    """The distance (N,) of each picture to the nearest of `training`."""
    nearest = []
    for part in pictures.flatten(1).split(CHUNK):
        found = [torch.cdist(part, images.float().flatten(1) / 255) for images in training.images.split(10 * CHUNK)]
        nearest.append(torch.cat(found, dim=1).amin(dim=1))
    return torch.cat(nearest)


def format_originals(rows: Sequence[dict]) -> str:
    """A table of what `measure_originals` found, each row with the `sampler`'s name."""
    lines = [
        f"{'sampler':16}{'noise':16}{'factor':>6}{'spread/error':>14}{'coverage':>10}{'one dB':>8}{'of 8':>7}"
        f"{'of 64':>7}{'votes right %':>15}{'pooled %':>10}{'denoiser %':>12}{'calibration':>13}{'pooled':>8}"
        f"{'floor':>7}"
    ]
    for row in rows:
        gain, vote, pooled = row["gain"], row["votes"], row["pooled"]
        many = f"{gain['64']:.2f}" if "64" in gain else "-"
        lines.append(
            f"{row['sampler']:16}{row['kind']:16}{row['factor']:6g}{row['spread_over_error']:14.3f}"
            f"{row['coverage']:10.3f}{gain['1']:8.2f}{gain['8']:7.2f}{many:>7}{100 * vote['accuracy']:15.1f}"
            f"{100 * pooled['accuracy']:10.1f}{100 * row['denoiser_accuracy']:12.1f}"
            f"{vote['calibration_error']:13.3f}{pooled['calibration_error']:8.3f}{pooled['calibration_floor']:7.3f}"
        )
    return "\n".join(lines)


def format_dreams(rows: Sequence[dict]) -> str:
    """A table of what `measure_dreams` found, each row with the `sampler`'s name."""
    lines = [
        f"{'sampler':16}{'dreams':>8}{'sure %':>8}{'shares off':>12}{'Frechet':>9}{'floor':>7}{'nearest':>9}{'test':>7}"
    ]
    lines += [
        f"{row['sampler']:16}{row['dreams']:8}{100 * row['sure']:8.1f}{row['total_variation']:12.3f}"
        f"{row['frechet']:9.2f}{row['frechet_floor']:7.2f}{row['nearest']:9.2f}{row['nearest_test']:7.2f}"
        for row in rows
    ]
    return "\n".join(lines)
