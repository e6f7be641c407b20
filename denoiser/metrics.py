"""Quality of a picture against its reference, per image. Pictures are float (B, 1, H, W) in [0, 1]."""

import torch
from torch import Tensor

CLIP = 1e-7  # outputs are clipped to [CLIP, 1 - CLIP] before cross-entropy, as Keras does


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


def ssim(x_hat: Tensor, clean: Tensor) -> Tensor:
    """Structural similarity of each picture (B,), data range 1, Gaussian window of sigma 1.5.

    Wang, Bovik, Sheikh and Simoncelli 2004, as torchmetrics computes it.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    value = structural_similarity_index_measure(x_hat.float(), clean.float(), data_range=1.0, reduction="none")
    return value.reshape(len(x_hat))
