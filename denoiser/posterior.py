"""What a noisy picture may have been: possible originals, what they read as, where they differ, how good they are.

Samples are pictures (K, B, 1, 28, 28) in [0, 1]: K originals of each of B noisy pictures. A sampler is right where the
truth cannot be told from its samples; the measures below compare it with them. Knows no page.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor, nn

from .checkpoint import load_checkpoint, load_model
from .runtime.precision import autocast, default_precision
from .samplers import STEPS, Sampler

SAMPLER = "sampler"
BASELINE = "unet-ancestral"  # the untrained one: the U-Net in ancestral steps
BINS = 10  # of confidence, for calibration
GREYS = 16  # levels that coverage tells apart
CLASSES = 10
TRIALS = 200  # of chance, for the floor of a calibration error


# ---------- drawing ----------


@cache
def load_sampler(name: str = SAMPLER, device: str = "cpu") -> Sampler:
    """The sampler of that name, or the BASELINE; CheckpointError where it is not there or another kind of model."""
    from .checkpoint import CheckpointError
    from .samplers import AncestralSampler

    if name == BASELINE:
        return AncestralSampler(load_model("unet", device)[0]).eval()
    model, _ = load_checkpoint(name, device)
    if not isinstance(model, Sampler):
        raise CheckpointError(f"{name!r} does not sample; what does is {SAMPLER!r} or {BASELINE!r}")
    return model.to(memory_format=torch.channels_last)


def find_sampler(device: str = "cpu") -> tuple[str, Sampler]:
    """The name of the best sampler that is there, and itself; CheckpointError where there is none."""
    from .checkpoint import CheckpointError

    try:
        return SAMPLER, load_sampler(SAMPLER, device)
    except CheckpointError:
        return BASELINE, load_sampler(BASELINE, device)


def possible_originals(
    noisy: Tensor, count: int = 12, seed: int | Sequence[int] = 0, *, steps: int = STEPS, name: str = SAMPLER
) -> Tensor:
    """Clean digits (count, B, 1, 28, 28) that `noisy` (B, 1, 28, 28) may come from, each as likely as the others.

    The same seed gives the same originals in any batch; a sequence of B seeds gives each picture its own. Raises
    ValueError for pictures of another shape, CheckpointError where there is no such sampler.
    """
    with autocast(noisy.device, default_precision(noisy.device)):
        return load_sampler(name, str(noisy.device)).sample(noisy, count, seed, steps=steps)


def dream(count: int = 12, seed: int = 0, *, steps: int = STEPS, name: str = SAMPLER) -> Tensor:
    """Digits (count, 1, 28, 28) that nobody wrote."""
    cpu = torch.device("cpu")
    with autocast(cpu, default_precision(cpu)):
        return load_sampler(name).dream(count, seed, steps=steps)


def complete(
    x: Tensor,
    known: Tensor,
    count: int = 8,
    seed: int | Sequence[int] = 0,
    *,
    steps: int = STEPS,
    name: str = SAMPLER,
) -> Tensor:
    """Digits (count, B, 1, 28, 28) that are the clean `x` wherever the boolean mask `known` (B, 1, 28, 28) is true."""
    with autocast(x.device, default_precision(x.device)):
        return load_sampler(name, str(x.device)).complete(x, known, count, seed, steps=steps)


# ---------- what samples say ----------


def mean(samples: Tensor) -> Tensor:
    """The average (B, 1, 28, 28): of all single pictures the one with the smallest expected squared error."""
    return samples.mean(dim=0)


def doubt(samples: Tensor) -> Tensor:
    """Where they differ: each pixel's standard deviation (B, 1, 28, 28), from 0 to 0.5."""
    return samples.std(dim=0, correction=0)


def blend(average: Tensor, sample: Tensor, shares: Sequence[float]) -> Tensor:
    """The straight line from the average (share 0) to a sample (share 1): (len(shares), ...).

    No picture of the same distortion looks more real. Blau and Michaeli, "The Perception-Distortion Tradeoff", 2018;
    Freirich, Michaeli and Meir, "A Theory of the Distortion-Perception Tradeoff", 2021.
    """
    return torch.stack([torch.lerp(average, sample, share) for share in shares])


@torch.inference_mode()
def read_probabilities(samples: Tensor, referee: nn.Module) -> Tensor:
    """The referee's probability of each digit (K, B, 10) in each sample."""
    return torch.stack([torch.softmax(referee(pictures).double(), dim=1) for pictures in samples])


def votes(readings: Tensor) -> Tensor:
    """The share (B, 10) of the samples that read as each digit, from `readings` (K, B), digits."""
    return nn.functional.one_hot(readings, CLASSES).double().mean(dim=0)


def pool(probabilities: Tensor) -> Tensor:
    """The probability (..., 10) of each digit: the mean of the referee's `probabilities` (K, ..., 10) over the samples.

    A sample that may as well be a 4 as a 9 counts half for each, where it is a whole vote for one of them.
    """
    return probabilities.mean(dim=0)


# ---------- how good samples are ----------


def spread_over_error(samples: Tensor, truth: Tensor) -> float:
    """Mean squared distance of two samples over that of a sample and the truth: 1 is right, less is too sure.

    Takes at least two samples.
    """
    spread = 2 * samples.double().var(dim=0).mean()
    return (spread / (samples.double() - truth).square().mean()).item()


