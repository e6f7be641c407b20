"""Drawings are read as they were meant, and none looks noisy: ink and referee together, on drawings of our own."""

import pytest
from drawings import cropped_pictures, misreadings, photographs, pictures

from denoiser.image_decoder import UPLOADS
from denoiser.ink import framed_from_image
from denoiser.ink.image_files import pixels_of
from denoiser.ink.noisiness import looks_noisy
from denoiser.referee import FAST_REFEREE, REFEREE

pytestmark = pytest.mark.slow


def test_at_least_97_of_100_drawings_and_photographs_are_read_as_meant_and_99_that_are_cut_tightly():
    for name in (REFEREE, FAST_REFEREE):  # in one test, so that the pictures are fitted once
        for way, kinds in misreadings(name=name).items():
            right, total = (sum(counts) for counts in zip(*kinds.values(), strict=True))
            assert total >= 200, (name, way)
            assert right >= (0.99 if way == "cropped" else 0.97) * total, (name, way, kinds)


def test_no_photo_or_picture_of_clean_ink_looks_noisy():
    clean = [*photographs(), *pictures(), *cropped_pictures()][::3]
    assert len(clean) == 250
    pixels = [(drawing, kind, pixels_of(picture, UPLOADS)) for drawing, kind, picture in clean]
    assert [(drawing, kind) for drawing, kind, p in pixels if looks_noisy(framed_from_image(p), p)] == []
