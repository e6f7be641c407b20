"""Training and validation batches as a recipe wants them: augmented, made noisy, on the device."""

from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from ..data import Batch, Digits, augment, to_float
from ..noise import add_noise, draw_noise
from ..recipe import Recipe

VALIDATION_BATCH = 1_000
DRAWN_ONCE, VALIDATION = -1, -2  # stand for an epoch in the seeds of what is drawn outside of all epochs


def make_noisy(clean: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """A batch (B, 1, H, W) with fresh noise: an equal share of each kind, factors drawn from the recipe's range."""
    low, high = recipe.noise_range
    factor = torch.rand(len(clean), 1, 1, 1, generator=generator, device=clean.device) * (high - low) + low
    parts = zip(recipe.noise, clean.chunk(len(recipe.noise)), factor.chunk(len(recipe.noise)), strict=False)
    return torch.cat([add_noise(x, draw_noise(kind, x.shape, generator), f) for kind, x, f in parts])


Teacher = Callable[[Tensor], Tensor]  # noisy pictures (B, 1, 28, 28) to the probabilities of each digit (B, 10)


class NoisyBatches:
    """Batches of `digits`, which lie on the training device, with the noise and augmentation of `recipe`.

    With a `teacher` they have its readings of the noisy pictures as soft labels.
    """

    def __init__(self, digits: Digits, recipe: Recipe, teacher: Teacher | None = None) -> None:
        self.digits, self.recipe, self.teacher = digits, recipe, teacher
        self.device = digits.images.device

    @cached_property
    def fixed_noisy(self) -> Tensor | None:
        """All noisy pictures (N, 1, 28, 28) where the recipe draws its noise once, else None."""
        if self.recipe.noise_drawn == "once":
            return make_noisy(self.digits.floats(), self.recipe, self.generator(DRAWN_ONCE))
        return None

    def seed(self, epoch: int) -> int:
        """The seed of all randomness in `epoch`, counted from 0 (or DRAWN_ONCE or VALIDATION)."""
        return (self.recipe.seed + 1) * 1_000_003 + epoch

    def generator(self, epoch: int) -> torch.Generator:
        """A generator on the device, seeded for `epoch`."""
        return torch.Generator(self.device).manual_seed(self.seed(epoch))

    def batch(self, index: Tensor, generator: torch.Generator) -> Batch:
        """The training batch of the digits at `index` (B,)."""
        clean, labels = to_float(self.digits.images[index]), self.digits.labels[index]
        if self.fixed_noisy is not None:
            return self._with_soft_labels(self.fixed_noisy[index], clean, labels)
        if self.recipe.augmentation:
            clean = augment(clean, self.recipe.augmentation, generator)
        noisy = make_noisy(clean, self.recipe, generator) if self.recipe.noise else clean
        return self._with_soft_labels(noisy, clean, labels)

    def _with_soft_labels(self, noisy: Tensor, clean: Tensor, labels: Tensor) -> Batch:
        return Batch(noisy, clean, labels, None if self.teacher is None else self.teacher(noisy))

    def validation(self) -> Iterator[tuple[Batch, torch.Generator]]:
        """All digits in order, not augmented, with the same noise at each call; and the generator to sample from."""
        generator = self.generator(VALIDATION)
        for images, labels in zip(
            self.digits.images.split(VALIDATION_BATCH), self.digits.labels.split(VALIDATION_BATCH), strict=True
        ):
            clean = to_float(images)
            noisy = make_noisy(clean, self.recipe, generator) if self.recipe.noise else clean
            yield self._with_soft_labels(noisy, clean, labels), generator
