"""The formulas a recipe may name. Each takes logits and targets, float (B, 1, 28, 28), and gives a scalar.

Networks give logits so that cross-entropy is stable; the picture is their sigmoid. Knows nothing of models.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def bce(logits: Tensor, clean: Tensor) -> Tensor:
    """Binary cross-entropy in nats per pixel, meaned over pixels and batch."""
    return F.binary_cross_entropy_with_logits(logits.float(), clean)


def mse(logits: Tensor, clean: Tensor) -> Tensor:
    """Squared error per pixel of the picture."""
    return F.mse_loss(torch.sigmoid(logits.float()), clean)


def ssim(logits: Tensor, clean: Tensor) -> Tensor:
    """1 - SSIM of the picture, the window of `metrics.ssim`."""
    from .metrics import ssim as ssim_per_image

    return 1 - ssim_per_image(torch.sigmoid(logits.float()), clean).mean()


TOP_PSNR = 40.0  # dB, more than anybody sees
ANCHOR = 10.0  # weight of the cross-entropy in `psnr`: little beside the rest, but for pixels that are sure and wrong


def psnr(logits: Tensor, clean: Tensor) -> Tensor:
    """How many dB each picture's PSNR is short of 40, meaned (3 where it is 40), and ten times the cross-entropy.

    The figure denoisers are measured by, as the loss: Chen et al., "Simple Baselines for Image Restoration", 2022. Its
    gradient dies where the sigmoid saturates, so that alone it stops at black pictures; that of cross-entropy does not.
    """
    mse = (torch.sigmoid(logits.float()) - clean).square().flatten(1).mean(dim=1)
    short = 10 / math.log(10) * torch.log1p(mse * 10 ** (TOP_PSNR / 10)).mean()
    return short + ANCHOR * bce(logits, clean)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"bce": bce, "mse": mse, "ssim": ssim, "psnr": psnr}


def code_l1(model: nn.Module, z: Tensor) -> Tensor:
    """Mean size of a code's values: an activity penalty that makes the code sparse."""
    return z.float().abs().mean()


def weight_l1(model: nn.Module, z: Tensor) -> Tensor:
    """Sum of the sizes of all weights, biases left out."""
    return sum(w.abs().sum() for w in model.parameters() if w.dim() > 1)


PENALTIES: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {"code_l1": code_l1, "weight_l1": weight_l1}


def gaussian_kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL(N(mu, exp(logvar)) || N(0, I)) in nats, summed over the code, meaned over the batch.

    Kingma and Welling, "Auto-Encoding Variational Bayes", 2013, appendix B.
    """
    mu, logvar = mu.float(), logvar.float()
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1).mean()


LOSS_TITLES: dict[str, tuple[str, str]] = {  # what a loss is called on a chart's axis, and its unit
    "bce": ("cross-entropy", "nats per pixel"),
    "mse": ("squared error", "per pixel"),
    "ssim": ("1 - SSIM", ""),
    "psnr": ("decibels short of 40, and cross-entropy", ""),
    "cross-entropy": ("cross-entropy of the reading", "nats per digit"),
    "elbo": ("negative ELBO", "nats per digit"),
}


def loss_title_key(family: str, loss: str) -> str:
    """The key in LOSS_TITLES for a recipe of this family and loss; only equal ones may share an axis."""
    return "elbo" if family == "vae" else loss
