"""The tray of an uploaded picture with several digits: it opens, gives digits to the pad, and closes."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect
from web_fixtures import SEVEN, draw, faults, settle, wipe

from denoiser.bench.browser import PHONE
from denoiser.data.paper import Style, compose_row, make_hand, no_digits

pytestmark = pytest.mark.slow

TEXT = "40517"


def jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=92)
    return file.getvalue()


@pytest.fixture(scope="module")
def row():
    """A photo of a row of digits."""
    return jpeg(compose_row(make_hand(4, seed=9), Style(), np.random.default_rng(3), TEXT).picture)


def upload(page, content):
    page.locator("#pad input.file").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": content})


def on_pad(page):
    """What is on the pad: strokes and picture."""
    return page.evaluate("() => JSON.stringify([denoiser.state.strokes, denoiser.state.picture])")


@pytest.fixture
def page(new_page):
    page = new_page()
    wipe(page)
    return page


@pytest.fixture
def tray(page):
    return page.get_by_test_id("number-tray")


def test_a_row_of_digits_opens_the_tray_and_leaves_the_pad_alone(page, tray, row):
    draw(page, SEVEN)
    settle(page)
    before = on_pad(page)
    upload(page, row)
    expect(tray).to_be_visible()
    expect(tray.locator(".number b")).to_have_text(TEXT)
    expect(tray.locator(".number .sure")).to_contain_text("%")
    assert tray.locator(".digits button span").all_inner_texts() == list(TEXT)
    expect(tray).to_be_focused()
    assert on_pad(page) == before
    photo, boxes = tray.locator(".photo").bounding_box(), tray.locator(".boxes [data-mark]").all()
    assert len(boxes) == len(TEXT)
    for box in boxes:
        area = box.bounding_box()
        assert photo["x"] <= area["x"] < area["x"] + area["width"] <= photo["x"] + photo["width"]
        assert photo["y"] <= area["y"] < area["y"] + area["height"] <= photo["y"] + photo["height"]


def test_a_digit_goes_to_the_pad_and_is_denoised(page, tray, row):
    upload(page, row)
    tray.locator(".digits button").nth(2).click()
    settle(page)
    assert page.evaluate("() => denoiser.state.reading[0]") == int(TEXT[2])
    expect(tray.locator(".digits [aria-pressed=true] span")).to_have_text(TEXT[2])
    tray.locator(".boxes [data-mark]").nth(4).click()
    settle(page)
    assert page.evaluate("() => denoiser.state.reading[0]") == int(TEXT[4])
    page.get_by_role("button", name="Undo").click()
    settle(page)
    assert page.evaluate("() => denoiser.state.reading[0]") == int(TEXT[2])
    expect(tray.locator(".digits [aria-pressed=true] span")).to_have_text(TEXT[2])


def test_closing_keeps_the_pad_as_it_is(page, tray, row):
    upload(page, row)
    tray.locator(".digits button").first.click()
    settle(page)
    before = on_pad(page)
    tray.get_by_role("button", name="Close").click()
    expect(tray).to_be_hidden()
    assert on_pad(page) == before


def test_the_keyboard_takes_a_digit_and_closes_the_tray(page, tray, row):
    page.locator("#pad .paper canvas").first.focus()
    upload(page, row)
    expect(tray).to_be_focused()
    for _ in range(2):  # past the close button
        page.keyboard.press("Tab")
    expect(tray.locator(".digits button").first).to_be_focused()
    page.keyboard.press("Enter")
    settle(page)
    assert page.evaluate("() => denoiser.state.reading[0]") == int(TEXT[0])
    page.keyboard.press("Escape")
    expect(tray).to_be_hidden()
    expect(page.locator("#pad .paper canvas").first).to_be_focused()


def test_the_tray_fits_a_phone(new_page, row):
    page = new_page(**PHONE)
    upload(page, row)
    tray = page.get_by_test_id("number-tray")
    expect(tray).to_be_visible()
    width = page.viewport_size["width"]
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    box = tray.bounding_box()
    assert 0 <= box["x"] < box["x"] + box["width"] <= width
    for button in [*tray.locator(".digits button").all(), tray.get_by_role("button", name="Close")]:
        assert min(button.bounding_box()["width"], button.bounding_box()["height"]) >= 44
    tray.locator(".digits button").first.tap()
    settle(page)
    assert page.evaluate("() => denoiser.state.reading[0]") == int(TEXT[0])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_tray(new_page, row, theme):
    page = new_page(color_scheme=theme)
    upload(page, row)
    page.locator("#number_tray .digits button").first.click()
    settle(page)
    assert faults(page) == []


def test_a_single_digit_goes_to_the_pad_and_closes_the_tray(page, tray, row):
    upload(page, row)
    expect(tray).to_be_visible()
    sheet = Image.new("L", (400, 400), 225)
    ImageDraw.Draw(sheet).line([(130, 110), (280, 110), (190, 310)], fill=45, width=22, joint="curve")
    upload(page, jpeg(np.asarray(sheet)))
    page.wait_for_function("() => denoiser.state.picture !== null")
    expect(tray).to_be_hidden()
    settle(page)
    assert page.evaluate("() => denoiser.state.reading[0]") == 7


def test_a_picture_without_digits_gets_a_sentence(page, tray):
    upload(page, jpeg(no_digits("face", 0)))
    expect(page.locator("#toast .say")).to_contain_text("No number was found")
    expect(tray).to_be_hidden()
    assert page.evaluate("() => denoiser.state.picture !== null")
    before = on_pad(page)
    upload(page, jpeg(no_digits("blank", 0)))
    expect(page.locator("#toast .say")).not_to_contain_text("No number was found")
    expect(page.locator("#toast .say")).to_be_visible()
    assert on_pad(page) == before
