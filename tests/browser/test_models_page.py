"""The Models page in a browser."""

import pytest
from helpers import RECTANGLE
from playwright.sync_api import expect
from web_fixtures import faults, wipe

from denoiser.bench.browser import PHONE
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
        assert page.locator("#models .chooser select").input_value() == name
    rows = page.locator("#models .shelf-table tbody tr")
    assert rows.count() == len(handler.records)
    assert page.locator("#models tr[aria-selected=true]").count() == 1


@browser_test
@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop", "phone"])
def test_a_row_brings_its_model_into_sight(new_page, options):
    page = open_tab(new_page(**options))
    row = page.locator("#models .shelf-table tbody tr").last
    row.scroll_into_view_if_needed()
    expect(page.locator("#models .inside h2")).not_to_be_in_viewport()
    row.locator("button").click()
    expect(page.locator("#models .inside h2")).to_be_in_viewport()
    expect(page.locator("#models .chooser select")).to_have_value(row.get_attribute("data-name"))


@browser_test
def test_keys_choose_too(page, handler):
    names = list(handler.records)
    choose(page, names[0])
    page.locator("#models tr[aria-selected=true] button").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#models .chooser select").input_value() == names[1]
    page.locator("#models .previous").click()
    assert page.locator("#models .chooser select").input_value() == names[0]


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
    page.locator("#models .chooser select").select_option("unet")
    expect(inside.locator(".skip").first).to_be_visible(timeout=60_000)
    last = inside.locator(".stage").last
    last.click()
    expect(last).to_have_attribute("aria-pressed", "true", timeout=60_000)
    step = last.get_attribute("data-step")
    expect(inside.locator(f".step[data-step='{step}']")).to_have_attribute("aria-checked", "true")


# The parts of what is seen of a network that do not fit into the page's column.
PARTS_OUTSIDE = """() => {
  const { right } = document.querySelector("#models .inside").getBoundingClientRect();
  return [...document.querySelectorAll("#models :is(.chooser > *, .stage, .stage > *, .skip)")]
    .filter((part) => part.offsetParent && part.getBoundingClientRect().right > right + 0.5)
    .map((part) => `${part.className} ${part.textContent}`);
}"""


@browser_test
@pytest.mark.parametrize("width", [320, 390, 768, 1000, 1280])
def test_every_stage_of_a_network_is_in_sight_without_scrolling_sideways(new_page, width):
    page = open_tab(new_page(viewport={"width": width, "height": 844}))
    stages = page.locator("#models .stage")
    for name in ("dense-16", "conv-flat", "unet"):
        page.evaluate("name => denoiser.set({ requestedModel: name })", name)
        expect(page.locator("#models .chooser select")).to_have_value(name)
        page.locator("#models .inside[data-loaded=true]").wait_for()
        expect(stages.first).to_be_visible()
        assert page.evaluate(PARTS_OUTSIDE) == [], name
    rows = [stage.bounding_box()["y"] for stage in stages.all()]
    down = rows == sorted(set(rows))
    assert down == (width < 1000)
    expect(page.locator("#models .what-flows")).to_contain_text("top to bottom" if down else "left to right")


@browser_test
def test_the_stages_are_laid_out_anew_when_the_window_changes_its_width(page):
    page.evaluate("() => denoiser.set({ requestedModel: 'unet' })")
    expect(page.locator("#models .skip")).to_have_count(2)
    explanation = page.locator("#models .what-flows")
    expect(explanation).to_contain_text("left to right")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(explanation).to_contain_text("top to bottom")
    assert page.evaluate(PARTS_OUTSIDE) == []


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
def test_ten_digits_appear(page, handler):
    page.locator("#models .ten").scroll_into_view_if_needed()
    page.locator("#models .ten canvas").first.wait_for(timeout=60_000)
    assert page.locator("#models .ten canvas").count() % 10 == 0
    names = page.locator("#models .ten .who b").all_inner_texts()
    assert names[-1] == "original"
    assert "Median" in names
    assert not set(handler.records) & set(names)  # no ids
    with page.expect_download() as download:
        page.locator("#models .ten .save").click()
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


# ---------- the charts ----------

WANTED = '() => window.Plotly !== undefined || document.querySelector(\'[src*="plotly.min"], [href*="plotly.min"]\')'
CHARTS = ("quality", "cost", "curves")


