"""What the page's server functions answer: to the page, and to requests that no page of ours sends."""

import base64
import io
import json
import math
from functools import partial

import numpy as np
import pytest
import torch
from helpers import pixels
from PIL import Image

from denoiser.data import PIXELS
from denoiser.data.examples import EXAMPLES
from denoiser.ink import digit_from_strokes
from denoiser.noise import add_noise, draw_noise
from denoiser.sweeps import NOISE_FACTORS
from denoiser.web.denoise import handlers as denoise
from denoiser.web.denoise.schemas import CompareRequest
from denoiser.web.endpoint import unqueued
from denoiser.web.i18n import english
from denoiser.web.schemas import parse
from denoiser.web.serving.model_pool import ModelPool


@pytest.fixture(scope="module")
def pool():
    return ModelPool()


@pytest.fixture(scope="module")
def compare(pool):
    call = unqueued(partial(denoise.compare, pool))
    usual = {"strokes": EXAMPLES["7"], "kind": "gaussian", "seed": 1, "factors": [0.5], "models": pool.featured}
    return lambda **request: json.loads(call([json.dumps(usual | request)]))


@pytest.fixture(scope="module")
def read_picture():
    call = unqueued(denoise.read_picture)

    def read(content, is_noisy_input=False):
        encoded = base64.b64encode(content).decode()
        return json.loads(call([json.dumps({"content": encoded, "is_noisy_input": is_noisy_input})]))

    return read


def png(array):
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def test_to_what_is_noisy_already_nothing_is_added_and_nothing_is_claimed(compare, pool):
    plain, already = compare(factors=None), compare(factors=None, is_noisy_input=True)
    assert already["factors"] == [0]
    assert already["psnr"] is already["ssim"] is None
    assert np.array_equal(pixels(already["pictures"])[:PIXELS], pixels(plain["digit"]))
    assert len(already["reads"]) == len(pool.featured) + 1
    assert already["reading"] == already["reads"][0][0]


def test_a_classifier_that_never_saw_noise_can_read_instead_of_the_referee(compare, pool):
    referee, clean = compare(factors=None), compare(factors=None, clean_reader=True)
    assert clean["pictures"] == referee["pictures"]
    assert clean["reading"][0] == referee["reading"][0] == 7

    def breaking_point(reply, row):
        return math.inf if reply["breaks"][row] is None else reply["breaks"][row]

    noisy, unet = 0, 1 + pool.featured.index("unet")
    assert breaking_point(clean, noisy) < breaking_point(referee, noisy)  # noise costs it more
    assert breaking_point(clean, noisy) < breaking_point(clean, unet)  # and denoising helps it


def test_requests_for_different_readers_are_not_answered_in_one_batch():
    body = {"kind": "gaussian", "seed": 1, "factors": [0.5], "models": ["unet"]}
    referee, clean = (parse(CompareRequest, body | {"clean_reader": flag}) for flag in (False, True))
    assert denoise.same_cards(referee) != denoise.same_cards(clean)


def test_a_picture_that_is_noisy_already_keeps_its_noise():
    digit = digit_from_strokes(EXAMPLES["7"])[0, 0].numpy() * 200
    noisy = (digit + np.random.default_rng(0).integers(0, 40, (28, 28))).astype(np.uint8)
    call = unqueued(denoise.read_picture)
    content = base64.b64encode(png(noisy)).decode()
    framed, fitted = (
        pixels(json.loads(call([json.dumps({"content": content, "is_noisy_input": flag})]))["digit"])
        for flag in (True, False)
    )
    assert np.array_equal(framed, noisy.flatten())
    assert not np.array_equal(fitted, framed)


def test_a_test_digit_is_one_of_mnists_with_its_label(mnist_test):
    answer = unqueued(denoise.test_digit)
    replies = [json.loads(answer(["{}"])) for _ in range(5)]
    for reply in replies:
        assert np.array_equal(pixels(reply["digit"]), mnist_test.images[reply["place"]].flatten().numpy())
        assert reply["label"] == mnist_test.labels[reply["place"]]
    assert len({reply["place"] for reply in replies}) > 1


def test_without_mnist_there_is_no_test_digit(monkeypatch):
    monkeypatch.setattr(denoise, "mnist_test", lambda: None)
    assert "MNIST" in english(json.loads(unqueued(denoise.test_digit)(["{}"]))["error"])


