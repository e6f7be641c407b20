"""The endpoints for scripts, asked as docs/api.md says: its examples run as they stand there."""

import base64
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import digit_file
from PIL import Image

from denoiser.data import SIDE
from denoiser.data.paper import Style, compose_row, make_hand
from denoiser.web.api import ENDPOINTS

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"
NOTHING = "http://127.0.0.1:7860"


def example(language: str) -> str:
    """The document's code block in that language."""
    return re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[1]


@pytest.fixture(scope="module")
def client(page_url):
    from gradio_client import Client

    return Client(page_url, verbose=False)


@pytest.fixture(scope="module")
def image():
    return base64.b64encode(digit_file()).decode()


def test_only_what_is_documented_is_public(client):
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {f"/{name}" for name in ENDPOINTS}
    assert all(f"| `{name}` |" in DOCUMENT.read_text(encoding="utf-8") for name in named)


def test_denoising_is_as_on_the_page_and_by_its_seed(client, image):
    def ask(seed):
        return client.predict(image, model="conv-64", noise_factor=0.5, seed=seed, api_name="/denoise")

    first = ask(1)
    assert pixels(first["image"]).shape == (SIDE, SIDE)
    assert first["psnr"] > 15
    assert 0 < first["ssim"] <= 1
    assert first["reading"]["digit"] == 3
    assert first == ask(1) != ask(2)


def test_comparing_starts_with_the_noisy_picture(client, image):
    reply = client.predict(image, ["conv-64", "median"], noise_factor=0.5, api_name="/compare")
    assert [row["model"] for row in reply["results"]] == ["noisy", "conv-64", "median"]
    assert reply["results"][1]["psnr"] > reply["results"][0]["psnr"]
    assert reply["clean_reading"]["digit"] == 3


def test_without_noise_nothing_is_held_against_the_result(client, image):
    assert client.predict(image, api_name="/denoise")["psnr"] is None


