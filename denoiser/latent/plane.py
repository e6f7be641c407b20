"""The plane of a VAE with two latent dimensions: points on it, and the pictures they decode to.

A latent point is (z1, z2), in standard deviations of the prior; the map reaches from -REACH to REACH in both. Lattices
are (n, n, 2) with z1 along the columns and z2 along the rows, both ascending. Knows nothing of pages.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DenoiserError
from ..models import VAE
from ..referee import confident_share

REACH = 6.0
CROWDING = 3.0  # how much denser the atlas's tiles lie near the centre, where the prior has its mass


class LatentPointError(DenoiserError, ValueError):
    """A point that is not on the map."""


def latent_points(values: Sequence) -> Tensor:
    """Points (B, 2) from pairs of numbers. Raises LatentPointError where one is not finite or off the map."""
    try:
        z = torch.as_tensor(values, dtype=torch.float32).reshape(-1, 2)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise LatentPointError("A point on the map is two numbers.") from error
    if not bool(torch.isfinite(z).all()) or bool((z.abs() > REACH).any()):
        raise LatentPointError("That point is off the map, which reaches from −{0} to {1}.", f"{REACH:g}", f"{REACH:g}")
    return z


# ---------- lattices ----------


def lattice(n: int, reach: float = REACH) -> Tensor:
    """`n` x `n` points evenly spaced from -reach to reach."""
    return lattice_of(torch.linspace(-reach, reach, n))


def quantile_lattice(n: int, tail: float = 0.05) -> Tensor:
    """`n` x `n` points at evenly spaced quantiles of the prior, from `tail` to 1 - `tail`: the tutorials' grid."""
    return lattice_of(torch.special.ndtri(torch.linspace(tail, 1 - tail, n)))


def atlas_lattice(n: int) -> Tensor:
    """`n` x `n` points over the whole map, denser in the middle: REACH sinh(c t) / sinh(c), t even in [-1, 1]."""
    t = torch.linspace(-1, 1, n)
    return lattice_of(REACH * torch.sinh(CROWDING * t) / math.sinh(CROWDING))


def lattice_of(axis: Tensor) -> Tensor:
    """The points (n, n, 2) whose coordinates are on `axis` (n,)."""
    z2, z1 = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack((z1, z2), dim=-1)


# ---------- encoding and decoding ----------


@torch.inference_mode()
def posterior(model: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean `mu` and standard deviation `sigma`, both (B, 2), of the posterior of pictures (B, 1, 28, 28)."""
    mu, logvar = model.posterior(x)
    return mu.float(), torch.exp(0.5 * logvar.float())


@torch.inference_mode()
def decode(model: VAE, points: Tensor) -> Tensor:
    """Pictures (..., 28, 28) in [0, 1] of the points (..., 2)."""
    pictures = model.decode(points.reshape(-1, 2))
    return pictures.view(*points.shape[:-1], *pictures.shape[-2:])


def atlas(model: VAE, n: int) -> Tensor:
    """The pictures (n, n, 28, 28) of `atlas_lattice(n)`, decoded in one batch."""
    return decode(model, atlas_lattice(n))


def sample(model: VAE, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """`count` points (count, 2) drawn from the prior, clamped to the map, and their pictures (count, 28, 28)."""
    z = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)).clamp(-REACH, REACH)
    return z, decode(model, z)


def contact_sheet(pictures: Tensor) -> np.ndarray:
    """A lattice's pictures (n, m, H, W) as one picture, uint8 (n * H, m * W); z2 grows upwards, as on the map."""
    rows, columns, height, width = pictures.shape
    sheet = pictures.flip(0).permute(0, 2, 1, 3).reshape(rows * height, columns * width)
    return (sheet * 255).round().to(torch.uint8).numpy()


# ---------- how good the decoded pictures are ----------


@torch.inference_mode()
def coverage(model: VAE, referee: nn.Module, n: int = 20, tail: float = 0.01) -> float:
    """The share of n x n pictures over the prior's quantiles that the referee reads confidently, in [0, 1]."""
    pictures = decode(model, quantile_lattice(n, tail).to(next(model.parameters()).device))
    return confident_share(referee, pictures)


def sharpness(pictures: Tensor) -> Tensor:
    """The sharpness (...,) of each picture (..., 28, 28): the variance of its Laplacian.

    So Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000, find the lens that is in focus, and
    Tolstikhin et al., "Wasserstein Auto-Encoders", 2018, compare samples of VAEs. It depends on what is shown: compare
    it with that of real digits.
    """
    kernel = pictures.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    edges = torch.nn.functional.conv2d(pictures.reshape(-1, 1, *pictures.shape[-2:]), kernel)
    return edges.flatten(1).var(dim=1, correction=0).view(pictures.shape[:-2])
