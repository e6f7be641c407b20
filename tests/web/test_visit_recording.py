"""The recording of a first visit is what the server answers, and every term on the page is explained."""

import re

import numpy as np
import pytest

from denoiser.web.denoise.visit.recording import FILM_LEVELS, MODELS, SHEET_LEVELS, pixels, record, recording
from denoiser.web.i18n import CHINESE, ENGLISH

TERM = re.compile(r"\[(\w+)\|[^\]]+\]")


@pytest.fixture(scope="module")
def fresh():
    return record()


def test_the_recording_is_what_the_server_answers(fresh):
    stored = recording()
    assert tuple(stored["reply"]["names"]) == ("noisy", *MODELS)
    for sheet, levels in (("sheet", SHEET_LEVELS), ("film", FILM_LEVELS)):
        apart = np.abs(pixels(stored[sheet]).astype(int) - pixels(fresh[sheet]))
        assert apart.max() <= 255 / (levels - 1) + 1, "run scripts/record_first_visit.py"
    assert [one["reads"] for one in stored["moments"]] == [one["reads"] for one in fresh["moments"]]
    assert [one["factor"] for one in stored["moments"]] == [one["factor"] for one in fresh["moments"]]
    for key in ("psnr", "ssim"):
        assert np.allclose(stored["reply"][key], fresh["reply"][key], atol=0.05)


def test_every_term_has_a_sentence_in_both_languages():
    for texts in (ENGLISH, CHINESE):
        named = {name for text in texts.values() for name in TERM.findall(text)}
        assert named
        for name in named:
            assert texts[f"glossary.{name}"]


def test_both_languages_explain_the_same_terms():
    for key in ENGLISH.keys() & CHINESE.keys():
        assert set(TERM.findall(ENGLISH[key])) == set(TERM.findall(CHINESE[key])), key