def chart(page, name):
    """A section with a chart, once it is drawn."""
    section = page.locator(f"#models .{name}")
    section.scroll_into_view_if_needed()
    expect(section).to_have_attribute("data-loaded", "true", timeout=60_000)
    section.locator(".chart").scroll_into_view_if_needed()
    return section


def point_at(page, section):
    """Move the mouse to a point of a chart; its label."""
    dot = section.locator(".scatterlayer .points path").nth(2)
    box = dot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 - 3, box["y"] + box["height"] / 2 - 3)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    label = section.locator(".hoverlayer .hovertext")
    label.wait_for()
    return label


@browser_test
def test_plotly_is_loaded_for_the_first_chart_in_view_and_not_before(new_page):
    page = new_page()
    assert not page.evaluate(WANTED)
    open_tab(page)
    expect(page.locator("#models .inside .stage").first).to_be_visible(timeout=60_000)
    assert not page.evaluate(WANTED)
    chart(page, "quality")
    assert page.evaluate("typeof window.Plotly.react") == "function"


@browser_test
def test_pointing_at_a_chart_says_what_is_there(page, handler):
    section = chart(page, "quality")
    value = section.locator(".key .v").first
    before = value.inner_text()
    noisy = handler.results.charts["quality"]["gaussian"]["psnr"]["noisy"]
    label = point_at(page, section)
    for words in ("noisy, not cleaned", f"Gaussian noise, factor {noisy[2][0]}", f"PSNR: {noisy[2][1]:.2f} dB"):
        expect(label).to_contain_text(words)
    expect(value).to_have_text(f"{noisy[2][1]:.2f}")
    page.mouse.move(0, 0)
    expect(value).to_have_text(before)


@browser_test
def test_a_press_in_the_legend_hides_a_model_and_shows_it_again(page):
    section = chart(page, "quality")
    name = section.locator(".key button", has_text="conv-64")
    lines = section.locator(".scatterlayer .trace")
    count = lines.count()
    name.click()
    expect(name).to_have_attribute("aria-pressed", "false")
    expect(lines).to_have_count(count - 1)
    name.focus()
    page.keyboard.press("Enter")
    expect(lines).to_have_count(count)


@browser_test
def test_a_chart_takes_the_colours_of_the_theme(new_page):
    page = open_tab(new_page(color_scheme="light"))
    section = chart(page, "quality")
    colour = "e => [e.querySelector('.js-line').style.stroke, e.querySelector('.xtick text').style.fill]"
    light = section.evaluate(colour)
    page.locator("#header .theme").click()  # this scrolls to the header, and a chart is drawn only in view
    chart(page, "quality")
    page.wait_for_function(
        f"light => ({colour})(document.querySelector('#models .quality')).every((c, i) => c !== light[i])", arg=light
    )


@browser_test
def test_the_noise_and_the_figure_can_be_chosen(page, handler):
    section = chart(page, "quality")
    section.locator("select.kind").select_option("poisson")
    section.locator(".figure input[value=ssim]").check(force=True)
    noisy = handler.results.charts["quality"]["poisson"]["ssim"]["noisy"]
    expect(section.locator(".key .v").first).to_have_text(f"{noisy[-1][1]:.3f}")
    expect(section.locator(".annotation-text")).to_have_text("SSIM")
    section.locator("summary").click()
    cells = section.locator(".values tbody tr").first.locator("td")
    expect(cells).to_have_text([f"{value:.3f}" for _, value in noisy])


@browser_test
def test_every_model_is_a_point_against_size_and_against_time(page, handler):
    section = chart(page, "cost")
    measured = handler.results.charts["quality"]["gaussian"]["psnr"]
    with_size = [entry for entry in handler.entries if entry["name"] in measured and entry["bytes"]]
    points = section.locator(".scatterlayer .points path")
    expect(points).to_have_count(len(with_size))
    section.locator(".axis input[value=time]").check(force=True)
    expect(points).to_have_count(sum(entry["name"] in measured for entry in handler.entries))
    expect(point_at(page, section)).to_contain_text("ms")


