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
    inside.locator(".layer > .tiles canvas").wait_for(timeout=60_000)
    assert inside.locator(".nothing").is_hidden()
    assert inside.locator(".step.code[aria-checked=true]").count() == 1
    inside.locator(".every summary").click()
    inside.locator(".step").first.click()
    inside.locator(".step[aria-checked=true][data-step='0']").wait_for(timeout=60_000)
    page.evaluate("denoiser.set({ digit: null })")
    assert inside.locator(".nothing").is_visible()


@browser_test
def test_the_page_begins_inside_the_network_and_the_unet_has_skips(page):
    inside = page.locator("#models .inside")
    expect(inside.locator(".stage").first).to_be_in_viewport(timeout=60_000)
    expect(inside.locator(".skip")).to_have_count(0)
    page.locator("#models select").select_option("unet")
    expect(inside.locator(".skip").first).to_be_visible(timeout=60_000)
    last = inside.locator(".stage").last
    last.click()
    expect(last).to_have_attribute("aria-pressed", "true", timeout=60_000)
    step = last.get_attribute("data-step")
    expect(inside.locator(f".step[data-step='{step}']")).to_have_attribute("aria-checked", "true")


@browser_test
def test_the_table_is_sorted_and_searched(page, handler):
    names = page.locator("#models .shelf-table tbody tr:visible td:first-child")
    usual = names.all_inner_texts()
    heading = page.locator("#models .shelf-table th", has_text="Parameters")
    heading.locator("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    sizes = {entry["name"]: entry["parameters"] for entry in handler.entries}
    found = [sizes[name.strip()] for name in names.all_inner_texts()]
    known = [size for size in found if size]
    assert known == sorted(known)
    assert not any(found[len(known) :])
    heading.locator("button").click()
    assert sizes[names.first.inner_text().strip()] == max(sizes.values())
    page.locator("#models .search").fill("median")
    expect(names).to_have_text(["median"])
    page.locator("#models .search").fill("")
    assert sorted(names.all_inner_texts()) == sorted(usual)


@browser_test
def test_checkerboards_are_asked_for_once_they_are_opened(page):
    section = page.locator("#models .checker")
    section.scroll_into_view_if_needed()
    asked = []
    page.on("request", lambda request: asked.append("spectrum" in (request.post_data or "")))
    expect(section.locator(".cards")).to_be_hidden()
    section.locator("summary").click()
    expect(section).to_have_attribute("data-loaded", "true", timeout=60_000)
    assert any(asked)


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
    page.locator("#models .inside .layer > .tiles canvas").wait_for(timeout=60_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
