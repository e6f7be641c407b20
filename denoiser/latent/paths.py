"""Paths on the plane: where noise moves a digit's code, and morphs from one point to another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..models import VAE
from ..sweeps import NOISE_FACTORS, Comparison, breaking_point, sweep
from .density import ClassDensity
from .plane import REACH, decode, posterior

STEPS = 13  # pictures of a morph
EMPTY = 0.03  # added to the density, so that a step through empty space costs about 1 / 0.03
SMOOTHING_PASSES = 12


@dataclass(frozen=True)
class Drift:
    """Where one digit is encoded as noise grows: `mu` and `sigma` (F, 2), one row per noise factor of `comparison`.

    `crossing` is the breaking point of the model's row in `comparison`: the first noise factor at which the decoded
    picture reads as another digit; None where there is none, or no referee.
    """

    comparison: Comparison
    mu: Tensor
    sigma: Tensor
    crossing: float | None


def drift(
    model: VAE,
    x: Tensor,
    kind: str,
    seed: int,
    factors: Sequence[float] = NOISE_FACTORS,
    referee: nn.Module | None = None,
) -> Drift:
    """Encode `x` (1, 1, 28, 28) under one noise field at each noise factor. ValueError for an unknown noise kind."""
    comparison = sweep(x, {"map": model}, kind, seed, factors, referee)
    mu, sigma = posterior(model, comparison.pictures[0].unsqueeze(1))
    return Drift(comparison, mu, sigma, breaking_point(comparison, 1))


def straight(a: Tensor, b: Tensor, steps: int = STEPS) -> Tensor:
    """`steps` points (steps, 2) evenly spaced from `a` (2,) to `b` (2,)."""
    return torch.lerp(a, b, torch.linspace(0, 1, steps).unsqueeze(1))


def along_data(a: Tensor, b: Tensor, density: ClassDensity, steps: int = STEPS) -> Tensor:
    """`steps` points (steps, 2) evenly spaced on the cheapest route from `a` to `b`, where empty space costs most."""
    from skimage.graph import route_through_array

    total = density.density.sum(axis=0)
    step = 2 * REACH / (len(total) - 1)
    start, end = (tuple(int(i) for i in ((point + REACH) / step).round().flip(0)) for point in (a, b))
    cells, _ = route_through_array(1 / (total + EMPTY), start, end, fully_connected=True, geometric=True)
    route = np.array(cells, np.float32)[:, ::-1] * step - REACH
    route = np.vstack([a.numpy(), route[1:-1], b.numpy()])
    for _ in range(SMOOTHING_PASSES):  # rounds the lattice's corners off, both ends stay
        route[1:-1] = (route[:-2] + 2 * route[1:-1] + route[2:]) / 4
    length = np.append(0, np.hypot(*np.diff(route, axis=0).T).cumsum())
    at = np.linspace(0, length[-1], steps)
    points = np.stack([np.interp(at, length, route[:, i]) for i in (0, 1)], axis=1)
    return torch.from_numpy(points).float()


def morph(
    model: VAE, a: Tensor, b: Tensor, steps: int = STEPS, density: ClassDensity | None = None
) -> tuple[Tensor, Tensor]:
    """Points (steps, 2) from `a` to `b`, both (2,), and their pictures (steps, 28, 28).

    The way is straight, or with a `density` along the data.
    """
    points = straight(a, b, steps) if density is None else along_data(a, b, density, steps)
    return points, decode(model, points)
