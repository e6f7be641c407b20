"""Drawings are read as they were meant: ink and referee together, on drawings of our own."""

import pytest
from drawings import misreadings

from denoiser.referee import FAST_REFEREE, REFEREE

pytestmark = pytest.mark.slow


def test_at_least_97_of_100_drawings_and_photographs_are_read_as_meant_and_99_that_are_cut_tightly():
    for name in (REFEREE, FAST_REFEREE):  # in one test, so that the pictures are fitted once
        for way, kinds in misreadings(name=name).items():
            right, total = (sum(counts) for counts in zip(*kinds.values(), strict=True))
            assert total >= 200, (name, way)
            assert right >= (0.99 if way == "cropped" else 0.97) * total, (name, way, kinds)
