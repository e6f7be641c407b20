"""What the page of possible originals is answered, and what it is refused."""

import base64
import json

import pytest
import torch
from helpers import pixels

from denoiser.data import SIDE
from denoiser.web.endpoint import unqueued
from denoiser.web.i18n import english
from denoiser.web.originals.handlers import BLENDS, FIRST, OriginalsHandler, measured
from denoiser.web.parsing import DREAM_STEPS, ORIGINALS
from denoiser.web.serving.sampling import SamplingService


class Nobody:
    """A pool of no models."""

    def __init__(self, models=(), referee=None):
        self.models, self.referee = dict(models), referee


class Reader(torch.nn.Module):
    """Reads every picture as a 3, the surer the brighter it is."""

    def forward(self, x):
        return torch.nn.functional.one_hot(torch.tensor([3]), 10) * x.mean(dim=(1, 2, 3)).view(-1, 1) * 20


class Shifts:
    """A sampler whose originals are the picture itself, a little brighter for each."""

    threads, workers = None, 1

    def sample(self, noisy, count, seed, trajectory):
        return self.drawn(noisy + 0.01 * seed, count)

    def complete(self, x, known, count, seed, trajectory):
        samples, frames = self.drawn(x, count)
        return torch.where(known, x, samples), frames

    def dream(self, count, seed, steps=12, trajectory=True):
        samples, frames = self.drawn(torch.zeros(1, 1, SIDE, SIDE) + seed / 100, count, steps)
        return samples[:, 0], type(frames)(*(f[:, :, 0] for f in frames))

    def fork(self, guess, step, count, seed, steps, trajectory):
        samples, frames = self.drawn(guess[None], count, steps - step)
        return samples[:, 0], type(frames)(*(f[:, :, 0] for f in frames))

    def drawn(self, x, count, steps=12):
        from denoiser.samplers import Trajectory

        samples = torch.stack([(x + i / 100).clamp(0, 1) for i in range(count)])
        return samples, Trajectory(samples.expand(steps + 1, *samples.shape), samples.expand(steps + 1, *samples.shape))


@pytest.fixture
def handler():
    pool = Nobody({"unet": torch.nn.Identity()}, Reader())
    return OriginalsHandler(pool, SamplingService("sampler", Shifts(), pool.referee))


def ask(function, **request):
    """The reply to a request in JSON."""
    return json.loads(unqueued(function)(json.dumps(request)))


def encoded(value, count=1):
    return base64.b64encode(bytes([value]) * SIDE * SIDE * count).decode()


DIGIT = {"picture": encoded(50), "kind": "gaussian", "seed": 1, "factor": 0.5, "draw": 0}


def test_originals_come_with_average_answer_and_readings(handler):
    reply = ask(handler.originals, **DIGIT)
    drawn = pixels(reply["pictures"]).reshape(ORIGINALS, -1)
    assert len(drawn) == len(reply["reads"]) == ORIGINALS
    assert {digit for digit, _ in reply["reads"]} == {3}
    assert (pixels(reply["answer"]) == pixels(reply["noisy"])).all()
    assert reply["average_reads"][0] == reply["answer_reads"][0] == reply["digit_reads"][0] == 3
    assert reply["condensing"] is None
    assert (pixels(ask(handler.originals, **DIGIT | {"draw": 20})["pictures"]) != drawn.flatten()).any()


def test_condensing_is_sent_where_it_is_asked_for(handler):
    moments = ask(handler.originals, **DIGIT, condensing=True)["condensing"]
    assert [len(pixels(moment)) for moment in moments] == [ORIGINALS * SIDE * SIDE] * 5


def test_to_what_is_noisy_already_no_noise_is_added(handler):
    reply = ask(handler.originals, **DIGIT, is_noisy_input=True)
    assert set(pixels(reply["noisy"])) == {50}
    assert set(pixels(ask(handler.originals, **DIGIT)["noisy"])) != {50}


def test_without_referee_and_denoiser_there_are_pictures(handler):
    handler.pool.models, handler.pool.referee, handler.sampling.referee = {}, None, None
    reply = ask(handler.originals, **DIGIT)
    assert reply["answer"] is reply["reads"] is reply["average_reads"] is None
    assert len(pixels(reply["pictures"])) == ORIGINALS * SIDE * SIDE


def test_the_baseline_takes_gaussian_noise_alone(handler):
    handler.sampling.gaussian_only = True
    assert ask(handler.originals, **DIGIT | {"kind": "speckle"}) == {"error": {"key": "error.gaussianOnly"}}
    assert "pictures" in ask(handler.originals, **DIGIT)


