"""The plane of a variational autoencoder with two latent dimensions, and what can be asked of it.

A place is (z1, z2), in standard deviations of the prior; the map reaches from -REACH to REACH in both. Lattices are
(n, n, 2) with z1 along the columns and z2 along the rows, both ascending. Knows nothing of pages.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .checkpoint import FOLDER, load_checkpoint
from .comparison import LADDER, Comparison, breaking_point, sweep
from .data import Digits, load_mnist
from .errors import DenoiserError
from .files import write_atomically
from .models import VAE

REACH = 6.0
CROWDING = 3.0  # of the atlas's tiles towards the middle, where the prior is
CLASSES = 10
NEIGHBOURS = 10  # of the k-NN accuracy
BANDWIDTH = 0.16  # of the class densities
SHARES = (0.5, 0.9)  # of a class's test digits that lie within its inner and its outer contour
BATCH = 1_000
STEPS = 13  # pictures of a morph
MOST_BYTES = 2**26  # of a file of codes, unpacked
NLL_STEP, NLL_REACH = 0.025, 4.5  # of the lattice that exact_nll sums over; halving the step changes it by < 0.01 nats
NLL_PLACES = 2_000  # of it at a time
SURE = 0.6  # above this probability the referee's reading counts as sure


class PlaceError(DenoiserError, ValueError):
    """A place that is not on the map."""


class CodesError(DenoiserError, RuntimeError):
    """The stored codes are missing, damaged, or those of other weights."""


# ---------- codes of the test digits ----------


@dataclass(frozen=True)
class Codes:
    """Where the test digits lie: posterior means `mu` float32 (N, 2), `labels` uint8 (N,), and their k-NN accuracy.

    `sharpness` is the mean of theirs, as a measure for decoded pictures; None where the file is older than it.
    """

    mu: np.ndarray
    labels: np.ndarray
    accuracy: float
    sharpness: float | None = None


def has_plane(model: nn.Module) -> bool:
    """Whether the model's code is a Gaussian in two dimensions."""
    return isinstance(model, VAE) and model.encoder[-1].out_features == 4


@torch.inference_mode()
def encode_digits(model: VAE, digits: Digits) -> Codes:
    """The codes of `digits`, computed where the model lives."""
    device = next(model.parameters()).device
    mu = torch.cat([model.encode(part.floats().to(device)) for part in _parts(digits)]).float().cpu()
    labels = digits.labels.cpu()
    accuracy = neighbour_accuracy(mu, labels)
    sharp = sharpness(digits.floats()).mean().item()
    return Codes(mu.numpy(), labels.to(torch.uint8).numpy(), accuracy, sharp)


def _parts(digits: Digits) -> list[Digits]:
    return [digits[start : start + BATCH] for start in range(0, len(digits), BATCH)]


def neighbour_accuracy(mu: Tensor, labels: Tensor, k: int = NEIGHBOURS) -> float:
    """The share of codes whose k nearest other codes vote for their own class; a tie goes to the smaller digit."""
    right = 0
    for start in range(0, len(mu), BATCH):
        part = mu[start : start + BATCH]
        distance = torch.cdist(part, mu)
        distance[torch.arange(len(part)), torch.arange(start, start + len(part))] = torch.inf
        nearest = labels[distance.topk(k, largest=False).indices]
        votes = torch.nn.functional.one_hot(nearest.long(), CLASSES).sum(dim=1)
        right += int((votes.argmax(dim=1) == labels[start : start + BATCH]).sum())
    return right / len(mu)


def codes_path(name: str, folder: Path = FOLDER) -> Path:
    """Where the codes of the checkpoint `name` lie."""
    return folder / f"{name}.codes.npz"


def save_codes(model: VAE, digits: Digits, path: Path, sha256: str) -> Codes:
    """Encode `digits` and write their codes, with the hash of the weights that they belong to; no picture is kept."""
    codes = encode_digits(model, digits)
    content = io.BytesIO()
    np.savez_compressed(content, **vars(codes), sha256=sha256)
    write_atomically(path, content.getvalue())
    return codes


