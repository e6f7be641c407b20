"""What the server answers to uploads with several digits, with one, and with none."""

import base64
import io
import json

import numpy as np
import pytest
from helpers import pixels
from PIL import Image

from denoiser.data.paper import Style, compose_row, make_hand, no_digits
from denoiser.web.denoise import handlers
from denoiser.web.endpoint import unqueued
from denoiser.web.i18n import english


def ask(picture, is_noisy_input=False):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    content = base64.b64encode(file.getvalue()).decode()
    request = json.dumps({"content": content, "is_noisy_input": is_noisy_input})
    return json.loads(unqueued(handlers.read_picture)([request]))


@pytest.fixture(scope="module")
def photo():
    return compose_row(make_hand(4, seed=9), Style(), np.random.default_rng(3), "40517")


@pytest.fixture(scope="module")
def reply(photo):
    return ask(photo.picture)


def test_several_digits_are_a_number(reply):
    assert set(reply) == {"number"}
    number = reply["number"]
    assert number["text"] == "40517"
    assert 0.5 < number["probability"] <= 1
    assert [mark["name"] for row in number["rows"] for mark in row] == list("40517")
    assert all(0 < p < number["probability"] for _, p in number["alternatives"])


def test_each_digit_has_its_box_and_its_pictures(reply, photo):
    marks = reply["number"]["rows"][0]
    height, width = photo.owners.shape
    for number, mark in enumerate(marks, 1):
        rows, columns = np.nonzero(photo.owners == number)
        left, top, across, down = mark["box"]
        assert left < columns.mean() / width < left + across
        assert top < rows.mean() / height < top + down
        assert pixels(mark["framed"]).max() > 200
        assert pixels(mark["cleaned"]).max() > 200
        assert np.abs(pixels(mark["framed"]) - pixels(mark["cleaned"])).mean() < 30


def test_a_picture_full_of_marks_is_not_read_to_its_end():
    from denoiser.reading import NoDigits, read_digits
    from denoiser.web.parsing import MOST_SEGMENTS

    bars = np.full((1500, 1500), 255, np.uint8)
    for top in range(20, 1460, 50):
        for left in range(20, 1460, 50):
            bars[top : top + 30, left : left + 6] = 0
    with pytest.raises(NoDigits, match="too much in that picture"):
        read_digits(bars, most_segments=MOST_SEGMENTS)
    assert "number" not in ask(bars)


def test_a_single_digit_is_fitted():
    picture = compose_row(make_hand(4, seed=9), Style(), np.random.default_rng(3), "4").picture
    assert set(ask(picture)) == {"digit", "box"}


def test_a_picture_that_is_noisy_already_is_framed_whatever_is_in_it(photo):
    assert set(ask(photo.picture, is_noisy_input=True)) == {"digit", "box"}


def test_a_drawing_that_is_no_number_is_fitted_and_a_sentence_says_so():
    reply = ask(no_digits("face", 0))
    assert set(reply) == {"digit", "box", "note"}
    assert "No number was found" in english(reply["note"])


def test_a_digit_of_mnist_s_size_is_not_looked_through_for_rows(monkeypatch):
    monkeypatch.setattr("denoiser.web.denoise.number_tray.read_digits", pytest.fail)
    assert set(ask((255 * make_hand(1, seed=9).pictures[3]).astype(np.uint8))) == {"digit", "box"}
