"""The Models page: what its server functions answer, and the page in a real browser."""

import base64
import json
import math

import pytest
import torch

from denoiser import inspection
from denoiser.data import SIDE
from denoiser.models import parameter_count
from denoiser.web.component import answering
from denoiser.web.models import tab as models
from denoiser.web.serving.model_pool import ModelPool

DIGIT = [255 if 10 <= i // SIDE < 18 and 8 <= i % SIDE < 20 else 0 for i in range(SIDE * SIDE)]
REQUEST = {"digit": base64.b64encode(bytes(DIGIT)).decode(), "kind": "gaussian", "seed": 7, "factor": 0.5, "step": None}


@pytest.fixture(scope="module")
def shelf():
    return models.Shelf(ModelPool())


@pytest.fixture
def ask(shelf):
    return lambda name, request: json.loads(answering(getattr(shelf, name))([json.dumps(request)]))


def size(text):
    return len(base64.b64decode(text))


# ---------- what the server says ----------


def test_every_model_has_an_entry_from_its_record(shelf):
    entries = {entry["name"]: entry for entry in shelf.entries}
    assert list(entries) == list(shelf.records)
    json.dumps(shelf.entries)
    for name, record in shelf.records.items():
        entry = entries[name]
        assert entry["epochs"] == len(record.history)
        assert sum(layer["parameters"] for layer in entry["layers"]) == entry["parameters"]
        if record.history:
            assert entry["validation"][-1] == record.history[-1].validation
            assert entry["parameters"] == parameter_count(shelf.models[name])
            assert {"Task", "Input", "Loss", "Optimiser", "Trained"} <= {what for what, _ in entry["facts"]}


def test_no_two_entries_share_a_line(shelf):
    lines = [tuple(entry["style"].values()) for entry in shelf.entries if entry["epochs"]]
    assert len(set(lines)) == len(lines)


def test_inside_of_every_model(shelf, ask):
    for entry in shelf.entries:
        reply = ask("inside", REQUEST | {"model": entry["name"]})
        assert "error" not in reply
        assert size(reply["input"]) == SIDE * SIDE
        if entry["task"] == "reconstruct":
            assert base64.b64decode(reply["input"]) == bytes(DIGIT)
        if entry["layers"]:
            sheet, layer = reply["sheet"], entry["layers"][reply["step"]]
            assert layer["code"] or not any(row["code"] for row in entry["layers"])
            assert size(sheet["pixels"]) == sheet["count"] * sheet["height"] * sheet["width"]
            assert sheet["total"] * sheet["height"] * sheet["width"] == math.prod(layer["shape"])
        assert ("output" in reply) == (entry["task"] != "read")


def test_every_layer_can_be_asked_for(shelf, ask):
    entry = next(entry for entry in shelf.entries if entry["layers"])
    for step, layer in enumerate(entry["layers"]):
        sheet = ask("inside", REQUEST | {"model": entry["name"], "step": step})["sheet"]
        assert sheet["total"] * sheet["height"] * sheet["width"] == math.prod(layer["shape"])


def test_a_sheet_is_on_one_scale():
    values = torch.tensor([0.0, 1.0, 2.0, 4.0])
    plain = models.sheet(values, values.view(1, 2, 2))
    assert list(base64.b64decode(plain["pixels"])) == [0, 64, 128, 255]
    assert plain["zero"] == 0.25
    assert plain["exact"] == values.tolist()
    signed = models.sheet(values - 2, (values - 2).view(1, 2, 2))
    assert list(base64.b64decode(signed["pixels"])) == [1, 64, 128, 255]
    each = models.sheet(values, torch.stack([values.view(2, 2), 10 * values.view(2, 2)]), each=True)
    first, second = base64.b64decode(each["pixels"])[:4], base64.b64decode(each["pixels"])[4:]
    assert first == second
    assert each["peak"] is None


def test_ten_digits_of_every_model(shelf, ask):
    names = [entry["name"] for entry in shelf.entries if entry["task"] != "read"]
    reply = ask("ten", {"models": names, "turn": 1})
    shown = [row["name"] for row in reply["rows"]]
    assert [name for name in shown if name not in ("noisy", "original")] == names
    assert shown[-1] == "original"
    assert (shown[0] == "noisy") == (reply["factor"] > 0)
    assert all(size(row["pictures"]) == 10 * SIDE * SIDE for row in reply["rows"])
    assert ask("ten", {"models": names, "turn": 1}) == reply


def test_ten_digits_without_mnist_are_our_own(shelf, ask, monkeypatch):
    monkeypatch.setattr(models, "mnist_test", lambda: None)
    reply = ask("ten", {"models": [shelf.entries[0]["name"]]})
    assert reply["origin"] == "our own ten digits"
    assert size(reply["rows"][-1]["pictures"]) == 10 * SIDE * SIDE


def test_ten_digits_of_mnist_are_one_of_each(mnist_test, monkeypatch):
    clean, origin = models.ten_digits(3)
    assert origin == "MNIST test digits"
    digits = models.mnist_test()
    labels = [int(digits.labels[(digits.floats() == x).flatten(1).all(1)][0]) for x in clean]
    assert labels == list(range(10))


def test_checkerboards_of_every_network_that_enlarges(shelf, ask, monkeypatch):
    monkeypatch.setattr(models, "SPECTRUM_DIGITS", 20)
    shelf = models.Shelf(ModelPool())
    for entry in shelf.entries:
        if entry["enlarging"] and entry["task"] != "read":
            reply = shelf.spectrum({"model": entry["name"]})
            assert [row["words"] for row in reply["rows"]] == ["trained", "log-odds", "untrained"]
            assert all(math.isfinite(row[key]) for row in reply["rows"] for key in ("period2", "period4"))
    (ground,) = shelf.spectrum({"model": None})["rows"]
    assert ground["period2"] == pytest.approx(inspection.checkerboard(models.many_digits()))


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
        ("spectrum", {"model": {}}),
    ],
)
def test_bad_requests_get_a_sentence(shelf, ask, function, change):
    name = next(n for n, r in shelf.records.items() if r.recipe.task == "denoise" and r.history)
    reply = ask(function, REQUEST | {"model": name, "models": [name]} | change)
    assert list(reply) == ["error"]
    assert reply["error"].endswith(".")


