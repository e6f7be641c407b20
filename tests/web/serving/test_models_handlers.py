"""What the Models page asks the server, and what it is answered."""

import base64
import itertools
import json
import math
from importlib.metadata import PackageNotFoundError

import pytest
import torch
from helpers import RECTANGLE, reply_to
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from denoiser import inspection
from denoiser.data import SIDE
from denoiser.models import parameter_count
from denoiser.web.components import static_files
from denoiser.web.i18n import english
from denoiser.web.models import results
from denoiser.web.models.handlers import ModelsHandler
from denoiser.web.models.results import plotly_address, read_results
from denoiser.web.server.middleware import Headers
from denoiser.web.serving import digits
from denoiser.web.serving.model_pool import ModelPool
from denoiser.web.static_files import FOREVER
from denoiser.web.wire import tile_sheet

REQUEST = {
    "digit": base64.b64encode(bytes(RECTANGLE)).decode(),
    "kind": "gaussian",
    "seed": 7,
    "factor": 0.5,
    "step": None,
}


@pytest.fixture(scope="module")
def handler():
    return ModelsHandler(ModelPool())


@pytest.fixture
def ask(handler):
    return lambda name, request: reply_to(getattr(handler, name), request)


def size(text):
    return len(base64.b64decode(text))


# ---------- what the server says ----------


def test_every_model_has_an_entry_from_its_record(handler):
    entries = {entry["name"]: entry for entry in handler.entries}
    assert list(entries) == list(handler.records)
    json.dumps(handler.entries)
    for name, record in handler.records.items():
        entry = entries[name]
        assert entry["epochs"] == len(record.history)
        assert sum(layer["parameters"] for layer in entry["layers"]) == entry["parameters"]
        if record.history:
            assert entry["validation"][-1] == record.history[-1].validation
            assert entry["parameters"] == parameter_count(handler.models[name])
            assert {"Task", "Input", "Loss", "Optimiser", "Trained"} <= {english(what) for what, _ in entry["facts"]}


def test_charts_hold_the_figures_of_the_results_file():
    rows = json.loads((results.FOLDER / "evaluation.json").read_text())["results"]
    charts = read_results().charts
    json.dumps(charts, allow_nan=False)
    assert [english(figure["label"]) for figure in charts["figures"].values()] == ["PSNR", "SSIM", "read correctly"]
    assert set(charts["quality"]) == {row["noise"] for row in rows}
    row = next(row for row in rows if (row["model"], row["noise"], row["noise_factor"]) == ("unet", "poisson", 0.5))
    for key, scale in (("psnr", 1), ("ssim", 1), ("accuracy", 100)):
        points = dict(charts["quality"]["poisson"][key]["unet"])
        assert points[0.5] == pytest.approx(row[key] * scale, abs=1e-4)
        assert list(points) == sorted(points)


@pytest.mark.parametrize("content", [None, "[1", "{}", '{"results": [], "models": {"unet": {}}}'])
def test_without_results_the_charts_are_empty(tmp_path, monkeypatch, content):
    if content:
        (tmp_path / "evaluation.json").write_text(content)
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    found = read_results()
    assert (found.charts["quality"], found.psnr, found.codes) == ({}, {}, {})


def test_plotly_is_served_compressed_and_for_ever():
    files = static_files()
    client = TestClient(Starlette(routes=[files.route()], middleware=[Middleware(Headers)]))
    answer = client.get(plotly_address(), headers={"Accept-Encoding": "br"})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (answer.headers["content-encoding"], answer.headers["cache-control"]) == ("br", FOREVER)
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert int(answer.headers["content-length"]) < len(answer.text) / 3
    assert "window.Plotly = Plotly" in answer.text


