"""What goes wrong on a machine: killed, disk full, files gone, a model that raises. The rest works, and it is said."""

import base64
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import pixels, reply_to
from PIL import Image
from playwright.sync_api import Error, expect
from web_fixtures import pictures, served, settle

from denoiser import checkpoint
from denoiser.bench import load
from denoiser.bench.browser import free_port, served_page
from denoiser.data import PIXELS
from denoiser.data.examples import EXAMPLES
from denoiser.errors import DenoiserError
from denoiser.sweeps import SweepRequest, sweep, sweep_all
from denoiser.web.api import Endpoints
from denoiser.web.app import build_page
from denoiser.web.denoise import handlers as denoise
from denoiser.web.endpoint import unqueued
from denoiser.web.i18n import english
from denoiser.web.latent import handlers as latent
from denoiser.web.serving.latent_map import LatentMap
from denoiser.web.serving.model_pool import ModelPool

ROOT = Path(__file__).resolve().parents[2]
DRAWING = {"strokes": EXAMPLES["7"], "kind": "gaussian", "seed": 1, "factors": [0.5]}


# ---------- a model that raises ----------


def breaks(model, monkeypatch, error=RuntimeError):
    """From now on this model raises whatever it is asked."""

    def raises(*arguments):
        raise error("mat1 and mat2 shapes cannot be multiplied")

    for name in ("forward", "encode", "decode"):
        if hasattr(model, name):
            monkeypatch.setattr(model, name, raises)


@pytest.fixture(scope="module")
def pool():
    return ModelPool()


@pytest.fixture
def compare(pool):
    call = unqueued(denoise.board_endpoint(pool))
    return lambda **request: json.loads(call([json.dumps(DRAWING | {"models": pool.featured} | request)]))


@pytest.mark.parametrize("factors", [[0.5], None], ids=["cards", "ladder"])
@pytest.mark.parametrize("error", [RuntimeError, MemoryError, ValueError])
def test_a_model_that_raises_leaves_the_others_as_they_were(compare, pool, monkeypatch, factors, error):
    whole = compare(factors=factors)
    breaks(pool.fast["unet"], monkeypatch, error)
    reply = compare(factors=factors)
    assert (whole["failed"], reply["failed"]) == ([], ["unet"])
    assert reply["names"] == whole["names"]
    for row, name in enumerate(whole["names"]):
        if name == "unet":
            continue
        assert reply["psnr"][row] == whole["psnr"][row]
        assert np.allclose(reply["reads"][row], whole["reads"][row], atol=2e-4)
        size = PIXELS * len(whole["factors"])
        part = slice(row * size, (row + 1) * size)
        assert np.array_equal(pixels(reply["pictures"])[part], pixels(whole["pictures"])[part])


def test_without_a_referee_that_works_nothing_is_read(compare, pool, monkeypatch):
    breaks(pool.fast_referee, monkeypatch)
    reply = compare()
    assert reply["reading"] is reply["reads"] is None
    assert reply["failed"] == []
    assert None not in reply["psnr"]


def test_the_package_itself_hides_no_error(pool, monkeypatch):
    breaks(pool.models["unet"], monkeypatch)
    x = torch.rand(1, 1, 28, 28)
    for ask in (
        lambda: sweep(x, {"unet": pool.models["unet"]}, "gaussian", 0),
        lambda: sweep_all([SweepRequest(x, "gaussian", 0)], {}, lambda pictures: 1 / 0),
    ):
        with pytest.raises((RuntimeError, ZeroDivisionError)):
            ask()


def test_on_the_maps_the_other_ones_answer(pool, monkeypatch):
    charts = {name: LatentMap(pool, name) for name in ("vae-2d", "vae-2d-best")}
    breaks(pool.models["vae-2d"], monkeypatch)
    names = {"names": list(charts)}
    places, digit = (
        {name: [0.5, -0.5] for name in charts},
        {"picture": compare_digit(pool), "kind": "gaussian", "seed": 1},
    )
    requests = {
        latent.point: {"places": places},
        latent.own: names | digit,
        latent.morph: {"ends": {name: [[0, 0], [1, 1]] for name in charts}},
        latent.grid: names | {"n": 10, "area": "2"},
        latent.dozen: names | {"seed": 1},
    }
    for function, request in requests.items():
        reply = reply_to(partial(function, charts), request)
        assert list(reply["maps"]) == ["vae-2d-best"], function.__name__
    alone = reply_to(partial(latent.dozen, charts), {"names": ["vae-2d"], "seed": 1})
    assert set(alone) == {"error"}


def compare_digit(pool):
    """A fitted digit as the page sends it."""
    return reply_to(partial(denoise.compare, pool), DRAWING | {"models": ["median"]})["digit"]


