"""A model has one line style wherever it is shown."""

import re
from pathlib import Path

import pytest

import denoiser
from denoiser.evaluation.page import COLOURS
from denoiser.filters import FILTERS
from denoiser.recipe import FAMILIES
from denoiser.recipes import RECIPES
from denoiser.styles import DASHES, FAMILY_DASH, NOISY_STYLE, SHADES, family_style, line_styles

EVERY_MODEL = {recipe.name: recipe.family for recipe in RECIPES.values()} | dict.fromkeys(FILTERS, "filter")
FEATURED = [name for name, entry in (RECIPES | FILTERS).items() if entry.featured]


@pytest.mark.parametrize("family", ["conv", "vae", "filter"])
def test_models_of_a_family_differ_in_dash_or_shade(family):
    count = len(DASHES) * len(SHADES)
    styles = line_styles({f"{family}-{i}": family for i in range(count)})
    assert len({(style.dash, style.shade) for style in styles.values()}) == count
    assert {style.family for style in styles.values()} == {family}


def test_no_two_models_look_alike():
    styles = line_styles(EVERY_MODEL, FEATURED)
    assert list(styles) == list(EVERY_MODEL)
    assert len({*styles.values(), NOISY_STYLE}) == len(EVERY_MODEL) + 1


def test_featured_models_have_the_first_style_of_their_family():
    styles = line_styles(EVERY_MODEL, FEATURED)
    for family in {EVERY_MODEL[name] for name in FEATURED}:
        first = next(name for name in FEATURED if EVERY_MODEL[name] == family)
        assert styles[first] == family_style(family, 0)
        assert styles[first].colour == f"var(--{family})"
    assert styles["vae-2d-best"].dash == FAMILY_DASH["vae"]


def test_shades_are_mixed_with_ink_or_with_the_background():
    dark, light = (family_style("conv", len(DASHES) * i) for i in (1, 2))
    assert dark.colour == "color-mix(in oklab, var(--conv), var(--ink) 45%)"
    assert light.colour == "color-mix(in oklab, var(--conv), var(--bg) 30%)"


def test_the_report_has_the_colours_of_the_pages_light_theme():
    css = (Path(denoiser.__file__).parent / "web/shell/styles/tokens.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6});", css[: css.index("body")]))
    assert {family: colour for family, colour in COLOURS.items() if family in light} == {
        family: light[family] for family in COLOURS.keys() - {"external", "none"}
    }


def test_the_page_has_a_colour_for_every_family_in_light_and_dark():
    css = "".join(path.read_text(encoding="utf-8") for path in Path(denoiser.__file__).parent.rglob("*.css"))
    for family in {*FAMILIES, "filter", "noisy"} - {"referee", "sampler"}:  # which have no line on the page
        assert len(re.findall(rf"--{family}: #[0-9a-f]{{6}};", css)) == 2, family