def load_codes(path: Path, sha256: str) -> Codes:
    """The codes that `save_codes` wrote for the weights of that hash. Raises CodesError."""
    damaged = f"The codes of the test digits cannot be read: {path.name} is damaged."
    try:
        with np.load(path, allow_pickle=False) as file:
            if sum(member.file_size for member in file.zip.infolist()) > MOST_BYTES:
                raise CodesError(damaged)
            sharp = float(file["sharpness"]) if "sharpness" in file else None
            codes = Codes(file["mu"], file["labels"], float(file["accuracy"]), sharp)
            owner = str(file["sha256"])
    except FileNotFoundError:
        raise CodesError(f"There are no codes of the test digits: {path.name} is missing.") from None
    except Exception as error:  # readers of zip files raise whatever the byte that is wrong leads them to
        raise CodesError(damaged) from error
    if owner != sha256:
        raise CodesError(f"The codes in {path.name} belong to other weights than this map's.")
    if not _sound(codes):
        raise CodesError(damaged)
    return codes


def _sound(codes: Codes) -> bool:
    """Whether codes that were read are of the types and ranges of Codes."""
    return (
        codes.mu.dtype == np.float32
        and codes.labels.dtype == np.uint8
        and codes.labels.ndim == 1
        and codes.mu.shape == (len(codes.labels), 2)
        and len(codes.labels) > 0
        and bool(np.isfinite(codes.mu).all())
        and int(codes.labels.max()) < CLASSES
        and all(math.isfinite(figure) for figure in (codes.accuracy, codes.sharpness or 0.0))
    )


def write_codes(name: str, folder: Path = FOLDER) -> Codes:
    """`save_codes` for a trained checkpoint and MNIST's 10,000 test digits."""
    model, record = load_checkpoint(name, folder=folder)
    return save_codes(model, load_mnist("test"), codes_path(name, folder), record["sha256"])


# ---------- places and pictures ----------


def as_places(values: Sequence) -> Tensor:
    """Places (B, 2) from pairs of numbers. Raises PlaceError where one is not finite or off the map."""
    try:
        z = torch.as_tensor(values, dtype=torch.float32).reshape(-1, 2)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise PlaceError("A place on the map is two numbers.") from error
    if not bool(torch.isfinite(z).all()) or bool((z.abs() > REACH).any()):
        raise PlaceError(f"That place is off the map, which reaches from −{REACH:g} to {REACH:g}.")
    return z


def lattice(n: int, reach: float = REACH) -> Tensor:
    """`n` x `n` places evenly over the plane from -reach to reach."""
    return _cross(torch.linspace(-reach, reach, n))


def quantile_lattice(n: int, tail: float = 0.05) -> Tensor:
    """`n` x `n` places at even quantiles of the prior, `tail` left out at each end: the tutorials' grid."""
    return _cross(torch.special.ndtri(torch.linspace(tail, 1 - tail, n)))


def _cross(axis: Tensor) -> Tensor:
    z2, z1 = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack((z1, z2), dim=-1)


@torch.inference_mode()
def decode(model: VAE, places: Tensor) -> Tensor:
    """Pictures (..., 28, 28) in [0, 1] of the places (..., 2)."""
    pictures = model.decode(places.reshape(-1, 2))
    return pictures.view(*places.shape[:-1], *pictures.shape[-2:])


def atlas_lattice(n: int) -> Tensor:
    """`n` x `n` places over the whole plane, closer to each other in the middle: REACH sinh(c t) / sinh(c), t even."""
    t = torch.linspace(-1, 1, n)
    return _cross(REACH * torch.sinh(CROWDING * t) / math.sinh(CROWDING))


def atlas(model: VAE, n: int) -> Tensor:
    """The plane decoded on `atlas_lattice(n)` in one batch: pictures (n, n, 28, 28)."""
    return decode(model, atlas_lattice(n))


