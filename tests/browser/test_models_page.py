"""The Models page in a browser."""

import pytest
from helpers import RECTANGLE
from playwright.sync_api import expect
from web_fixtures import wipe

from denoiser.web.models.handlers import ModelsHandler
from denoiser.web.serving.model_pool import ModelPool


@pytest.fixture(scope="module")
def handler():
    return ModelsHandler(ModelPool())


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
def test_rows_choose_the_model_below(page, handler):
    for name, record in handler.records.items():
        choose(page, name)
        assert page.locator("#models .about .h-section").inner_text() == record.recipe.title
        assert page.locator("#models select").input_value() == name
    rows = page.locator("#models .shelf-table tbody tr")
    assert rows.count() == len(handler.records)
    assert page.locator("#models tr[aria-selected=true]").count() == 1


@browser_test
def test_keys_choose_too(page, handler):
    names = list(handler.records)
    choose(page, names[0])
    page.locator("#models tr[aria-selected=true] button").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#models select").input_value() == names[1]
    page.locator("#models .previous").click()
    assert page.locator("#models select").input_value() == names[0]


@browser_test
def test_curves_are_overlaid_and_switch_to_log(page, handler):
    trained = [entry for entry in handler.entries if entry["loss"]]
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
def test_the_hidden_layer_follows_the_digit(page, handler):
    name = next(entry["name"] for entry in handler.entries if any(layer["code"] for layer in entry["layers"]))
    choose(page, name)
    inside = page.locator("#models .inside")
    inside.scroll_into_view_if_needed()
    wipe(page)
    expect(inside.locator(".nothing")).to_be_visible()
    page.evaluate("digit => denoiser.set({ digit: Uint8Array.from(digit) })", RECTANGLE)
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
    page.evaluate("digit => denoiser.set({ digit: Uint8Array.from(digit) })", RECTANGLE)
    page.locator("#models .inside").scroll_into_view_if_needed()
    page.locator("#models .inside .tiles canvas").wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
