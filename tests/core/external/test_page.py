"""The report as a page: complete, without a network, and safe whatever a model is called."""

import json
import re
import sys

import pytest

from denoiser import cli, data
from denoiser.checkpoint import load_record
from denoiser.evaluation import evaluate, format_page, galleries, get_subject, measure, reference_noise
from denoiser.evaluation.gallery import SHOWN

HOSTILE = "<img src=x onerror=window.hostile=1>\"'></script><script>window.hostile=1</script>"
CALIBRATION = {"sampler": "s", "kind": "gaussian", "factor": 0.5, "votes": {"accuracy": 0.9, "calibration_error": 0.04}}


@pytest.fixture
def report(tiny_digits, monkeypatch):
    monkeypatch.setattr(measure, "milliseconds", lambda model, x, threads=1: 1.5)
    return evaluate(tiny_digits[:25], ["dense-32", "median"], ("gaussian", "poisson"), (0.25, 0.5), progress=False)


@pytest.fixture
def page(report, tiny_digits):
    """The page of that report, in which a model has markup for a name."""
    text = json.dumps(report).replace('"median"', json.dumps(HOSTILE))
    names = ("dense-32", "median")
    shown = galleries([get_subject(name) for name in names], tiny_digits[:25], "gaussian", 0.5)
    return format_page(json.loads(text), {"dense-32": load_record("dense-32")}, shown, [CALIBRATION])


def charts(page):
    return json.loads(re.search(r"const charts = (.*);\n", page)[1])


def test_the_charts_hold_the_figures_of_the_report(page, report):
    found = charts(page)
    assert list(found["quality"]) == ["gaussian", "poisson"]
    lines = {line["name"]: line for line in found["quality"]["poisson"]["psnr"]}
    rows = [r["psnr"] for r in report["results"] if (r["model"], r["noise"]) == ("dense-32", "poisson")]
    assert lines["dense-32"]["x"] == [0.25, 0.5]
    assert lines["dense-32"]["y"] == pytest.approx(rows, abs=1e-3)
    assert [point["x"] for point in found["cost"]["ms_batch_1"]] == [[1.5], [1.5]]
    history = load_record("dense-32").history
    assert found["curves"][0]["y"] == [epoch.validation for epoch in history]
    assert "0.040" in page


def test_the_gallery_holds_the_best_and_the_worst_digits(tiny_digits):
    (gallery,) = galleries([get_subject("median")], tiny_digits[:25], "gaussian", 0.5)
    assert len(gallery.best_psnr) == len(gallery.worst_psnr) == SHOWN
    assert min(gallery.best_psnr) >= max(gallery.worst_psnr)
    assert list(gallery.worst_psnr) == sorted(gallery.worst_psnr)
    assert gallery.best.startswith("data:image/png;base64,")


def test_models_are_compared_at_the_factor_nearest_to_a_half(report):
    assert reference_noise(report) == ("gaussian", 0.5)
    few = report | {"results": [row for row in report["results"] if row["noise_factor"] == 0.25]}
    assert reference_noise(few) == ("gaussian", 0.25)


def test_no_placeholder_is_left_and_no_markup_of_a_model_stands_in_the_page(page):
    own = page[: page.index("<script>")] + page[page.rindex("<script>") :]
    assert "{{" not in own
    assert "<img src=x" not in page
    assert page.count("window.hostile=1</script>") == 0


def test_the_command_writes_the_page(tiny_digits, tmp_path, monkeypatch, configure, capsys):
    monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": tiny_digits[:25])
    configure(runs=tmp_path / "runs")
    options = ["--models", "dense-32", "--factors", "0.5", "--report", str(tmp_path / "report.html"), "--device", "cpu"]
    assert cli.main(["evaluate", *options]) == 0
    assert "the report as a page" in capsys.readouterr().out
    assert charts((tmp_path / "report.html").read_text(encoding="utf-8"))["curves"]


def test_without_plotly_the_sentence_says_what_to_install_before_anything_is_measured(
    tiny_digits, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(data, "load_dataset", lambda name, split, device="cpu": tiny_digits[:25])
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    monkeypatch.setattr(measure, "measure_quality", None)
    assert cli.main(["evaluate", "--models", "median", "--report", str(tmp_path / "r.html"), "--device", "cpu"]) == 2
    assert "pip install plotly" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_read_in_a_browser_without_any_request(browser, page, tmp_path, width):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    view = browser.new_page(viewport={"width": width, "height": 900})
    requests, errors = [], []
    view.on("request", lambda request: requests.append(request.url))
    view.on("pageerror", lambda error: errors.append(str(error)))
    view.goto(path.as_uri())
    for chart in ("quality", "bytes", "ms_batch_1", "curves"):
        view.wait_for_selector(f"#{chart} .main-svg")
    view.select_option("#figure", "ssim")
    view.wait_for_function("document.querySelector('#quality .ytitle').textContent === 'SSIM'")
    assert [url for url in requests if not url.startswith(("data:", "blob:", path.as_uri()))] == []
    assert errors == []
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert view.evaluate("window.hostile") is None
    view.close()