def contact_sheet(pictures: Tensor) -> np.ndarray:
    """One picture, uint8 (n * 28, n * 28), of a lattice's pictures; z2 grows upwards, as on the map."""
    rows, columns, height, width = pictures.shape
    sheet = pictures.flip(0).permute(0, 2, 1, 3).reshape(rows * height, columns * width)
    return (sheet * 255).round().to(torch.uint8).numpy()


@torch.inference_mode()
def posterior(model: VAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Where pictures (B, 1, 28, 28) land: `mu` and `sigma`, both (B, 2)."""
    mu, logvar = model.posterior(x)
    return mu.float(), torch.exp(0.5 * logvar.float())


@torch.inference_mode()
def read(referee: nn.Module, pictures: Tensor) -> Tensor:
    """The referee's probabilities (B, 10) for pictures (B, 28, 28)."""
    parts = [referee(part.unsqueeze(1)).float() for part in pictures.split(BATCH // 4)]
    return torch.softmax(torch.cat(parts), dim=1)


def sample(model: VAE, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """`count` places drawn from the prior, kept on the map, and their pictures."""
    z = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed)).clamp(-REACH, REACH)
    return z, decode(model, z)


# ---------- figures of a whole plane ----------


@torch.inference_mode()
def exact_nll(model: VAE, digits: Digits, step: float = NLL_STEP, reach: float = NLL_REACH) -> float:
    """-log p(x) in nats per picture, grey pixels as in `VAE.terms`, meaned over `digits`.

        p(x) = integral of p(x | z) N(z; 0, I) dz

    as a sum over the lattice of that `step` from -reach to reach: with two latent dimensions no sample and no bound
    is needed. `VAE.terms` gives the negative ELBO, which is above it by KL(q(z | x) || p(z | x)).
    """
    device = next(model.parameters()).device
    clean = digits.floats().to(device).flatten(1)
    places = _cross(torch.arange(-reach, reach + step / 2, step)).view(-1, 2).to(device)
    log_weight = -0.5 * places.square().sum(dim=1) - math.log(2 * math.pi) + 2 * math.log(step)
    total = torch.full((len(clean),), -torch.inf, device=device)
    for z, weight in zip(places.split(NLL_PLACES), log_weight.split(NLL_PLACES), strict=True):
        logits = model.decoder(z).float().flatten(1)
        log_p = clean @ logits.T - torch.nn.functional.softplus(logits).sum(dim=1) + weight
        total = torch.logaddexp(total, log_p.logsumexp(dim=1))
    return -total.double().mean().item()


@torch.inference_mode()
def coverage(model: VAE, referee: nn.Module, n: int = 20, tail: float = 0.01) -> float:
    """`readable` of n x n tiles over the prior's quantiles."""
    tiles = decode(model, quantile_lattice(n, tail).to(next(model.parameters()).device))
    return readable(referee, tiles)


def readable(referee: nn.Module, pictures: Tensor) -> float:
    """The share of pictures (..., 28, 28) that the referee reads with a probability above SURE."""
    return (read(referee, pictures.flatten(0, -3)).max(dim=1).values > SURE).double().mean().item()


def sharpness(pictures: Tensor) -> Tensor:
    """How sharp pictures (..., 28, 28) are, one value each: the variance of what a Laplace filter makes of them.

    So Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000, find the lens that is in focus, and
    Tolstikhin et al., "Wasserstein Auto-Encoders", 2018, compare samples of VAEs. It depends on the scene: compare it
    with that of real digits.
    """
    kernel = pictures.new_tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]]).view(1, 1, 3, 3)
    edges = torch.nn.functional.conv2d(pictures.reshape(-1, 1, *pictures.shape[-2:]), kernel)
    return edges.flatten(1).var(dim=1, correction=0).view(pictures.shape[:-2])


# ---------- where the classes live ----------


@dataclass(frozen=True)
class Countries:
    """Where the classes live: `density` float32 (10, n, n) on the lattice, the largest value 1; `levels` (10, 2), the
    densities that hold SHARES of each class; `centres` (10, 2), its heartland: where it is dense and nearly alone."""

    density: np.ndarray
    levels: np.ndarray
    centres: np.ndarray


