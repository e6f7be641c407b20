"""Digits to train on where MNIST is missing: our own example drawings in many simulated handwritings.

Each handwriting slants, rotates and stretches an example's strokes, distorts them smoothly and has a pen of its own;
the result is framed like every drawing on the pad, and a few augmented copies of it are made.
"""

import math

import torch

from ..data import Augmentation, Digits, augment
from ..ink import digit_from_strokes
from .examples import EXAMPLES, Stroke

DATA = "our own strokes"  # the `data` of a recipe trained on these digits
MAX_SLANT = 0.35  # horizontal shift from bottom to top, as a share of the pad's height
MAX_ROTATION = math.radians(12)
MAX_STRETCH = 0.25  # change of width, as a share
DISTORTION = 0.035  # sides of the pad that each of two waves moves a point by, at most
MAX_PEN_WIDTH = 0.045  # sides of the pad between the two edges of a broad pen
COPIES = 8  # augmented copies of each drawn digit
AUGMENTATION = Augmentation(degrees=6, shift=2, scale=0.12)


def vary_handwriting(strokes: list[Stroke], generator: torch.Generator) -> list[Stroke]:
    """The strokes as another person might write them; points in units of the pad's side, as in `strokes`."""
    slant, rotation, stretch, pen, angle, *wave = (torch.rand(13, generator=generator) * 2 - 1).tolist()
    cos, sin = math.cos(rotation * MAX_ROTATION), math.sin(rotation * MAX_ROTATION)

    def moved(x: float, y: float) -> tuple[float, float]:
        x, y = (x - 0.5) * (1 + stretch * MAX_STRETCH), y - 0.5
        x -= slant * MAX_SLANT * y
        # a smooth field moves neighbouring points alike, so that strokes that meet still meet
        a, b, c, d, e, f, g, h = wave
        x, y = (
            x + DISTORTION * (a * math.sin(7 * y + 3 * b) + c * math.cos(8 * x + 3 * d)),
            y + DISTORTION * (e * math.sin(7 * x + 3 * f) + g * math.cos(8 * y + 3 * h)),
        )
        return 0.5 + cos * x - sin * y, 0.5 + sin * x + cos * y

    written = [[moved(*point) for point in stroke] for stroke in strokes]
    if pen <= 0:
        return written
    dx, dy = pen * MAX_PEN_WIDTH * math.cos(math.pi * angle), pen * MAX_PEN_WIDTH * math.sin(math.pi * angle)
    return written + [[(x + dx, y + dy) for x, y in stroke] for stroke in written]


def make_synthetic_digits(count: int = 4_000, seed: int = 0) -> Digits:
    """`count` labelled digits, the same for the same seed.

    Copies of one handwriting are neighbours, so that the last digits, held out for validation, are in handwritings
    that no training digit has.
    """
    generator = torch.Generator().manual_seed(seed)
    hands = -(-count // COPIES)
    drawn = [digit_from_strokes(vary_handwriting(EXAMPLES[str(hand % 10)], generator)) for hand in range(hands)]
    images = augment(torch.cat(drawn).repeat_interleave(COPIES, dim=0), AUGMENTATION, generator)[:count]
    labels = (torch.arange(hands) % 10).repeat_interleave(COPIES)[:count]
    return Digits(images.mul(255).round().byte(), labels)