# ---------- in a browser ----------

browser_test = pytest.mark.slow


@pytest.fixture
def page(new_page):
    return open_tab(new_page())


def open_tab(page):
    """The Models tab of a page that stands open, its table there."""
    page.get_by_role("tab", name="Models").click()
    page.wait_for_selector("#models .shelf-table tbody tr", timeout=30_000)
    return page


def choose(page, name):
    page.locator(f'#models .shelf-table tr[data-name="{name}"]').click()


@browser_test
def test_rows_choose_the_model_below(page, shelf):
    for name, record in shelf.records.items():
        choose(page, name)
        assert page.locator("#models .about .h-section").inner_text() == record.recipe.title
        assert page.locator("#models select").input_value() == name
    rows = page.locator("#models .shelf-table tbody tr")
    assert rows.count() == len(shelf.records)
    assert page.locator("#models tr[aria-selected=true]").count() == 1


@browser_test
def test_keys_choose_too(page, shelf):
    names = list(shelf.records)
    choose(page, names[0])
    page.locator("#models tr[aria-selected=true] button").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#models select").input_value() == names[1]
    page.locator("#models .previous").click()
    assert page.locator("#models select").input_value() == names[0]


@browser_test
def test_curves_are_overlaid_and_switch_to_log(page, shelf):
    trained = [entry for entry in shelf.entries if entry["loss"]]
    first, second = next(
        (a, b) for i, a in enumerate(trained) for b in trained[i + 1 :] if a["loss"] == b["loss"] and a != b
    )
    choose(page, first["name"])
    lines = page.locator("#models .curves .series")
    assert lines.count() == 2
    page.locator(f'#models .chip[data-name="{second["name"]}"]').click()
    assert lines.count() == 4
    assert page.locator("#models .curves .key").inner_text().count(f"{second['validation'][-1]:.4f}") == 1
    before = lines.first.get_attribute("d")
    page.locator("#models .scale input[value=log]").check(force=True)
    assert lines.first.get_attribute("d") != before


@browser_test
def test_the_hidden_layer_follows_the_digit(page, shelf):
    name = next(entry["name"] for entry in shelf.entries if any(layer["code"] for layer in entry["layers"]))
    choose(page, name)
    inside = page.locator("#models .inside")
    inside.scroll_into_view_if_needed()
    assert inside.locator(".nothing").is_visible()
    page.evaluate("digit => denoiser.set({ digit: Uint8Array.from(digit) })", DIGIT)
    inside.locator(".tiles canvas").wait_for(timeout=60_000)
    assert inside.locator(".nothing").is_hidden()
    assert inside.locator(".step.code[aria-checked=true]").count() == 1
    inside.locator(".step").first.click()
    inside.locator(".step[aria-checked=true][data-step='0']").wait_for(timeout=60_000)
    page.evaluate("denoiser.set({ digit: null })")
    assert inside.locator(".nothing").is_visible()


@browser_test
def test_ten_digits_appear(page):
    page.locator("#models .ten").scroll_into_view_if_needed()
    page.locator("#models .ten canvas").first.wait_for(timeout=60_000)
    assert page.locator("#models .ten canvas").count() % 10 == 0
    with page.expect_download() as download:
        page.locator("#models .save").click()
    assert download.value.suggested_filename.endswith(".png")


@browser_test
@pytest.mark.parametrize("width", [1280, 768, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(new_page, width, theme):
    page = open_tab(new_page(viewport={"width": width, "height": 844}, color_scheme=theme))
    page.evaluate("digit => denoiser.set({ digit: Uint8Array.from(digit) })", DIGIT)
    page.locator("#models .inside").scroll_into_view_if_needed()
    page.locator("#models .inside .tiles canvas").wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