def pixels(url: str) -> np.ndarray:
    """The bytes of a picture in a data URL."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))), dtype=int)


def test_what_lies_at_a_digits_place_is_what_the_autoencoder_makes_of_it(client, image):
    there = client.predict(image, api_name="/encode")
    assert all(sd > 0 for sd in there["sd"])
    decoded = client.predict(there["mean"], model=there["model"], api_name="/decode")
    made = client.predict(image, model=there["model"], api_name="/denoise")
    assert np.abs(pixels(decoded["image"]) - pixels(made["image"])).max() <= 1
    assert decoded["reading"]["digit"] == made["reading"]["digit"]


def test_originals_are_drawn_for_the_noisy_picture_and_by_their_seed(client, image):
    def ask(sample_seed, **request):
        return client.predict(
            image, noise_factor=0.3, seed=1, sample_seed=sample_seed, count=3, api_name="/originals", **request
        )

    first = ask(5)
    assert len(first["samples"]) == 3
    assert {sample["reading"]["digit"] for sample in first["samples"]} == {3}
    assert first["votes"] == {"3": 3}
    sure = [sample["reading"]["probability"] for sample in first["samples"]]
    assert first["probabilities"][3] == pytest.approx(sum(sure) / 3, abs=1e-3)
    stack = np.stack([pixels(sample["image"]) for sample in first["samples"]])
    assert np.abs(stack.mean(axis=0) - pixels(first["mean"])).max() <= 1
    assert pixels(first["noisy"]).std() > stack[0].std() / 2
    assert first == ask(5) != ask(6)


def test_completions_keep_what_is_not_erased(client, image):
    whole = pixels(client.predict(image, ["median"], api_name="/compare")["clean"])
    samples = client.predict(image, erased=[0, 0, 28, 14], count=2, api_name="/complete")
    for sample in samples:
        made = pixels(sample["image"])
        assert (made[14:] == whole[14:]).all()
        assert (made[:14] != whole[:14]).any()


def test_dreams_differ_from_each_other(client):
    one, other = client.predict(count=2, sample_seed=4, api_name="/dream")
    assert one["image"] != other["image"]
    assert pixels(one["image"]).max() > 128


def test_a_number_on_paper_is_read(client):
    photo = compose_row(make_hand(4, seed=9), Style(), np.random.default_rng(3), "40517")
    content = io.BytesIO()
    Image.fromarray(photo.picture).save(content, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
    reply = client.predict(url, length=5, range="..50000", page=True, api_name="/read")
    assert reply["text"] == "40517"
    assert 0 < reply["probability"] <= 1
    assert [mark["name"] for mark in reply["marks"]] == list("40517")
    assert all(pixels(mark["cleaned"]).shape == (SIDE, SIDE) for mark in reply["marks"])
    assert pixels(reply["strip"]).shape == (SIDE, 5 * SIDE)
    assert pixels(reply["page"]).shape == photo.picture.shape
    assert reply["size"] == [photo.picture.shape[1], photo.picture.shape[0]]


@pytest.mark.parametrize(
    ("endpoint", "request_", "says"),
    [
        ("denoise", {"image": "no picture"}, "base64"),
        ("denoise", {"image": base64.b64encode(b"no picture").decode()}, "not a picture"),
        ("denoise", {"image": 3}, "A picture is a string"),
        ("denoise", {"image": None, "model": "conv-64"}, "A picture is a string"),
        ("compare", {"image": "", "models": []}, "models can be compared"),
        ("compare", {"image": "", "models": ["nobody"]}, "no such model"),
        ("compare", {"image": "", "models": ["conv-64"], "noise_kind": "rain"}, "kind of noise"),
        ("compare", {"image": "", "models": ["conv-64"], "noise_factor": 2}, "0 to 1"),
        ("compare", {"image": "", "models": ["conv-64"], "seed": -1}, "whole number"),
        ("encode", {"image": "", "model": "conv-64"}, "has a plane"),
        ("decode", {"place": [1e9, 0]}, "off the map"),
        ("decode", {"place": [0, 0, 0]}, "two numbers"),
        ("decode", {"place": "here"}, "two numbers"),
        ("originals", {"image": "", "count": 25}, "Between 1 and 24"),
        ("originals", {"image": "", "count": 0}, "Between 1 and 24"),
        ("originals", {"image": "", "sample_seed": -1}, "whole number"),
        ("originals", {"image": "", "noise_kind": "rain"}, "kind of noise"),
        ("originals", {"image": "no picture"}, "base64"),
        ("complete", {"image": "", "erased": [0, 0, 28]}, "four whole numbers"),
        ("complete", {"image": "", "erased": [14, 0, 14, 28]}, "within 0 to 28"),
        ("complete", {"image": "", "erased": [0, 0, 28, 29]}, "within 0 to 28"),
        ("read", {"image": "no picture"}, "base64"),
        ("read", {"image": "", "length": "five"}, "whole number"),
        ("read", {"image": "", "threshold": 2}, "threshold"),
        ("read", {"image": "", "range": "5"}, "two numbers"),
        ("dream", {"count": 1000}, "Between 1 and 24"),
        ("dream", {"sample_seed": 2**31}, "whole number"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(client, endpoint, request_, says):
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError, match=says) as caught:
        client.predict(**request_, api_name=f"/{endpoint}")
    assert "Traceback" not in str(caught.value)


class TestDocument:
    """The examples of docs/api.md."""

    @pytest.fixture(autouse=True)
    def _a_digit(self, tmp_path, monkeypatch):
        (tmp_path / "digit.png").write_bytes(digit_file())
        monkeypatch.chdir(tmp_path)

    def test_python(self, page_url, tmp_path):
        code = example("python").replace(NOTHING, page_url)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
        assert "'digit': 3" in done.stdout
        assert Image.open(tmp_path / "denoised.png").size == (SIDE, SIDE)

    def test_curl(self, page_url):
        code = example("sh").replace(NOTHING, page_url.rstrip("/"))
        done = subprocess.run(["bash", "-ec", code], capture_output=True, text=True, timeout=60, check=True)
        event, data = done.stdout.strip().splitlines()[-2:]
        assert event == "event: complete"
        assert json.loads(data.removeprefix("data: "))[0]["reading"]["digit"] == 3

    def test_javascript(self, page_url, new_page):
        code = example("js").replace(NOTHING, page_url.rstrip("/"))
        reading = new_page().evaluate(f"async () => {{ {code}; return digit.reading; }}")
        assert 0 <= reading["digit"] <= 9
        assert 0 < reading["probability"] <= 1
