"""Rows of digits on paper: found, read, cleaned, and refused where there are none."""

import numpy as np
import pytest
from PIL import Image

from denoiser import read_digits
from denoiser import reading as reading_module
from denoiser.data.paper import NO_DIGITS, Style, compose_row, make_hand, no_digits
from denoiser.ink import BlankInk, InkError, UnreadablePicture
from denoiser.reading import NoDigits, RuleError, result
from denoiser.reading.cleaning import cleaned_page, cleaned_strip
from denoiser.reading.printed_lines import without_lines
from denoiser.reading.result import clean


@pytest.fixture(scope="module")
def hand():
    return make_hand(4, seed=9)


def row(hand, text, seed=0, **style):
    """A photo of the text in our own strokes."""
    return compose_row(hand, Style(**style), np.random.default_rng(seed), text)


@pytest.fixture(scope="module")
def photo(hand):
    return row(hand, "40517", seed=3)


@pytest.fixture(scope="module")
def reading(photo):
    return read_digits(photo.picture)


def test_a_row_is_read_with_its_probability(reading):
    assert reading.text == "40517"
    assert 0.5 < reading.probability <= 1
    assert len(reading.digits) == 5
    for digit in reading.digits:
        assert digit.probabilities.shape == (10,)
        assert digit.probabilities.sum().item() == pytest.approx(1, abs=1e-4)
        assert str(digit.probabilities.argmax().item()) == digit.name


def test_the_boxes_lie_around_the_ink(photo, reading):
    for number, digit in enumerate(reading.digits, 1):
        rows, columns = np.nonzero(photo.owners == number)
        assert digit.box.left - 3 < columns.mean() < digit.box.right + 3
        assert digit.box.top - 3 < rows.mean() < digit.box.bottom + 3


@pytest.mark.parametrize("paper", ["ruled", "squared", "boxed"])
def test_printed_lines_are_not_read(hand, paper):
    assert read_digits(row(hand, "3829", seed=5, paper=paper).picture).text == "3829"


def test_a_point_and_a_hyphen_are_kept(hand):
    assert read_digits(row(hand, "27.5", seed=1).picture).text == "27.5"
    assert read_digits(row(hand, "30-64", seed=1).picture).text == "30-64"


def test_light_ink_on_dark_paper_is_read_too(photo):
    assert read_digits(Image.fromarray(255 - photo.picture)).text == "40517"


@pytest.mark.parametrize(("text", "seed"), [("144", 1), ("372169", 2)])
def test_a_row_in_which_all_digits_touch_is_read(hand, text, seed):
    """No segment may be a good digit; what the row says as a whole is enough."""
    assert read_digits(row(hand, text, seed=seed, touching=1.0, pen="marker").picture).text == text


def test_a_grainy_photo_is_read(photo):
    grain = 30 * np.random.default_rng(1).standard_normal(photo.picture.shape[:2])[:, :, None]
    noisy = (photo.picture + grain).clip(0, 255).astype(np.uint8)
    assert read_digits(noisy).text == "40517"


def test_rows_are_read_from_top_to_bottom(hand):
    pictures = [Image.fromarray(row(hand, text, seed=2, pen="marker").picture) for text in ("123", "4567")]
    page = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), "white")
    top = 0
    for picture in pictures:
        level = Image.eval(picture.convert("L"), lambda grey: 255 if grey > 110 else grey)
        page.paste(level, (0, top))
        top += picture.height
    assert read_digits(page).text == "123\n4567"


def test_digits_below_the_threshold_become_question_marks(photo):
    assert read_digits(photo.picture, threshold=1.0).text == "?????"
    with pytest.raises(RuleError, match="threshold"):
        read_digits(photo.picture, threshold=1.5)


def test_rules_that_no_reading_follows_are_named(photo):
    with pytest.raises(NoDigits, match="9 digits"):
        read_digits(photo.picture, length=9)


@pytest.mark.parametrize("kind", NO_DIGITS)
def test_no_number_is_read_where_there_is_none(kind):
    with pytest.raises(InkError):
        read_digits(no_digits(kind, 1))


def test_a_page_with_too_much_on_it_is_refused_early(photo):
    with pytest.raises(NoDigits, match="Crop it"):
        read_digits(photo.picture, most_segments=3)


def test_more_digits_than_may_be_read_are_refused_before_they_are_cut(photo, monkeypatch):
    monkeypatch.setattr(reading_module, "find_segments", None)
    with pytest.raises(NoDigits, match="Crop it"):
        read_digits(photo.picture, most_segments=3)


def test_reading_stops_once_half_of_the_ink_is_no_digits(monkeypatch):
    page = Image.new("L", (300, 600), 255)
    for top in range(10, 580, 60):
        page.paste(0, (100, top, 130, top + 30))
    tried = []
    monkeypatch.setattr(reading_module, "_read", lambda *given: tried.append(given))  # None: no row of digits
    with pytest.raises(NoDigits, match="no row of digits"):
        read_digits(page)
    assert 5 <= len(tried) <= 6  # of ten rows of the same ink


def test_what_is_no_picture_is_refused():
    with pytest.raises(UnreadablePicture):
        read_digits(b"no picture")
    with pytest.raises(BlankInk):
        read_digits(np.full((50, 200), 255, np.uint8))


def test_digits_are_framed_and_cleaned(reading):
    strip = cleaned_strip(reading)
    assert strip.shape == (1, 1, 28, 28 * 5)
    for digit in reading.digits:
        assert digit.framed.shape == digit.cleaned.shape == (1, 1, 28, 28)
        assert digit.cleaned.max() > 0.8


def test_digits_that_are_cleaned_together_are_denoised_in_one_batch(photo, monkeypatch):
    digits, batches, denoiser = read_digits(photo.picture).digits, [], result.load_model("unet")[0]
    monkeypatch.setattr(result, "_denoiser", lambda: lambda x: batches.append(len(x)) or denoiser(x))
    alone = read_digits(photo.picture).digits[0].cleaned
    assert clean(digits)[0].numpy() == pytest.approx(alone.numpy(), abs=1e-4)
    assert clean(digits)[2] is digits[2].cleaned
    assert batches == [1, 5]


def test_the_cleaned_page_has_its_digits_in_place_on_white(photo, reading):
    page = cleaned_page(reading)
    assert page.shape == photo.picture.shape
    ink = page.mean(axis=2) < 128
    inside = np.zeros_like(ink)
    for digit in reading.digits:
        box = digit.box
        inside[int(box.top) - 4 : int(box.bottom) + 5, int(box.left) - 4 : int(box.right) + 5] = True
        assert ink[int(box.top) : int(box.bottom), int(box.left) : int(box.right)].mean() > 0.05
    assert not ink[~inside].any()
    assert np.median(page) > 245


def test_lines_go_and_strokes_that_cross_them_stay():
    page = np.zeros((120, 400), np.float32)
    page[80:83] = 0.8  # a rule
    page[40:110, 200:206] = 1  # a stroke across it
    page[50, 20:40] = 1  # a hyphen
    cleaned = without_lines(page)
    assert cleaned[80:83, :190].max() == cleaned[80:83, 216:].max() == 0
    assert cleaned[40:110, 202:204].min() == 1
    assert cleaned[50, 20:40].min() == 1


def test_noise_is_refused_before_it_is_looked_through():
    """There would be thousands of marks to compare with each other, for many seconds."""
    noise = np.random.default_rng(0).random((500, 500)) > 0.1
    with pytest.raises(NoDigits, match="too much"):
        read_digits((255 * noise).astype(np.uint8))