@browser_test
def test_curves_are_overlaid_and_switch_to_log(page, handler):
    trained = [entry for entry in handler.entries if entry["loss"] and not entry["featured"]]
    first, second = next(
        (a, b) for i, a in enumerate(trained) for b in trained[i + 1 :] if a["loss"] == b["loss"] and a != b
    )
    choose(page, first["name"])
    section = chart(page, "curves")
    lines = section.locator(".scatterlayer .js-line")
    before = lines.count()
    page.locator(f'#models .chip[data-name="{second["name"]}"]').click()
    chart(page, "curves")  # the click may have scrolled it out of view
    expect(lines).to_have_count(before + 2)
    assert section.locator(".key").inner_text().count(f"{second['validation'][-1]:.4f}") == 1
    path = lines.first.get_attribute("d")
    page.locator("#models .scale input[value=log]").check(force=True)
    expect(lines.first).not_to_have_attribute("d", path)


@browser_test
def test_a_frame_enlarges_a_chart_and_a_button_shows_all_of_it(page):
    section = chart(page, "quality")
    ticks = section.locator(".xtick")
    before = ticks.all_text_contents()
    whole = section.get_by_role("button", name="Whole chart")
    expect(whole).to_be_hidden()
    box = section.locator(".nsewdrag").bounding_box()
    x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 4
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 3, y + box["height"] / 3, steps=5)
    page.mouse.up()
    expect(whole).to_be_visible()
    section.locator(".key button").first.click()  # another drawing: the zoom stays
    expect(whole).to_be_visible()
    whole.click()
    expect(whole).to_be_hidden()
    assert sorted(ticks.all_text_contents()) == sorted(before)


@browser_test
def test_keys_read_a_chart(page):
    section = chart(page, "cost")
    section.locator(".chart").focus()
    page.keyboard.press("ArrowRight")
    first = section.locator(".reading").inner_text()
    assert "PSNR" in first
    expect(section.locator(".hoverlayer .hovertext")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(section.locator(".reading")).not_to_have_text(first)


@browser_test
@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_saved_as_a_picture(page, name):
    section = chart(page, name)
    with page.expect_download() as download:
        section.locator(".save").click()
    assert download.value.suggested_filename.endswith(".png")


@browser_test
def test_without_plotly_the_figures_are_there_and_another_attempt_is_offered(page):
    page.route("**/plotly.min.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    section = page.locator("#models .quality")
    section.scroll_into_view_if_needed()
    expect(section.locator(".message")).to_contain_text("Plotly could not be loaded")
    expect(section.locator(".values td").first).to_be_visible()
    page.unroute("**/plotly.min.js")
    section.get_by_role("button", name="Try again").click()
    expect(section.locator(".scatterlayer .trace").first).to_be_visible()
    expect(section.locator(".message")).to_be_hidden()


@browser_test
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_charts(new_page, theme):
    page = open_tab(new_page(color_scheme=theme))
    for name in CHARTS:
        section = chart(page, name)
        section.locator(".values summary").click()
        section.locator(".key button").last.click()
        expect(section.locator(".values td").first).to_be_visible()
    assert faults(page) == []


@browser_test
def test_a_tap_on_a_chart_says_what_is_there(new_page, handler):
    page = open_tab(new_page(**PHONE))
    section = chart(page, "quality")
    box = section.locator(".scatterlayer .points path").nth(2).bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    factor, psnr = handler.results.charts["quality"]["gaussian"]["psnr"]["noisy"][2]
    for words in ("noisy, not cleaned", f"Gaussian noise, factor {factor}", f"PSNR: {psnr:.2f} dB"):
        expect(section.locator(".hoverlayer .hovertext")).to_contain_text(words)
    expect(section.locator(".key .v").first).to_have_text(f"{psnr:.2f}")


@browser_test
def test_two_fingers_enlarge_a_chart_on_a_phone_and_nothing_is_wider_than_it(new_page):
    page = open_tab(new_page(**PHONE))
    for name in CHARTS:
        section = chart(page, name)
        assert section.locator(".main-svg").first.bounding_box()["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    session = page.context.new_cdp_session(page)
    box = section.locator(".nsewdrag").bounding_box()

    def touch(kind, *shares):
        at = [
            {"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2, "id": i}
            for i, share in enumerate(shares)
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    whole = section.get_by_role("button", name="Whole chart")
    expect(whole).to_be_hidden()
    touch("touchStart", 0.4, 0.6)
    touch("touchMove", 0.2, 0.8)
    touch("touchEnd")
    expect(whole).to_be_visible()
