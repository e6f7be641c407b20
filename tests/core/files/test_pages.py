"""Pages of many digits are denoised digit by digit, other pictures as a whole."""

import numpy as np
import pytest
import torch

from denoiser import add_noise, draw_noise, load_model
from denoiser.batch.noisy_pages import find_noisy_digits, regular_grid
from denoiser.batch.pages import find_digits, restore_page
from denoiser.batch.tiles import restore
from denoiser.data.examples import EXAMPLES
from denoiser.ink import digit_from_strokes
from denoiser.metrics import psnr


def framed(number):
    """One of ten digits (28, 28)."""
    return digit_from_strokes(EXAMPLES[str(number % 10)])[0, 0]


def page_of(frames, side):
    """A page (1, 1, side, side) of digits in frames with these upper left corners."""
    page = torch.zeros(1, 1, side, side)
    for number, (row, column) in enumerate(frames, 1):
        area = page[0, 0, row : row + 28, column : column + 28]
        torch.maximum(area, framed(number), out=area)
    return page


def alone(model, noisy, frames):
    """A noisy page whose digits are denoised one by one in frames that are known, on blank paper."""
    page = torch.zeros_like(noisy)
    for row, column in frames:
        window = (..., slice(row, row + 28), slice(column, column + 28))
        page[window] = restore(model, noisy[window])
    return page


GRID = [(28 * row, 28 * column) for row in range(5) for column in range(5)]
SCATTERED = [(8 + 50 * row + (row * column) % 5, 8 + 50 * column - row) for row in range(3) for column in range(3)]


@pytest.fixture(scope="module")
def page():
    """Nine digits, 3 x 3, four pixels apart."""
    return page_of([(32 * row, 32 * column) for row in range(3) for column in range(3)], 92)


def test_digits_of_a_page_are_found(page):
    owners, count, others = find_digits(page[0, 0].numpy())
    assert count == 9
    assert not others.any()
    assert len(set(owners[14::32, 8:20].max(axis=1))) == 3  # one digit for each row of frames


def test_digits_are_found_under_strong_noise():
    """Most of such a page is paper, whose noise must not count as ink."""
    page = page_of(SCATTERED, 160)
    noisy = add_noise(page, draw_noise("gaussian", page.shape, 5), 0.7)
    found = find_noisy_digits(noisy[0, 0].numpy())
    distances = np.linalg.norm(np.array(SCATTERED)[:, None] + 14 - found, axis=-1)
    assert distances.min(axis=1).max() < 4


@pytest.mark.parametrize(
    ("kind", "frames", "side", "factor", "most"),
    [
        ("gaussian", GRID, 140, 0.7, 0.3),
        ("gaussian", SCATTERED, 160, 0.7, 1.0),
        ("salt-and-pepper", GRID, 140, 0.7, 0.3),
        ("salt-and-pepper", SCATTERED, 160, 0.3, 0.3),
        ("salt-and-pepper", SCATTERED, 160, 0.5, 1.0),
    ],
)
def test_little_is_lost_against_single_digits_under_strong_noise(kind, frames, side, factor, most):
    page = page_of(frames, side)
    model = load_model("unet")[0]
    noisy = add_noise(page, draw_noise(kind, page.shape, 5), factor)
    lost = psnr(alone(model, noisy, frames), page) - psnr(restore_page(model, noisy), page)
    assert lost.item() < most


def test_a_grid_is_completed():
    cells = np.array([(14 + 28 * row, 20 + 30 * column) for row in range(6) for column in range(6)])
    off = np.random.default_rng(0).integers(-1, 2, cells.shape)
    found = regular_grid(np.delete(cells + off, [7, 20], axis=0), (200, 200))
    assert {tuple(cell) for cell in found} == {tuple(cell) for cell in cells}


def test_scattered_digits_are_no_grid():
    positions = np.random.default_rng(0).integers(0, 300, (40, 2))
    assert regular_grid(positions, (300, 300)) is None


def test_what_is_not_explained_by_digits_is_denoised_as_a_whole():
    """Digits so close that they cannot be told apart under such noise; and a grey texture, which is no page."""
    close = page_of([(18 * row, 18 * column) for row in range(6) for column in range(6)], 118)
    texture = 0.5 + 0.3 * (torch.arange(118) % 24 < 8).float().expand(1, 1, 118, 118)
    model = load_model("unet")[0]
    for picture in (close, texture):
        noisy = add_noise(picture, draw_noise("gaussian", picture.shape, 5), 0.6)
        torch.testing.assert_close(restore_page(model, noisy), restore(model, noisy))


def test_a_page_is_denoised_better_digit_by_digit(page):
    model = load_model("conv-32")[0]
    noisy = add_noise(page, draw_noise("gaussian", page.shape, 3), 0.4)
    gain = psnr(restore_page(model, noisy), page) - psnr(restore(model, noisy), page)
    assert gain.item() > 2


@pytest.mark.parametrize("ink", [slice(30, 60), slice(44, 46)])  # a square, and a line across
def test_other_pictures_are_denoised_as_a_whole(ink):
    picture = torch.zeros(1, 1, 92, 92)
    picture[..., ink, 5:87] = 1
    model = load_model("conv-32")[0]
    torch.testing.assert_close(restore_page(model, picture), restore(model, picture))


def test_a_filter_never_divides_a_page(page):
    model = load_model("median")[0]
    torch.testing.assert_close(restore_page(model, page), restore(model, page))


def test_a_blank_page_stays_blank():
    assert restore_page(load_model("conv-32")[0], torch.zeros(1, 1, 60, 60)).max() < 0.1