def test_every_model_that_loads_is_on_no_list_of_problems(pool):
    assert pool.featured
    assert not [problem for problem in pool.problems if "referee" not in problem]


def test_answer_has_a_row_for_noisy_and_each_model(compare, pool):
    reply = compare()
    assert reply["names"] == ["noisy", *pool.featured]
    assert pixels(reply["pictures"]).shape == (len(reply["names"]) * PIXELS,)
    assert len(reply["psnr"]) == len(reply["ssim"]) == len(reply["names"])


def test_any_choice_of_models_in_the_order_asked_for(compare, pool):
    names = list(pool.models)[:3][::-1]
    assert compare(models=names)["names"] == ["noisy", *names]


def test_figures_are_of_the_pictures_shown(compare):
    reply = compare(factors=[0.25, 0.5])
    clean = pixels(reply["digit"]) / 255
    shown = pixels(reply["pictures"]).reshape(len(reply["names"]), 2, PIXELS) / 255
    psnr = -10 * np.log10(((shown - clean) ** 2).mean(axis=2))
    assert np.abs(psnr - np.array(reply["psnr"])).max() < 0.05


def test_ladder_and_single_factor_agree(compare):
    one, ladder = compare(factors=[0.5]), compare(factors=None)
    assert ladder["factors"] == list(NOISE_FACTORS)
    step = ladder["factors"].index(0.5)
    rows = pixels(ladder["pictures"]).reshape(len(ladder["names"]), len(NOISE_FACTORS), PIXELS)[:, step]
    difference = rows.astype(int) - pixels(one["pictures"]).reshape(rows.shape).astype(int)
    assert np.abs(difference).max() <= 1


def test_no_noise_leaves_the_digit_and_has_no_finite_psnr(compare):
    reply = compare(factors=[0])
    assert (pixels(reply["pictures"])[:PIXELS] == pixels(reply["digit"])).all()
    assert reply["psnr"][0] == [None]


def test_seeds_and_kinds_give_the_noise(compare):
    noisy = {
        (kind, seed): pixels(compare(kind=kind, seed=seed)["pictures"])[:PIXELS].tobytes()
        for kind in ("gaussian", "speckle")
        for seed in (1, 2)
    }
    assert len(set(noisy.values())) == 4
    assert pixels(compare(seed=2)["pictures"])[:PIXELS].tobytes() == noisy["gaussian", 2]


@pytest.mark.parametrize("odd", ["blank", "noise"])
def test_no_figures_where_there_is_no_reference(compare, odd):
    reply = compare(non_digit=odd, strokes=[])
    assert reply["psnr"] is None
    assert reply["ssim"] is None


def test_a_fitted_picture_comes_back_as_it_was_sent(compare):
    sent = np.random.default_rng(0).integers(0, 256, PIXELS, dtype=np.uint8)
    reply = compare(picture=base64.b64encode(sent.tobytes()).decode())
    assert (pixels(reply["digit"]) == sent).all()


HOSTILE = {
    "no strokes": {"strokes": []},
    "strokes of nothing": {"strokes": [[]]},
    "null strokes": {"strokes": None},
    "text for strokes": {"strokes": "hello"},
    "a number for strokes": {"strokes": 7},
    "points that are text": {"strokes": [[["a", "b"]]]},
    "points of one value": {"strokes": [[[0.5]]]},
    "NaN points": {"strokes": [[[math.nan, 0.5], [0.5, 0.5]]]},
    "infinite points": {"strokes": [[[math.inf, 0.5], [0.5, 0.5]]]},
    "points far out of range": {"strokes": [[[1e30, 0.5], [0.5, -1e30]]]},
    "a million points": {"strokes": [[[0.5, 0.5]] * 1_000_000]},
    "unknown kind": {"kind": "snow"},
    "kind of another type": {"kind": ["gaussian"]},
    "negative seed": {"seed": -1},
    "huge seed": {"seed": 2**63},
    "seed as text": {"seed": "1"},
    "factor above one": {"factors": [1.5]},
    "factor NaN": {"factors": [math.nan]},
    "factors as text": {"factors": "0.5"},
    "no factors": {"factors": []},
    "ten thousand factors": {"factors": [0.5] * 10_000},
    "no models": {"models": []},
    "models as text": {"models": "conv-64"},
    "an unknown model": {"models": ["no-such-model"]},
    "a model that is a list": {"models": [["conv-64"]]},
    "the referee": {"models": ["referee"]},
    "a thousand models": {"models": ["median"] * 1_000},
    "picture too short": {"picture": base64.b64encode(b"short").decode()},
    "picture no base64": {"picture": "%%%"},
    "picture a number": {"picture": 5},
    "own models a list": {"user_model_ids": ["unet"]},
}


