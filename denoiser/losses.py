"""The losses a recipe may name. Each takes logits and targets, float (B, 1, 28, 28), and gives a scalar.

Networks return logits, which make cross-entropy numerically stable; the picture is their sigmoid. Knows nothing of
models.
"""

import math
from collections.abc import Callable
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bce(logits: Tensor, clean: Tensor) -> Tensor:
    """Binary cross-entropy in nats per pixel, meaned over pixels and batch."""
    return F.binary_cross_entropy_with_logits(logits.float(), clean)


def mse(logits: Tensor, clean: Tensor) -> Tensor:
    """Squared error per pixel, meaned over pixels and batch."""
    return F.mse_loss(torch.sigmoid(logits.float()), clean)


def ssim(logits: Tensor, clean: Tensor) -> Tensor:
    """1 - SSIM, meaned over the batch; see `metrics.ssim`."""
    from .metrics import ssim as ssim_per_image

    return 1 - ssim_per_image(torch.sigmoid(logits.float()), clean).mean()


MAX_PSNR = 40.0  # dB; nobody sees a difference above
BCE_WEIGHT = 10.0  # of the cross-entropy in `psnr`: small beside the rest, except for confident wrong pixels


def psnr(logits: Tensor, clean: Tensor) -> Tensor:
    """40 minus each picture's PSNR in dB, smoothed near 0 and meaned over the batch, plus ten times the cross-entropy.

    The metric of denoisers as their loss: Chen et al., "Simple Baselines for Image Restoration", 2022. Its gradient
    vanishes where the sigmoid saturates, so that alone it gets stuck at black pictures; that of cross-entropy does not.
    """
    mse = (torch.sigmoid(logits.float()) - clean).square().flatten(1).mean(dim=1)
    missing = 10 / math.log(10) * torch.log1p(mse * 10 ** (MAX_PSNR / 10)).mean()
    return missing + BCE_WEIGHT * bce(logits, clean)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"bce": bce, "mse": mse, "ssim": ssim, "psnr": psnr}


def code_l1(model: nn.Module, z: Tensor | None) -> Tensor:
    """Mean absolute value of the latent `z` (B, ...): an activity penalty that makes it sparse."""
    assert z is not None, "only models with a latent list this penalty"
    return z.float().abs().mean()


def weight_l1(model: nn.Module, z: Tensor | None) -> Tensor:
    """Sum of the absolute values of all weights, without biases."""
    return reduce(torch.add, (w.abs().sum() for w in model.parameters() if w.dim() > 1))


PENALTIES: dict[str, Callable[[nn.Module, Tensor | None], Tensor]] = {"code_l1": code_l1, "weight_l1": weight_l1}


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, I)) in nats, summed over the latent dimensions, meaned over the batch.

    Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, appendix B.
    """
    mu, logvar = mu.float(), logvar.float()
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1).mean()


LOSS_TITLES: dict[str, tuple[str, str]] = {  # what a loss is called on a chart's axis, and its unit
    "bce": ("cross-entropy", "nats per pixel"),
    "mse": ("squared error", "per pixel"),
    "ssim": ("1 - SSIM", ""),
    "psnr": ("PSNR with cross-entropy", ""),
    "cross-entropy": ("cross-entropy of the reading", "nats per digit"),
    "distillation": ("cross-entropy with labels and teacher", "nats per digit"),
    "elbo": ("negative ELBO", "nats per digit"),
}


def loss_title_key(family: str, loss: str) -> str:
    """The key in LOSS_TITLES for a recipe of this family and loss; only equal ones may share an axis."""
    return "elbo" if family == "vae" else loss