def test_scripts_get_the_others_and_are_told_of_the_one(pool, monkeypatch):
    from helpers import digit_file

    breaks(pool.fast["unet"], monkeypatch)
    endpoints, image = Endpoints(pool), base64.b64encode(digit_file()).decode()
    noisy, broken, whole = endpoints.compare(image, ["unet", "median"], noise_factor=0.5)["results"]
    assert [broken[key] for key in ("image", "psnr", "ssim", "reading")] == [None] * 4
    assert whole["psnr"] > noisy["psnr"]
    with pytest.raises(DenoiserError, match="unet failed"):
        endpoints.denoise(image, "unet")
    assert endpoints.denoise(image, "median")["image"]


def test_a_page_starts_with_a_model_that_raises(monkeypatch):
    from denoiser.models import build

    whole = type(build("unet", checkpoint.load_record("unet").recipe.settings))
    monkeypatch.setattr(whole, "forward", lambda self, x: 1 / 0)
    pool = ModelPool()
    assert build_page(pool).blocks
    assert "unet" in pool.missing
    assert "conv-64" in pool.models


@pytest.mark.slow
def test_the_card_of_a_model_that_raises_says_so(browser, monkeypatch):
    pool = ModelPool()
    breaks(pool.fast["unet"], monkeypatch)
    with served(pool) as url:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(url)
        page.locator("#pad .tray button").nth(3).click()
        settle(page)
        card = page.locator("#board .card[data-model=unet]")
        expect(card.locator(".note")).to_have_text("failed on the server")
        expect(card.locator(".psnr")).to_have_text("–")
        others = [shown for name, shown in zip(names(page), pictures(page), strict=True) if name != "unet"]
        assert "" not in others
        assert page.locator("#board .card.best").count() == 1
        assert page.locator("#sweep .plot path[stroke-width='2']").count() == len(others)
        expect(page.locator("#board [role=status]").last).to_contain_text("the best is")
        with urllib.request.urlopen(f"{url}health", timeout=60) as reply:
            assert reply.status == 200
        page.close()


def names(page):
    return page.locator("#board .card").evaluate_all("cards => cards.map(card => card.dataset.model)")


# ---------- killed ----------


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_of_a_request(browser):
    port = free_port()
    page = browser.new_page()
    page.set_default_timeout(60_000)
    with served_page(port) as (url, process):
        page.goto(url)
        page.locator("#board .card").first.wait_for()
        page.on("request", lambda request: "component_server" in request.url and kill(process))
        page.get_by_role("button", name="Example 4").click()
        expect(page.locator("#toast .say")).to_contain_text("does not answer")
    drawn = page.evaluate("() => JSON.stringify(denoiser.state.strokes)")
    assert len(drawn) > 10
    page.get_by_role("button", name="New noise").first.click()  # the page itself goes on
    with served_page(port):
        settle(page)
        expect(page.locator("#toast .say")).to_contain_text("answers again")
        assert "" not in pictures(page)
        assert page.evaluate("() => JSON.stringify(denoiser.state.strokes)") == drawn
        page.close()


def kill(process):
    """End it at once, as the kernel does where memory runs out."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@pytest.mark.slow
def test_a_restart_while_a_training_is_watched_keeps_the_drawing(browser):
    """Gradio's client reloads the page when the stream of events that it followed breaks off."""
    port = free_port()
    page = browser.new_page()
    page.set_default_timeout(120_000)
    strokes = "() => denoiser.state.strokes.map(stroke => stroke.map(([x, y]) => [x, y]))"
    with served_page(port) as (url, process):
        page.goto(url)
        page.get_by_role("button", name="Example 4").click()
        settle(page)
        drawn = page.evaluate(strokes)
        page.evaluate("() => { window.before = true; }")
        page.locator("#train-tab-button").click()
        page.locator("#train_form .train").click()
        page.wait_for_function("() => window.denoiser?.state.snapshots.length > 0")
        kill(process)
    with served_page(port):
        page.wait_for_function("() => window.denoiser && !window.before")  # it has reloaded
        found = None
        while found is None:
            try:
                settle(page)
                found = page.evaluate(strokes)
            except Error as error:
                if "navigation" not in str(error):  # it reloads again: each of Gradio's streams may do so
                    raise
        assert [len(stroke) for stroke in found] == [len(stroke) for stroke in drawn]
        assert np.abs(np.concatenate(found) - np.concatenate(drawn)).max() < 0.001  # links hold thousandths
        page.close()


@pytest.mark.slow
def test_a_reload_keeps_the_drawing_and_forgets_one_that_was_cleared(browser, page_url):
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.goto(page_url)
    page.reload()
    page.get_by_role("button", name="Example 4").click()
    page.locator("#views input[value=difference]").check(force=True)
    page.wait_for_function("denoiser.state.view === 'difference'")
    page.reload()
    settle(page)
    assert page.evaluate("() => denoiser.state.strokes.length") > 0
    expect(page.locator("#views input[value=difference]")).to_be_checked()
    page.locator("#pad [data-do=clear]").click()
    page.reload()
    page.locator("#board .card").first.wait_for()
    assert not page.evaluate("() => denoiser.hasInk()")
    page.close()


