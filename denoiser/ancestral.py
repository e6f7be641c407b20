"""A denoiser that nobody trained to sample, as a sampler: the baseline that a trained one has to beat.

For Gaussian noise alone. What clipping removed is filled in, then the noise is lowered in steps.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .noise import gaussian_log_likelihood
from .sampler import Sampler

LOWEST = 0.04  # the last noise level above 0
FACTORS = tuple(number / 50 for number in range(1, 51))  # among which the noise factor of a picture is sought


class AncestralSampler(Sampler):
    """Ancestral steps of a diffusion, with a denoiser trained on clipped Gaussian noise of factors up to 1.

        state <- guess + (r / s)^2 (state - guess) + r sqrt(1 - (r / s)^2) noise,   guess = denoiser(clip(state))

    from each noise level s to the next, r. Song et al., "Score-Based Generative Modeling through SDEs", 2021. It is
    too sure of itself, since the denoiser's answers are not exactly the means of what is possible.
    """

    def __init__(self, denoiser: nn.Module):
        super().__init__()
        self.denoiser = denoiser

    def fields(self, steps: int) -> int:
        """One to begin with, and one a step."""
        return steps + 1

    def walk(
        self, observed: Tensor, known: Tensor, noise: Tensor, steps: int, begin: int = 0, guess: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """From the noisy picture, or from noise of factor 1 where not all is known; there what is known is clean."""
        whole = (known > 0).flatten(1).all(1).view(-1, 1, 1, 1)
        answer = self.denoiser(observed).float()
        factor = torch.where(whole, estimate_factor(observed, answer), 1.0)
        falls = torch.linspace(0, 1, steps, device=observed.device)[begin:]
        levels = [factor * (LOWEST / factor).clamp_max(1) ** fall for fall in falls] + [torch.zeros_like(factor)]
        state = torch.where(whole, unclip(observed, answer, factor, noise[:, 0]), noise[:, 0])
        if guess is not None:
            state = guess + levels[0] * noise[:, 0]
        for level, lower, fresh in zip(levels[:-1], levels[1:], noise[:, 1:].unbind(1), strict=False):
            guess = self.denoiser(state.clamp(0, 1)).float()
            yield state, guess
            share = (lower / level).square()
            state = guess + share * (state - guess) + lower * (1 - share).sqrt() * fresh
            state = torch.where((known > 0) & ~whole, observed + lower * fresh, state)
        yield state, state


def estimate_factor(noisy: Tensor, clean: Tensor) -> Tensor:
    """The Gaussian noise factor (B, 1, 1, 1) that makes each noisy picture likeliest, were the digit `clean`."""
    likelihoods = torch.stack([gaussian_log_likelihood(noisy, clean, factor) for factor in FACTORS])
    return torch.tensor(FACTORS, device=noisy.device)[likelihoods.argmax(dim=0)].view(-1, 1, 1, 1)


def unclip(noisy: Tensor, clean: Tensor, factor: Tensor, noise: Tensor) -> Tensor:
    """`noisy` with its clipped pixels drawn, from standard normal `noise`, as they may have been before clipping.

    They come from N(clean, factor^2), cut off at 0 and at 1.
    """

    def below(bound: Tensor, noise: Tensor) -> Tensor:
        """A standard normal value no greater than `bound`."""
        share = torch.special.ndtr(noise.double()) * torch.special.ndtr(bound.double())
        return torch.special.ndtri(share.clamp_min(1e-30)).float()

    dark = clean + factor * below(-clean / factor, noise)
    light = clean - factor * below((clean - 1) / factor, -noise)
    return torch.where(noisy <= 0, dark.clamp_max(0), torch.where(noisy >= 1, light.clamp_min(1), noisy))