def test_without_the_package_there_is_no_plotly(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(results, "version", missing)
    assert plotly_address() is None


def test_no_two_entries_share_a_line(handler):
    lines = [tuple(entry["style"].values()) for entry in handler.entries if entry["epochs"]]
    assert len(set(lines)) == len(lines)


def test_inside_of_every_model(handler, ask):
    for entry in handler.entries:
        reply = ask("inside", REQUEST | {"model": entry["name"]})
        assert "error" not in reply
        assert size(reply["input"]) == SIDE * SIDE
        if entry["task"] == "reconstruct":
            assert base64.b64decode(reply["input"]) == bytes(RECTANGLE)
        if entry["layers"]:
            sheet, layer = reply["sheet"], entry["layers"][reply["step"]]
            assert layer["code"] or not any(row["code"] for row in entry["layers"])
            assert size(sheet["pixels"]) == sheet["count"] * sheet["height"] * sheet["width"]
            assert sheet["total"] * sheet["height"] * sheet["width"] == math.prod(layer["shape"])
        assert ("output" in reply) == (entry["task"] != "read")


def test_a_stage_stands_for_all_layers_of_its_size(handler, ask):
    for entry in handler.entries:
        reply = ask("inside", REQUEST | {"model": entry["name"]})
        if not entry["layers"]:
            assert "stages" not in reply
            continue
        steps = [stage["step"] for stage in reply["stages"]]
        layers = [entry["layers"][step] for step in steps]
        assert steps[-1] == len(entry["layers"]) - 1
        assert steps == sorted(set(steps))
        assert any(layer["code"] for layer in layers) == any(layer["code"] for layer in entry["layers"])
        values = [math.prod(layer["shape"][-2:]) for layer in layers]
        for (before, after), layer in zip(itertools.pairwise(values), layers, strict=False):
            assert before != after or layer["code"]
        assert {stage["sheet"]["count"] for stage in reply["stages"]} == {1}


def test_every_layer_can_be_asked_for(handler, ask):
    entry = next(entry for entry in handler.entries if entry["layers"])
    for step, layer in enumerate(entry["layers"]):
        sheet = ask("inside", REQUEST | {"model": entry["name"], "step": step})["sheet"]
        assert sheet["total"] * sheet["height"] * sheet["width"] == math.prod(layer["shape"])


def test_a_sheet_is_on_one_scale():
    values = torch.tensor([0.0, 1.0, 2.0, 4.0])
    plain = tile_sheet(values, values.view(1, 2, 2))
    assert list(base64.b64decode(plain["pixels"])) == [0, 64, 128, 255]
    assert plain["zero"] == 0.25
    assert plain["exact"] == values.tolist()
    signed = tile_sheet(values - 2, (values - 2).view(1, 2, 2))
    assert list(base64.b64decode(signed["pixels"])) == [1, 64, 128, 255]
    each = tile_sheet(values, torch.stack([values.view(2, 2), 10 * values.view(2, 2)]), each=True)
    first, second = base64.b64decode(each["pixels"])[:4], base64.b64decode(each["pixels"])[4:]
    assert first == second
    assert each["peak"] is None


def test_ten_digits_of_every_model(handler, ask):
    names = [entry["name"] for entry in handler.entries if entry["task"] != "read"]
    reply = ask("ten", {"models": names, "turn": 1})
    shown = [row["name"] for row in reply["rows"]]
    assert [name for name in shown if name not in ("noisy", "original")] == names
    assert shown[-1] == "original"
    assert (shown[0] == "noisy") == (reply["factor"] > 0)
    assert all(size(row["pictures"]) == 10 * SIDE * SIDE for row in reply["rows"])
    assert ask("ten", {"models": names, "turn": 1}) == reply


def test_ten_digits_without_mnist_are_our_own(handler, ask, monkeypatch):
    monkeypatch.setattr(digits, "mnist_test", lambda: None)
    reply = ask("ten", {"models": [handler.entries[0]["name"]]})
    assert english(reply["origin"]) == "our own ten digits"
    assert size(reply["rows"][-1]["pictures"]) == 10 * SIDE * SIDE


def test_ten_digits_of_mnist_are_one_of_each(mnist_test, monkeypatch):
    clean, origin = digits.ten_digits(3)
    assert english(origin) == "MNIST test digits"
    found = digits.mnist_test()
    labels = [int(found.labels[(found.floats() == x).flatten(1).all(1)][0]) for x in clean]
    assert labels == list(range(10))


def test_checkerboards_of_every_network_that_enlarges(handler, ask, monkeypatch):
    monkeypatch.setattr(digits, "SPECTRUM_DIGITS", 20)
    handler = ModelsHandler(ModelPool())
    for entry in handler.entries:
        if entry["enlarging"] and entry["task"] != "read":
            reply = reply_to(handler.spectrum, {"model": entry["name"]})
            assert [row["view"] for row in reply["rows"]] == ["trained", "log-odds", "untrained"]
            assert all(math.isfinite(row[key]) for row in reply["rows"] for key in ("period2", "period4"))
    (ground,) = reply_to(handler.spectrum, {"model": None})["rows"]
    assert ground["period2"] == pytest.approx(inspection.checkerboard(digits.many_digits()))


@pytest.mark.parametrize(
    ("function", "change"),
    [
        ("inside", {"model": "nobody"}),
        ("inside", {"model": ["dense-16"]}),
        ("inside", {"digit": None}),
        ("inside", {"digit": "not base64!"}),
        ("inside", {"digit": base64.b64encode(b"short").decode()}),
        ("inside", {"kind": "shouting"}),
        ("inside", {"kind": ["gaussian"]}),
        ("inside", {"seed": -1}),
        ("inside", {"seed": 1.5}),
        ("inside", {"factor": 2}),
        ("inside", {"factor": float("nan")}),
        ("inside", {"step": 99}),
        ("inside", {"step": True}),
        ("weights", {"model": None}),
        ("ten", {"models": []}),
        ("ten", {"models": "dense"}),
        ("ten", {"models": ["nobody"]}),
        ("ten", {"turn": -1}),
        ("spectrum", {"model": "nobody"}),
        ("spectrum", {"model": "median"}),
        ("spectrum", {"model": {}}),
    ],
)
def test_bad_requests_get_a_sentence(handler, ask, function, change):
    name = next(n for n, r in handler.records.items() if r.recipe.task == "denoise" and r.history)
    reply = ask(function, REQUEST | {"model": name, "models": [name]} | change)
    assert list(reply) == ["error"]
    assert english(reply["error"]).endswith(".")