def test_blends_lead_from_the_average_to_each(handler):
    text = base64.b64encode(b"".join(bytes([20 * i]) * SIDE * SIDE for i in range(ORIGINALS))).decode()
    reads = ask(handler.blends, pictures=text)["reads"]
    assert (len(reads), len(reads[0])) == (BLENDS, ORIGINALS)
    first, last = [[p for _, p in step] for step in (reads[0], reads[-1])]
    assert len(set(first)) == 1
    assert last == sorted(last)
    assert last[0] < first[0] < last[-1]


def test_completions_change_what_is_erased(handler):
    erased = base64.b64encode(bytes([1]) * 392 + bytes(392)).decode()
    reply = ask(handler.complete, picture=encoded(50), erased=erased, draw=3)
    drawn = pixels(reply["pictures"]).reshape(8, 2, -1)
    assert (drawn[:, 1] == 50).all()
    assert (drawn[1:, 0] != 50).all()


def test_dreams_and_forks_have_a_frame_for_each_step(handler):
    dream = ask(handler.dream, draw=7)
    assert len(pixels(dream["states"])) == len(pixels(dream["guesses"])) == (DREAM_STEPS + 1) * SIDE * SIDE
    assert len(dream["reads"]) == DREAM_STEPS + 1
    fork = ask(handler.fork, guess=encoded(9), step=6, draw=1)
    assert [len(pixels(strip)) for strip in fork["states"]] == [(DREAM_STEPS - 6) * SIDE * SIDE] * 3
    assert len(pixels(ask(handler.dreams, draw=7)["pictures"])) == 24 * SIDE * SIDE


def test_the_first_dreams_are_computed_once(handler, monkeypatch):
    first = ask(handler.dream, draw=FIRST), ask(handler.dreams, draw=FIRST)
    monkeypatch.setattr(handler, "sampling", None)
    assert (ask(handler.dream, draw=FIRST), ask(handler.dreams, draw=FIRST)) == first


@pytest.mark.parametrize(
    ("name", "request_", "says"),
    [
        ("originals", DIGIT | {"picture": None}, "Draw a digit on the Denoise page."),
        ("originals", DIGIT | {"picture": "AAAA"}, "has 784 bytes"),
        ("originals", DIGIT | {"picture": "no base64"}, "could not be read"),
        ("originals", DIGIT | {"kind": "rain"}, "kind of noise"),
        ("originals", DIGIT | {"factor": 1.5}, "0 to 1"),
        ("originals", DIGIT | {"factor": None}, "0 to 1"),
        ("originals", DIGIT | {"draw": 2**31}, "whole number"),
        ("originals", DIGIT | {"draw": 1.0}, "whole number"),
        ("blends", {"pictures": encoded(3)}, "fitted pictures have"),
        ("complete", {"picture": encoded(3), "erased": encoded(0), "draw": 1}, "Nothing is erased."),
        ("complete", {"picture": encoded(3), "erased": None, "draw": 1}, "Draw a digit"),
        ("fork", {"guess": encoded(3), "step": 20, "draw": 1}, "steps 0 to 19"),
        ("fork", {"guess": encoded(3), "step": True, "draw": 1}, "steps 0 to 19"),
        ("dream", {"draw": -1}, "whole number"),
        ("dreams", {}, "whole number"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(handler, name, request_, says):
    assert says in english(ask(getattr(handler, name), **request_)["error"])


ROW = {
    "sampler": "sampler",
    "kind": "gaussian",
    "factor": 0.7,
    "digits": 1000,
    "votes": {"accuracy": 0.9, "calibration_error": 0.01, "bins": [[5, 0.5, 0.6]], "nll": 0.1},
}
DREAMS = {"sampler": "sampler", "dreams": 100, "sure": 0.97, "total_variation": 0.04, "shares": [0.1] * 10}


class TestMeasured:
    """What the page says was measured, from the file of results."""

    def write(self, folder, configure, **results):
        (folder / "evaluation.json").write_text(json.dumps(results))
        configure(checkpoints=folder)

    def test_of_the_sampler_that_serves(self, tmp_path, configure):
        self.write(tmp_path, configure, posterior={"originals": [ROW], "dreams": [DREAMS]})
        found = measured("sampler")
        assert found["originals"][0]["accuracy"] == 0.9
        assert found["originals"][0]["bins"] == [[5, 0.5, 0.6]]
        assert found["dreams"]["sure"] == 0.97
        assert measured("unet-ancestral") == {"originals": None, "dreams": None}

    def test_nothing_where_nothing_was_measured(self, tmp_path, configure):
        nothing = {"originals": None, "dreams": None}
        configure(checkpoints=tmp_path)
        assert measured("sampler") == nothing
        self.write(tmp_path, configure, results=[])
        assert measured("sampler") == nothing
        (tmp_path / "evaluation.json").write_text("[1")
        assert measured("sampler") == nothing
