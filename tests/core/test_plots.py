"""Figures hold what the records and rows say, in the colours of the page."""

import re
from itertools import product
from pathlib import Path

import pytest

from denoiser import plots

CSS = Path(plots.__file__).parent / "web" / "page.css"


def record(name, family="dense", loss="bce", losses=((0.3, 0.28), (0.2, 0.19), (0.15, 0.16))):
    history = [{"epoch": i + 1, "train": t, "validation": v, "seconds": 1.0} for i, (t, v) in enumerate(losses)]
    return {"recipe": {"name": name, "family": family, "loss": loss}, "history": history}


def test_learning_curves_hold_every_epoch_of_every_record():
    records = [record("a"), record("b", "conv", losses=((0.5, 0.4),)), {"recipe": {"name": "f", "family": "filter"}}]
    figure = plots.learning_curves(records)
    assert [t.name for t in figure.data] == ["a, train", "a, validation", "b, train", "b, validation"]
    assert list(figure.data[1].x) == [1, 2, 3]
    assert list(figure.data[1].y) == [0.28, 0.19, 0.16]
    assert list(figure.data[2].y) == [0.5]
    assert figure.data[0].line.width < figure.data[1].line.width
    assert "nats per pixel" in figure.layout.yaxis.title.text


@pytest.mark.parametrize("log", [False, True])
def test_log_switch(log):
    assert plots.learning_curves([record("a")], log=log).layout.yaxis.type == ("log" if log else "linear")


def test_losses_of_different_kinds_share_no_axis():
    with pytest.raises(ValueError, match="elbo, mse"):
        plots.learning_curves([record("a", loss="mse"), record("b", "vae")])


def test_no_record_is_an_empty_figure():
    assert len(plots.learning_curves([]).data) == 0


def test_quality_curves_are_sorted_and_leave_out_what_was_not_measured():
    rows = [
        {"model": "a", "noise_factor": 0.7, "psnr": 14.0},
        {"model": "a", "noise_factor": 0.1, "psnr": 20.0},
        {"model": "b", "noise_factor": 0.1, "psnr": None},
        {"model": "other", "noise_factor": 0.1, "psnr": 1.0},
    ]
    figure = plots.quality_curves(rows, {"a": "conv", "b": "dense", "missing": "vae"})
    assert [t.name for t in figure.data] == ["a"]
    assert list(figure.data[0].x) == [0.1, 0.7]
    assert list(figure.data[0].y) == [20.0, 14.0]
    assert figure.data[0].line.color == plots.COLOURS["conv"][0]


@pytest.mark.parametrize("family", plots.COLOURS)
def test_many_recipes_of_a_family_keep_its_first_colour_and_differ_in_line(family):
    count = 3 if family == "noisy" else len(plots.DASHES) * len(plots.SHADES)
    styles = plots.line_styles({f"{family}-{i}": family for i in range(count)})
    lines = {(style.dash, style.shade) for style in styles.values()}
    assert len(lines) == count
    for style, theme in product(styles.values(), plots.THEMES):
        assert re.fullmatch("#[0-9a-f]{6}", style.colour(theme))
    first = styles[f"{family}-0"]
    assert [first.colour(theme) for theme in plots.THEMES] == list(plots.COLOURS[family])


def test_colours_are_those_of_the_page():
    light, dark = CSS.read_text(encoding="utf-8").split("body.dark {", 1)
    for name, colours in plots.COLOURS.items():
        for css, colour in zip((light, dark), colours, strict=True):
            assert re.search(rf"--{name}: (#\w+);", css).group(1) == colour
