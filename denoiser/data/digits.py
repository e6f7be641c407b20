"""Digits on the device as uint8, batched shuffling, and augmentation.

There is no DataLoader: an epoch is a permutation and slices of it. Knows nothing of models.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import DenoiserError

SIDE = 28
PIXELS = SIDE * SIDE
VALIDATION_SIZE = 5_000  # the last images of the training set: never trained on, used to choose among recipes
UNLABELLED = -1  # the label of a picture that has none


class DataError(DenoiserError, RuntimeError):
    """A data set that is missing and cannot be downloaded, or is damaged; the message says what to do."""


@dataclass(frozen=True)
class Digits:
    """Digits on one device: `images` uint8 (N, 1, 28, 28) with ink at 255, `labels` int64 (N,), -1 where unknown."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Tensor) -> "Digits":
        return Digits(self.images[index], self.labels[index])

    def to(self, device: torch.device | str) -> "Digits":
        """The same digits on `device`."""
        return Digits(self.images.to(device), self.labels.to(device))

    @property
    def labelled(self) -> bool:
        """Whether every picture has a label."""
        return bool((self.labels != UNLABELLED).all())

    def floats(self) -> Tensor:
        """The images as float32 (N, 1, 28, 28) in [0, 1]."""
        return to_float(self.images)


class Batch(NamedTuple):
    """What a loss is computed from: float32 pictures (B, 1, 28, 28) in [0, 1] and int64 labels (B,).

    `soft_labels` (B, 10) are a teacher's probabilities of each digit, None without a teacher.
    """

    noisy: Tensor
    clean: Tensor
    labels: Tensor
    soft_labels: Tensor | None = None


def to_float(images: Tensor) -> Tensor:
    """uint8 images as float32 in [0, 1]."""
    return images.float().div_(255)


def split_validation(digits: Digits) -> tuple[Digits, Digits]:
    """The digits to train on, and the last ones for validation: 5,000, or a twelfth of a small set.

    Raises DataError for fewer than two digits.
    """
    if len(digits) < 2:
        raise DataError(f"{len(digits)} digits cannot be split into some to train on and some to validate on")
    size = min(VALIDATION_SIZE, max(1, len(digits) // 12))
    return digits[:-size], digits[-size:]


def batches(count: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The indices (B,) of one epoch in random order, `batch_size` at a time; the last batch may be smaller."""
    return iter(torch.randperm(count, generator=generator, device=generator.device).split(batch_size))


@dataclass(frozen=True)
class Augmentation:
    """Small random affine transformations, uniform up to each limit in both directions.

    `degrees` of rotation, `shift` in pixels, `scale` as a share. There are no flips: a flipped digit is another digit.
    """

    degrees: float = 0.0
    shift: float = 0.0
    scale: float = 0.0


def augment(x: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Transform each picture of `x` (B, 1, 28, 28) on its own, with bilinear interpolation and zeros outside."""
    uniform = torch.rand(4, len(x), generator=generator, device=x.device).mul_(2).sub_(1)
    angle = uniform[0] * math.radians(augmentation.degrees)
    zoom = 1 + uniform[1] * augmentation.scale
    shift = uniform[2:] * augmentation.shift * 2 / SIDE  # affine_grid counts in half sides
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    theta = torch.stack((cos, -sin, shift[0], sin, cos, shift[1]), dim=1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False).clamp_(0, 1)