@pytest.fixture(scope="module")
def once_trained(tiny_digits, tmp_path_factory):
    """A folder with digits of ours as PNG files, and `mine` trained on them for an epoch."""
    folder = tmp_path_factory.mktemp("once")
    (folder / "scans").mkdir()
    for place, image in enumerate(tiny_digits.images[:24, 0]):
        Image.fromarray(image.numpy()).save(folder / "scans" / f"{place}.png")
    assert training(folder, 1).wait(300) == 0
    return folder


@pytest.fixture
def workplace(once_trained, tmp_path):
    """A copy of that folder."""
    return Path(shutil.copytree(once_trained, tmp_path / "work"))


def training(folder, epochs, *more, **options):
    """A training of `mine` in a process of its own, its files under `folder`."""
    command = [
        sys.executable,
        "-m",
        "denoiser",
        "train",
        "dense-32",
        "--data",
        "scans",
        "--as",
        "mine",
        "--device",
        "cpu",
    ]
    settings = ["--set", "batch_size=5", f"epochs={epochs}", *more]
    environment = {"PYTHONPATH": str(ROOT), "DENOISER_CHECKPOINTS": str(folder / "models"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, *settings], cwd=folder, env=os.environ | environment, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_and_the_old_checkpoint_is_whole(workplace):
    from safetensors import safe_open

    models, epochs = workplace / "models", 150
    old = checkpoint.load_checkpoint("mine", folder=models)[1].sha256
    process = training(workplace, epochs)
    while not (states := [*workplace.glob("runs/*.safetensors")]) and process.poll() is None:
        time.sleep(0.005)
    kill(process.pid)
    assert process.wait(60) == -signal.SIGKILL
    assert checkpoint.load_checkpoint("mine", folder=models)[1].sha256 == old
    with safe_open(states[0], "pt") as state:
        before = json.loads(state.metadata()["history"])
    assert 0 < len(before) < epochs
    assert training(workplace, epochs, "--resume").wait(120) == 0
    record = checkpoint.load_checkpoint("mine", folder=models)[1]
    assert len(record.history) == epochs
    assert [asdict(epoch) for epoch in record.history[: len(before)]] == before


# ---------- no room, and files that go ----------


def hardly_any_room():
    """What the system does to files of this process that grow beyond 40 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


@pytest.mark.slow
def test_where_there_is_no_room_the_old_checkpoint_stays_and_one_line_says_so(workplace):
    models = workplace / "models"
    old = {path.name: path.read_bytes() for path in models.iterdir()}
    process = training(workplace, 2, preexec_fn=hardly_any_room)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "could not be written" in said.splitlines()[-1]
    assert "Traceback" not in said
    assert {path.name: path.read_bytes() for path in models.iterdir()} == old
    assert not list(workplace.glob("runs/.*"))


def ask(page, names):
    """What the board of this page makes of DRAWING."""
    data = [json.dumps(DRAWING | {"models": names})]
    body = {"data": data, "component_id": page.component, "fn_name": "compare", "session_hash": "s"}
    request = urllib.request.Request(page.endpoint, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(json.loads(reply.read()))


@pytest.mark.slow
def test_checkpoints_that_go_or_are_damaged_while_the_page_is_up(tmp_path):
    folder, kept = tmp_path / "models", ["dense-16", "conv-8", "referee"]
    folder.mkdir()
    for name in kept:
        for suffix in ("json", "safetensors"):
            shutil.copy(checkpoint.FOLDER / f"{name}.{suffix}", folder)
    models, variables = ["dense-16", "conv-8", "median"], {"DENOISER_CHECKPOINTS": str(folder)}
    with served_page(**variables) as (url, _):
        page = load.find_page(url)
        before = ask(page, models)
        (folder / "dense-16.safetensors").unlink()
        (folder / "conv-8.safetensors").write_bytes(b"no weights")
        (folder / "referee.json").write_text("{")
        assert ask(page, models) == before  # what is served is in memory
        with urllib.request.urlopen(f"{url}/health", timeout=60) as reply:
            assert reply.status == 200
    with served_page(**variables) as (url, _):
        with urllib.request.urlopen(f"{url}/config", timeout=60) as reply:
            config = json.load(reply)
        board = next(c for c in config["components"] if c["props"].get("elem_id") == "board")["props"]["props"]
        assert [gap["name"] for gap in board["missing"]] == ["conv-8"]
        assert "dense-16" not in [model["name"] for model in board["models"]]
        reply = ask(load.find_page(url), ["median"])
        assert reply["failed"] == []
        assert reply["reads"] is None  # nobody is left to read
        assert "no such model" in english(ask(load.find_page(url), models)["error"])