def decibels_below(estimate: Tensor, reference: Tensor, truth: Tensor) -> float:
    """By how many dB the squared error of `estimate`, meaned over all pictures, is above that of `reference`.

    Where `reference` is the true posterior mean, the mean of K samples comes to 10 log10(1 + 1 / K).
    """
    errors = [(picture.double() - truth).square().mean() for picture in (estimate, reference)]
    return 10 * math.log10(errors[0] / errors[1])


def coverage(samples: Tensor, truth: Tensor, greys: int = GREYS) -> float:
    """Share of the pixels whose truth lies between the smallest and the largest sample: (K - 1) / (K + 1) is right.

    Pixels count that samples and truth do not all agree on, in `greys` levels; where truth and samples tie at an end,
    each of them is the outermost with equal chance. So the right share holds exactly, whatever the pixels are like.
    """
    levels = torch.cat([truth[None], samples]).mul(greys - 1).round()
    low, high = levels.amin(dim=0), levels.amax(dim=0)
    chances = [(levels[0] == end) / (levels == end).sum(dim=0) for end in (low, high)]
    outermost = torch.stack(chances).sum(dim=0)
    return 1 - outermost[low < high].double().mean().item()


def ranks(samples: Tensor, truth: Tensor, statistic: Callable[[Tensor], Tensor]) -> Tensor:
    """How many samples have a smaller `statistic` than the truth, (B,) from 0 to K; uniform is right.

    `statistic` gives (B,) numbers of pictures (B, 1, 28, 28). Talts et al., "Simulation-Based Calibration", 2018.
    """
    return (torch.stack([statistic(each) for each in samples]) < statistic(truth)).sum(dim=0)


def ink(x: Tensor) -> Tensor:
    """The sum of all pixels (B,)."""
    return x.flatten(1).sum(dim=1)


def slant(x: Tensor) -> Tensor:
    """How far a digit leans to the right for each pixel it rises (B,), by its second moments; 0 for a blank picture."""
    height, width = x.shape[-2:]
    rise = torch.arange(height - 1, -1, -1, device=x.device, dtype=x.dtype).view(1, -1, 1)
    right = torch.arange(width, device=x.device, dtype=x.dtype).view(1, 1, -1)
    weight = x[:, 0] / ink(x).clamp_min(1e-6).view(-1, 1, 1)

    def middle(values: Tensor) -> Tensor:
        return (weight * values).sum(dim=(1, 2)).view(-1, 1, 1)

    up, across = rise - middle(rise), right - middle(right)
    return (middle(up * across) / middle(up.square()).clamp_min(1e-6)).flatten()


def stroke_width(x: Tensor) -> Tensor:
    """Twice the ink over the length of its outline (B,), in pixels; 0 for a blank picture."""
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    down, right = padded.diff(dim=-2)[..., :, :-1], padded.diff(dim=-1)[..., :-1, :]
    return 2 * ink(x) / (down.square() + right.square()).sqrt().flatten(1).sum(dim=1).clamp_min(1e-6)


STATISTICS: dict[str, Callable[[Tensor], Tensor]] = {"ink": ink, "slant": slant, "stroke width": stroke_width}


def reliability(confidence: Tensor, right: Tensor, bins: int = BINS) -> list[list[float]]:
    """For each of equal bins of `confidence` (N,): how many there are, their mean confidence, the share `right` (N,).

    Both means are 0 in an empty bin.
    """
    place = (confidence.double() * bins).ceil().clamp(1, bins).long() - 1
    found = []
    for number in range(bins):
        inside = place == number
        count = int(inside.sum())
        means = [values[inside].double().mean().item() if count else 0.0 for values in (confidence, right)]
        found.append([count, *means])
    return found


def calibration_error(confidence: Tensor, right: Tensor, bins: int = BINS) -> float:
    """By how much confidence (N,) in (0, 1] and the share that was `right` (N,) differ, meaned over equal bins.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities", 2015.
    """
    gaps = [count * abs(mean - share) for count, mean, share in reliability(confidence, right, bins)]
    return sum(gaps) / len(confidence)


def calibration_floor(confidence: Tensor, bins: int = BINS, trials: int = TRIALS) -> float:
    """The calibration error to expect of these confidences (N,) were they right: chance alone, on so few digits."""
    chance = torch.rand(trials, len(confidence), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    confidence = confidence.cpu()
    return sum(calibration_error(confidence, each < confidence, bins) for each in chance) / trials


def vote_calibration(shares: Tensor, labels: Tensor) -> dict[str, float | list[list[float]]]:
    """How far shares of votes (B, 10), or probabilities, can be trusted.

    `accuracy` of the winner, its mean `confidence`, `calibration_error` and the `calibration_floor` of these digits;
    `bins` are the `reliability` of the winner. `nll` is the mean negative log-likelihood of the label in nats, each
    class given half a vote of 16 beforehand.
    """
    confidence, winner = shares.max(dim=1)
    right = winner == labels
    smoothed = (shares * 16 + 0.5) / (16 + CLASSES / 2)
    return {
        "accuracy": right.double().mean().item(),
        "confidence": confidence.mean().item(),
        "calibration_error": calibration_error(confidence, right),
        "calibration_floor": calibration_floor(confidence),
        "bins": reliability(confidence, right),
        "nll": -smoothed.gather(1, labels.view(-1, 1)).log().mean().item(),
    }