@pytest.mark.parametrize("request_part", HOSTILE.values(), ids=HOSTILE)
def test_hostile_requests_get_a_sentence(compare, request_part):
    reply = compare(**request_part)
    assert set(reply) == {"error"}
    assert english(reply["error"]).endswith(".")
    assert "Traceback" not in english(reply["error"])
    assert "\n" not in english(reply["error"])


@pytest.mark.parametrize("data", [None, 5, [], [5], ["not json"], ["[1, 2]"], ["[" * 100_000]])
def test_requests_that_are_none_get_a_sentence(data):
    assert set(json.loads(unqueued(denoise.read_picture)(data))) == {"error"}


def test_an_upload_is_fitted(read_picture):
    page = np.full((200, 160), 230, np.uint8)
    page[40:160, 70:90] = 30
    digit = pixels(read_picture(png(page))["digit"]).reshape(28, 28)
    rows, columns = np.nonzero(digit > 60)
    assert 18 <= np.ptp(rows) + 1 <= 21
    assert np.ptp(columns) < 10


@pytest.mark.parametrize("is_noisy_input", [False, True])
def test_an_upload_is_told_where_its_digit_is(read_picture, is_noisy_input):
    page = np.full((400, 800), 230, np.uint8)
    page[100:300, 560:600] = 30
    left, top, width, height = read_picture(png(page), is_noisy_input)["box"]
    assert left * 800 <= 560
    assert (left + width) * 800 >= 600
    assert top * 400 <= 100
    assert (top + height) * 400 >= 300
    assert height < 0.8
    assert width < 0.5


def test_a_digit_that_fills_its_picture_is_cut_out_of_all_of_it(read_picture):
    digit = digit_from_strokes(EXAMPLES["3"])[0, 0].mul(255).byte().numpy()
    assert read_picture(png(digit))["box"] == [0, 0, 1, 1]
    rows, columns = (np.flatnonzero((digit > 40).any(axis)) for axis in (1, 0))
    tight = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert read_picture(png(np.kron(tight, np.ones((12, 12), np.uint8))))["box"] == [0, 0, 1, 1]


def test_an_upload_with_grain_all_over_it_looks_noisy(read_picture):
    for name in "0123456789":  # in two of them no ink is found
        digit = digit_from_strokes(EXAMPLES[name])
        noisy = add_noise(digit, draw_noise("gaussian", digit.shape, int(name)), 0.5)[0, 0].mul(255).byte().numpy()
        assert read_picture(png(np.kron(noisy, np.ones((10, 10), np.uint8))))["looks_noisy"] is True
    assert "looks_noisy" not in read_picture(png(np.asarray(digit[0, 0].mul(255).byte())))


@pytest.mark.parametrize(
    "content",
    [b"", b"this is no picture", png(np.zeros((1, 1), np.uint8)), png(np.full((64, 64), 255, np.uint8))],
    ids=["empty", "text", "1 x 1", "blank"],
)
def test_unreadable_uploads_get_a_sentence(read_picture, content):
    reply = read_picture(content)
    assert set(reply) == {"error"}
    assert english(reply["error"]).endswith(".")


def test_fifty_megapixels_are_read_or_refused_in_a_sentence(read_picture):
    page = np.full((5_000, 10_000), 255, np.uint8)
    page[1_000:4_000, 4_500:5_000] = 0
    reply = read_picture(png(page))
    assert set(reply) in ({"digit", "box"}, {"digit", "box", "note"}, {"error"})
    if "digit" in reply:
        assert pixels(reply["digit"]).max() > 200


def test_visitors_do_not_meet(compare):
    """The answer depends on the request alone: another visitor's request in between changes nothing."""
    first = compare(strokes=EXAMPLES["1"])
    compare(strokes=EXAMPLES["8"], seed=99)
    assert compare(strokes=EXAMPLES["1"]) == first


def test_serving_does_not_train(pool):
    assert not any(p.requires_grad for model in pool.models.values() for p in model.parameters())
    assert not any(model.training for model in pool.models.values())
    assert torch.get_num_threads() == 1
