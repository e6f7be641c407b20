"""Pixels and numbers in replies: JSON has no bytes, and no infinity."""

import base64
import math

import numpy as np
import torch
from torch import Tensor

from ..metrics import psnr

MAX_TILES = 64  # weights or maps sent at most
WEIGHT_SHARE = 0.99  # of a tile's weights that fall within the colours' range


def to_base64(content: bytes | np.ndarray) -> str:
    """The bytes themselves, as base64."""
    return base64.b64encode(content if isinstance(content, bytes) else content.tobytes()).decode()


def encode_bytes(values: Tensor) -> str:
    """Values from 0 to 255 (any shape), one byte each, as base64."""
    return to_base64(values.to(torch.uint8).contiguous().numpy())


def encode_pixels(pictures: Tensor) -> str:
    """Pictures (any shape), cut to [0, 1], one byte for each pixel, as base64."""
    return encode_bytes((pictures.clamp(0, 1) * 255).round())


def finite(value: float, digits: int) -> float | None:
    """`value` rounded, None where JSON has no word for it."""
    return round(value, digits) if math.isfinite(value) else None


def mean_psnr(pictures: Tensor, clean: Tensor) -> float | None:
    """The mean PSNR in dB of pictures (B, 1, 28, 28) against the clean ones; None where the two are equal."""
    value = float(psnr(pictures, clean).mean())
    return value if math.isfinite(value) else None


def tile_sheet(values: Tensor, tiles: Tensor, each: bool = False) -> dict:
    """The first MAX_TILES of the tiles (N, H, W) of `values`, one byte for each number, and what these bytes mean.

    All tiles have one scale: from 0 to the largest value, or, if any of `values` is negative, from minus that to that
    about 128. With `each`, every tile has a scale of its own, beyond which 1 % of its values are cut off.
    """
    shown = tiles[:MAX_TILES]
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
        "pixels": encode_bytes(scaled.round()),
        "peak": None if each else float(peak[0]),
        "signed": signed,
        "zero": float((values == 0).double().mean()),
        "exact": exact,
    }


def stretch(picture: Tensor) -> Tensor:
    """A picture's values, its smallest as 0 and its largest as 1."""
    low, high = picture.min(), picture.max()
    return (picture - low) / (high - low).clamp_min(1e-9)
