"""Quality of a picture against its reference, per image. Pictures are float (B, 1, H, W) in [0, 1].

METRICS describes every figure once; the server's replies, the page and the tests follow from it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

CLIP = 1e-7  # outputs are clipped to [CLIP, 1 - CLIP] before cross-entropy, as Keras does
WINDOW, SIGMA = 11, 1.5  # of SSIM, in pixels


def mse(x_hat: Tensor, clean: Tensor) -> Tensor:
    """Mean squared error of each picture (B,)."""
    return (x_hat - clean).square().flatten(1).mean(dim=1)


def psnr(x_hat: Tensor, clean: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each picture in dB (B,), data range 1; infinite where the two are equal."""
    return -10 * torch.log10(mse(x_hat, clean))


def bce(x_hat: Tensor, clean: Tensor) -> Tensor:
    """Binary cross-entropy of each picture in nats per pixel (B,), outputs clipped to [1e-7, 1 - 1e-7]."""
    p = x_hat.float().clamp(CLIP, 1 - CLIP)
    return -(clean * p.log() + (1 - clean) * torch.log1p(-p)).flatten(1).mean(dim=1)


def _window(size: int, like: Tensor) -> Tensor:
    """SSIM's Gaussian window as a matrix (size, size): each row weights the 11 pixels around its own, reflected."""
    offsets = torch.arange(WINDOW, device=like.device) - WINDOW // 2
    weight = torch.softmax(-0.5 * (offsets / SIGMA).square(), dim=0).to(like.dtype)
    index = (torch.arange(size, device=like.device).unsqueeze(1) + offsets).abs()
    index = size - 1 - (size - 1 - index).abs()
    matrix = torch.zeros(size, size, dtype=like.dtype, device=like.device)
    return matrix.scatter_add_(1, index, weight.expand(size, -1))


def ssim(x_hat: Tensor, clean: Tensor) -> Tensor:
    """Structural similarity of each picture (B,), data range 1, sides of at least 6 pixels.

    Wang, Bovik, Sheikh and Simoncelli 2004: a Gaussian window of 11 x 11 and sigma 1.5, meaned over all pixels, borders
    reflected: as torchmetrics computes it, in a tenth of the time, since the window is separable.
    """
    x, y = x_hat.float(), clean.float()
    rows, columns = _window(x.shape[2], x), _window(x.shape[3], x).mT
    mean_x, mean_y, xx, yy, xy = (rows @ torch.cat([x, y, x * x, y * y, x * y], dim=1) @ columns).unbind(dim=1)
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x.square() + mean_y.square() + c1)
    variance = (xx - mean_x.square()).clamp_min(0) + (yy - mean_y.square()).clamp_min(0)
    structure = (2 * (xy - mean_x * mean_y) + c2) / (variance + c2)
    return (luminance * structure).flatten(1).mean(dim=1)


@dataclass(frozen=True)
class Metric:
    """A figure per image: how it is computed, and how it is shown.

    `function(x_hat, clean)` gives one value for each picture (B,). It is shown as `label` with `digits` decimals and
    the `unit`, which is empty for a plain number.
    """

    label: str
    unit: str
    digits: int
    higher_is_better: bool
    function: Callable[[Tensor, Tensor], Tensor]


METRICS: dict[str, Metric] = {
    "psnr": Metric("PSNR", "dB", 2, True, psnr),
    "ssim": Metric("SSIM", "", 3, True, ssim),
    "bce": Metric("BCE", "nats per pixel", 4, False, bce),
    "mse": Metric("MSE", "", 4, False, mse),
}
CARD_METRICS = ("psnr", "ssim")  # what every comparison computes and each card shows, in this order
