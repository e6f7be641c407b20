"""How well a VAE models the digits: the negative ELBO, and the exact likelihood where the latent space is a plane."""

import math

import torch
from torch import Tensor

from ..data import Batch, Digits, to_float
from ..models import VAE
from .plane import lattice_of

ELBO_BATCH = 500  # the posterior samples of a seed depend on it
NLL_STEP, NLL_REACH = 0.025, 4.5  # of exact_nll's lattice; half the step changes the result by less than 0.01 nats
NLL_POINTS = 2_000  # points of the lattice decoded at a time


@torch.inference_mode()
def elbo_terms(model: VAE, digits: Digits, seed: int = 0) -> dict[str, float]:
    """`negative_elbo` of clean `digits` and its terms `recon` and `kl`, in nats per digit, meaned over the digits.

    One posterior sample per digit, drawn with `seed`. `recon` is cross-entropy summed over pixels, with grey targets;
    `kl` is summed over the latent dimensions.
    """
    generator = torch.Generator(digits.images.device).manual_seed(seed)
    recon = kl = 0.0
    for images, labels in zip(digits.images.split(ELBO_BATCH), digits.labels.split(ELBO_BATCH), strict=True):
        clean = to_float(images)
        terms = model.terms(Batch(clean, clean, labels), generator)
        recon, kl = (total + term.item() * len(clean) for total, term in zip((recon, kl), terms, strict=True))
    recon, kl = recon / len(digits), kl / len(digits)
    return {"negative_elbo": recon + kl, "recon": recon, "kl": kl}


@torch.inference_mode()
def exact_nll(model: VAE, digits: Digits, step: float = NLL_STEP, reach: float = NLL_REACH) -> float:
    """The negative log-likelihood of `digits` in nats per digit, grey pixels as in `VAE.terms`, meaned over them.

        p(x) = integral of p(x | z) N(z; 0, I) dz

    is a sum over a lattice with that `step` from -reach to reach: with two latent dimensions neither a sample nor a
    bound is needed. The negative ELBO is above it by KL(q(z | x) || p(z | x)).
    """
    device = next(model.parameters()).device
    clean = digits.floats().to(device).flatten(1)
    points = lattice_of(torch.arange(-reach, reach + step / 2, step)).view(-1, 2).to(device)
    log_weight = -0.5 * points.square().sum(dim=1) - math.log(2 * math.pi) + 2 * math.log(step)
    total: Tensor = torch.full((len(clean),), -torch.inf, device=device)
    for z, weight in zip(points.split(NLL_POINTS), log_weight.split(NLL_POINTS), strict=True):
        logits = model.decoder(z).float().flatten(1)
        log_p = clean @ logits.T - torch.nn.functional.softplus(logits).sum(dim=1) + weight
        total = torch.logaddexp(total, log_p.logsumexp(dim=1))
    return -total.double().mean().item()
