"""Pages of many digits are denoised digit by digit, other pictures as a whole."""

import pytest
import torch

from denoiser import add_noise, draw_noise, load_model
from denoiser.batch.pages import find_digits, restore_page
from denoiser.batch.tiles import restore
from denoiser.data.examples import EXAMPLES
from denoiser.ink import digit_from_strokes
from denoiser.metrics import psnr


@pytest.fixture(scope="module")
def page():
    """Nine digits, 3 x 3, four pixels apart."""
    page = torch.zeros(1, 1, 92, 92)
    for number in range(9):
        row, column = (32 * place for place in divmod(number, 3))
        page[0, 0, row : row + 28, column : column + 28] = digit_from_strokes(EXAMPLES[str(number + 1)])[0, 0]
    return page


def test_digits_of_a_page_are_found(page):
    owners, count, others = find_digits(page[0, 0].numpy())
    assert count == 9
    assert not others.any()
    assert len(set(owners[14::32, 8:20].max(axis=1))) == 3  # one digit for each row of frames


def test_digits_scattered_on_a_page_are_found_under_strong_noise():
    """Most of such a page is paper, whose noise must not count as ink."""
    page = torch.zeros(1, 1, 160, 160)
    for number in range(9):
        row, column = (8 + 52 * place for place in divmod(number, 3))
        page[0, 0, row : row + 28, column : column + 28] = digit_from_strokes(EXAMPLES[str(number + 1)])[0, 0]
    model = load_model("unet")[0]
    noisy = add_noise(page, draw_noise("gaussian", page.shape, 5), 0.7)
    gain = psnr(restore_page(model, noisy), page) - psnr(restore(model, noisy), page)
    assert gain.item() > 3


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
