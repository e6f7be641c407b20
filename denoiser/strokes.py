"""Digits to train on where there is no MNIST: our own examples, written again and again in other hands.

Each hand leans, turns and stretches the example's strokes, lets them wander a little, and has a pen of its own; then
the digit is framed as everything that is drawn on the pad, and a few copies of it are turned and moved.
"""

import math

import torch

from .data import Augmentation, Digits, augment
from .examples import EXAMPLES, Stroke
from .ink import digit_from_strokes

DATA = "our own strokes"  # what a recipe calls them
LEAN = 0.35  # of a pad's height that the top stands off the bottom, at most
TURN = math.radians(12)
STRETCH = 0.25  # how much wider or narrower, as a share
WANDER = 0.035  # sides of the pad by which a point strays
BROADEST = 0.045  # sides of the pad between the two edges of a broad pen
COPIES = 8  # of each hand's digit
LOOSE = Augmentation(degrees=6, shift=2, scale=0.12)


def other_hand(strokes: list[Stroke], generator: torch.Generator) -> list[Stroke]:
    """The strokes as another hand writes them; in units of the pad's side."""
    lean, turn, stretch, pen, angle, *wave = (torch.rand(13, generator=generator) * 2 - 1).tolist()
    cos, sin = math.cos(turn * TURN), math.sin(turn * TURN)

    def moved(x: float, y: float) -> tuple[float, float]:
        x, y = (x - 0.5) * (1 + stretch * STRETCH), y - 0.5
        x -= lean * LEAN * y
        # a smooth field moves points that lie together alike, so that strokes that meet still meet
        a, b, c, d, e, f, g, h = wave
        x, y = (
            x + WANDER * (a * math.sin(7 * y + 3 * b) + c * math.cos(8 * x + 3 * d)),
            y + WANDER * (e * math.sin(7 * x + 3 * f) + g * math.cos(8 * y + 3 * h)),
        )
        return 0.5 + cos * x - sin * y, 0.5 + sin * x + cos * y

    written = [[moved(*point) for point in stroke] for stroke in strokes]
    if pen <= 0:
        return written
    across, down = pen * BROADEST * math.cos(math.pi * angle), pen * BROADEST * math.sin(math.pi * angle)
    return written + [[(x + across, y + down) for x, y in stroke] for stroke in written]


def written_digits(count: int = 4_000, seed: int = 0) -> Digits:
    """That many digits, always the same for a seed; the last ones, which are held out, are of hands of their own."""
    generator = torch.Generator().manual_seed(seed)
    hands = -(-count // COPIES)
    drawn = [digit_from_strokes(other_hand(EXAMPLES[str(hand % 10)], generator)) for hand in range(hands)]
    images = augment(torch.cat(drawn).repeat_interleave(COPIES, dim=0), LOOSE, generator)[:count]
    labels = (torch.arange(hands) % 10).repeat_interleave(COPIES)[:count]
    return Digits(images.mul(255).round().byte(), labels)
