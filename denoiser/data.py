"""MNIST, resident on the device as uint8, and the batched tensor work done on it.

Knows nothing of models. Nothing here goes through a DataLoader: an epoch is a permutation and slices.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import DenoiserError

SIDE = 28
PIXELS = SIDE * SIDE
VALIDATION_SIZE = 5_000  # the last images of the training set: never trained on, used to choose and to stop


class DataError(DenoiserError, RuntimeError):
    """MNIST is neither here nor to be had; the message says which files to put where."""


@dataclass(frozen=True)
class Digits:
    """Digits on one device: `images` uint8 (N, 1, 28, 28) with ink at 255, `labels` int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> "Digits":
        return Digits(self.images[index], self.labels[index])

    def floats(self) -> Tensor:
        """The images as float32 (N, 1, 28, 28) in [0, 1]."""
        return to_float(self.images)


class Batch(NamedTuple):
    """What a model's loss is computed from: float32 pictures (B, 1, 28, 28) in [0, 1] and int64 labels (B,)."""

    noisy: Tensor
    clean: Tensor
    labels: Tensor


def to_float(images: Tensor) -> Tensor:
    """uint8 images as float32 in [0, 1]."""
    return images.float().div_(255)


def data_root() -> Path:
    """The folder torchvision's MNIST expects: $DENOISER_DATA, else a folder in the user's cache."""
    if root := os.environ.get("DENOISER_DATA"):
        return Path(root)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "denoiser"


def has_mnist() -> bool:
    """Whether MNIST's files lie under `data_root()`, unpacked or as .gz."""
    raw = data_root() / "MNIST" / "raw"
    return all(
        (raw / name).exists() or (raw / f"{name}.gz").exists()
        for part in ("train", "t10k")
        for name in (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    )


def load_mnist(split: str, device: torch.device | str = "cpu") -> Digits:
    """The `train` (60,000) or `test` (10,000) digits of MNIST on `device`; downloaded where they are missing.

    Raises DataError where they are missing and cannot be downloaded, or are damaged.
    """
    from torchvision.datasets import MNIST

    root, train = data_root(), {"train": True, "test": False}[split]
    try:
        mnist = MNIST(root, train=train, download=True)  # downloads and unpacks only what is not there
        images, labels = mnist.data, mnist.targets
        if images.shape != (len(labels), SIDE, SIDE):
            raise ValueError(f"{len(labels)} labels for images of shape {tuple(images.shape)}")
    except Exception as error:  # torchvision lets through whatever its parser stumbles over
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(
            f"MNIST's {split} digits are not under {root}, or damaged, and could not be downloaded ({reason}). "
            "Put train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte "
            f"into {root / 'MNIST' / 'raw'}, or set DENOISER_DATA to a folder that has them in MNIST/raw."
        ) from error
    return Digits(images.unsqueeze(1).to(device), labels.to(device))


def split_validation(digits: Digits) -> tuple[Digits, Digits]:
    """All but the last digits, to train on, and the last ones, for validation: 5,000, of small sets a twelfth.

    Raises DataError for fewer than two digits, which cannot be split.
    """
    if len(digits) < 2:
        raise DataError(f"{len(digits)} digits cannot be split into some to train on and some to validate on")
    size = min(VALIDATION_SIZE, max(1, len(digits) // 12))
    return digits[:-size], digits[-size:]


def batches(count: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Indices of one epoch in random order, `batch_size` at a time; the last batch is what is left."""
    return iter(torch.randperm(count, generator=generator, device=generator.device).split(batch_size))


@dataclass(frozen=True)
class Augmentation:
    """Random small affine changes; no flips, since a flipped digit is another digit.

    `degrees` of rotation either way, `shift` in pixels either way, `scale` as a share either way.
    """

    degrees: float = 0.0
    shift: float = 0.0
    scale: float = 0.0


def augment(x: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Each image of `x` (B, 1, 28, 28) turned, scaled and shifted on its own, bilinear, zeros outside."""
    uniform = torch.rand(4, len(x), generator=generator, device=x.device).mul_(2).sub_(1)
    angle = uniform[0] * math.radians(augmentation.degrees)
    zoom = 1 + uniform[1] * augmentation.scale
    shift = uniform[2:] * augmentation.shift * 2 / SIDE  # affine_grid counts in half sides
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    theta = torch.stack((cos, -sin, shift[0], sin, cos, shift[1]), dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False).clamp_(0, 1)