def countries(codes: Codes, n: int = 121, bandwidth: float = BANDWIDTH) -> Countries:
    """Gaussian kernel densities of the codes, class by class."""
    step = 2 * REACH / (n - 1)
    cell = np.clip(np.rint((codes.mu + REACH) / step).astype(int), 0, n - 1)
    counts = np.zeros((CLASSES, n, n), np.float32)
    np.add.at(counts, (codes.labels, cell[:, 1], cell[:, 0]), 1)
    offsets = np.arange(n)[:, None] - np.arange(n)[None, :]
    kernel = np.exp(-0.5 * (offsets * step / bandwidth) ** 2).astype(np.float32)
    density = kernel @ counts @ kernel
    density /= density.max() or 1
    alone = density * (density / (density.sum(axis=0) + 1e-4)) ** 2
    levels, centres = np.zeros((CLASSES, len(SHARES)), np.float32), np.zeros((CLASSES, 2), np.float32)
    for c in range(CLASSES):
        mine = cell[codes.labels == c]
        if len(mine):
            levels[c] = np.quantile(density[c, mine[:, 1], mine[:, 0]], [1 - share for share in SHARES])
        row, column = np.unravel_index(alone[c].argmax(), (n, n))
        centres[c] = (column * step - REACH, row * step - REACH)
    return Countries(density, levels, centres)


# ---------- paths ----------


@dataclass(frozen=True)
class Drift:
    """Where one digit lands as noise grows: `mu` and `sigma` (F, 2), one row per noise factor of `comparison`.

    `crossing` is the first factor at which the decoded picture reads as another digit; None where there is none, or
    no referee. It is the breaking point that a comparison of models shows for this model.
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
    factors: Sequence[float] = LADDER,
    referee: nn.Module | None = None,
) -> Drift:
    """`x` (1, 1, 28, 28) under one noise field that grows. Raises ValueError for an unknown noise kind."""
    comparison = sweep(x, {"map": model}, kind, seed, factors, referee)
    mu, sigma = posterior(model, comparison.pictures[0].unsqueeze(1))
    return Drift(comparison, mu, sigma, breaking_point(comparison, 1))


def straight(a: Tensor, b: Tensor, steps: int = STEPS) -> Tensor:
    """`steps` places (steps, 2) evenly from `a` to `b`."""
    return torch.lerp(a, b, torch.linspace(0, 1, steps).unsqueeze(1))


def along_data(a: Tensor, b: Tensor, land: Countries, steps: int = STEPS) -> Tensor:
    """`steps` places (steps, 2) from `a` to `b`, on the cheapest way where empty land costs most."""
    from skimage.graph import route_through_array

    density = land.density.sum(axis=0)
    n = len(density)
    step = 2 * REACH / (n - 1)
    start, end = (tuple(int(i) for i in ((place + REACH) / step).round().flip(0)) for place in (a, b))
    cells, _ = route_through_array(1 / (density + 0.03), start, end, fully_connected=True, geometric=True)
    way = np.array(cells, np.float32)[:, ::-1] * step - REACH
    way = np.vstack([a.numpy(), way[1:-1], b.numpy()])
    for _ in range(12):  # lattice corners off, both ends kept
        way[1:-1] = (way[:-2] + 2 * way[1:-1] + way[2:]) / 4
    length = np.append(0, np.hypot(*np.diff(way, axis=0).T).cumsum())
    at = np.linspace(0, length[-1], steps)
    places = np.stack([np.interp(at, length, way[:, i]) for i in (0, 1)], axis=1)
    return torch.from_numpy(places).float()


def morph(model: VAE, a: Tensor, b: Tensor, steps: int = STEPS, land: Countries | None = None) -> tuple[Tensor, Tensor]:
    """Places (steps, 2) from `a` to `b`, both (2,), and their pictures: straight, or along the data of `land`."""
    places = straight(a, b, steps) if land is None else along_data(a, b, land, steps)
    return places, decode(model, places)
