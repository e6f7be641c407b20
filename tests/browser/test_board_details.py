"""Small things of the Denoise page in a real browser: what is said, kept, printed and saved."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect
from web_fixtures import RECORD_TEXTS, settle

from denoiser.bench.browser import PHONE
from denoiser.data import has_mnist

pytestmark = pytest.mark.slow


@pytest.fixture
def page(new_page):
    """The page with the example 5, which Dense misreads even without noise."""
    return with_five(new_page())


def with_five(page):
    page.get_by_role("button", name="Example 5").click()
    settle(page)
    return page


def test_the_noisy_picture_stands_among_the_breaking_points(page):
    rows = page.locator("#sweep .break")
    expect(rows).to_have_count(page.locator("#board .card").count())
    expect(rows.first).to_contain_text("Noisy")
    page.evaluate(
        """() => { const { sweep } = denoiser.state;
             const breaks = sweep.names.map((_, row) => [null, 0, 0.5, 1][row % 4]);
             denoiser.set({ sweep: { ...sweep, breaks } }); }"""
    )
    expect(rows.nth(0)).to_contain_text("up to 1.0")
    expect(rows.nth(1)).to_contain_text("wrong even without noise:")
    for row in (1, 2, 3):
        lane, words = rows.nth(row).locator(".lane"), rows.nth(row).locator(".lane span")
        for part in (words, rows.nth(row).locator("canvas")):
            inner, outer = part.bounding_box(), lane.bounding_box()
            assert inner["x"] >= outer["x"] - 1
            assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1


def test_a_press_on_the_curves_sets_the_noise_factor(page):
    plot = page.locator("#sweep .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 60)
    assert page.evaluate("() => denoiser.state.factor") == 0.5
    page.mouse.down()
    assert page.evaluate("() => denoiser.state.factor") == 1
    page.mouse.move(box["x"] + 5, box["y"] + 90, steps=4)
    page.mouse.up()
    assert page.evaluate("() => denoiser.state.factor") == 0


@pytest.mark.parametrize("width", [1280, 1000, 768])
def test_the_flag_at_noise_factor_0_covers_no_heading(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.evaluate("() => denoiser.set({ factor: 0 })")
    flag = page.locator("#sweep .flag")
    expect(flag).to_have_text("0.00")
    heading = page.locator("#sweep .head").first.bounding_box()
    assert flag.bounding_box()["y"] >= heading["y"] + heading["height"]


# The parts of a card that hide some of their text; a line of small and large letters may be some pixels too high.
CUT_TEXTS = """() => [...document.querySelectorAll("#board .card :is(.name b, .reads, .figures)")]
  .filter(part => part.scrollWidth > part.clientWidth || part.scrollHeight > part.clientHeight + 3)
  .map(part => `${part.className} ${part.textContent}`)"""


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize("width", [320, 360, 390])
def test_a_phone_shows_all_that_a_card_says(new_page, width, locale):
    page = new_page(**PHONE | {"viewport": {"width": width, "height": 700}, "locale": locale})
    page.locator("#pad .tray [data-name='5']").click()
    settle(page)
    page.wait_for_function("() => document.querySelector('#board .wrong:not([hidden])')")  # the VAE sees a 3
    assert page.evaluate(CUT_TEXTS) == []


@pytest.mark.parametrize("width", [1280, 1000, 768])
def test_the_tools_beside_the_pad_do_not_touch(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    contents = page.evaluate(
        """() => [...document.querySelectorAll("#pad .rail .tool")].filter((tool) => tool.offsetParent).map((tool) => {
             const range = document.createRange();
             range.selectNodeContents(tool);
             const { top, bottom } = range.getBoundingClientRect();
             return [top, bottom];
           })"""
    )
    assert len(contents) == 7 + has_mnist()  # with MNIST, one more brings its digits
    assert min(after[0] - before[1] for before, after in pairwise(contents)) >= 3
    rail, below = page.locator("#pad .rail").bounding_box(), page.locator("#board .cards").bounding_box()
    assert rail["x"] + rail["width"] <= below["x"]


def test_screen_readers_hear_nothing_of_the_digit_before(page):
    status = page.locator("#board > * [role=status], #board [role=status]").first
    expect(status).to_contain_text("the best is")
    page.locator("[data-non-digit=letter]").click()
    expect(status).to_have_text("On the pad is a letter: there is no digit to be read right.")
    page.get_by_role("button", name="Clear").click()
    expect(status).to_be_empty()


def test_a_difference_without_an_original_is_said_to_be_none(page):
    page.locator("#views input[value=difference]").check(force=True)
    none = page.locator("#board_heading .none")
    expect(page.locator("#board_heading .legend")).to_be_visible()
    expect(none).to_be_hidden()
    page.get_by_label("My picture is noisy already").check()
    expect(none).to_have_text("There is no clean original to compare with.")
    expect(page.locator("#board_heading .legend")).to_be_hidden()


def test_the_film_stays_until_the_new_noise_is_there(page):
    film = "() => document.querySelector('#noise_slider .film canvas').toDataURL()"
    before = page.evaluate(film)
    page.route("**/component_server/**", lambda route: None)
    page.get_by_role("button", name="New noise").first.click()
    page.wait_for_function("() => denoiser.state.seed !== 4271 && denoiser.state.sweep === null")
    assert page.evaluate(film) == before
    page.unroute("**/component_server/**")  # lets those go on that were held
    settle(page)
    assert page.evaluate(film) != before


def test_the_square_that_block_out_hides_is_outlined(page):
    hole = page.locator("#board .hole:visible")
    expect(hole).to_have_count(0)
    page.locator("#kind input[value=block-out]").check(force=True)
    page.wait_for_function("() => denoiser.state.kind === 'block-out'")
    settle(page)
    expect(hole).to_have_count(1)
    shot, outline = page.locator("#board .shot").first.bounding_box(), hole.bounding_box()
    top, left, bottom, right = page.evaluate("() => denoiser.state.sweep.hidden[10]")
    pixel = shot["width"] / 28
    assert outline["x"] - shot["x"] == pytest.approx(left * pixel, abs=1)
    assert outline["width"] == pytest.approx((right - left) * pixel, abs=1)
    assert outline["height"] == pytest.approx((bottom - top) * pixel, abs=1)


def test_the_code_is_shown_of_a_digit_that_changed_while_another_tab_was_open(page):
    lit = page.locator("#hero .cells i[style]")
    expect(lit).to_have_count(16)
    page.locator("#models-tab-button").click()
    page.wait_for_function("() => denoiser.state.page === 'models'")
    page.evaluate("() => denoiser.set({ seed: 5 })")
    settle(page)
    page.locator("#denoise-tab-button").click()
    expect(lit).to_have_count(16)


def test_the_code_is_shown_of_a_picture_that_is_noisy_already(page):
    lit = page.locator("#hero .cells i[style]")
    page.get_by_label("My picture is noisy already").check()
    page.wait_for_function("() => denoiser.state.comparison?.asked.endsWith('noisy input')")
    expect(lit).to_have_count(16)


def test_what_models_were_trained_on_is_said_of_the_present_noise(page):
    trained = page.locator("#noise_slider .trained")
    expect(trained).to_contain_text("Dense, Conv 0.70 only")
    page.locator("#kind input[value=salt-and-pepper]").check(force=True)
    expect(trained).to_contain_text("Dense, Conv, VAE never this kind of noise")
    expect(trained).to_contain_text("U-Net every noise factor")
    expect(trained).not_to_contain_text("0.70")


def test_the_divider_of_the_wipe_follows_a_press_only(page):
    page.locator("#views input[value=wipe]").check(force=True)
    page.wait_for_function("() => denoiser.state.view === 'wipe'")
    box = page.locator("#board .shot").nth(1).bounding_box()
    at = box["x"] + 0.25 * box["width"], box["y"] + 20
    page.mouse.move(*at)
    assert page.evaluate("() => denoiser.state.wipe") == 0.5
    page.mouse.down()
    page.mouse.up()
    assert page.evaluate("() => denoiser.state.wipe") == pytest.approx(0.25, abs=0.02)


def test_a_network_of_the_visitors_keeps_its_line_when_others_go(page):
    page.route("**/component_server/**", lambda route: None)  # the server knows none of these networks
    style = "name => denoiser.state.shownModels.find(model => model.name === name).style"
    builtin = page.evaluate(style, "dense-16")
    page.evaluate(
        """() => { const card = denoiser.state.shownModels.find(model => model.name === "dense-16");
             const userModels = [1, 2].map(n => ({ ...card, name: `yours-${n}`, label: "Yours", userModelId: `${n}` }));
             denoiser.set({ userModels }); }"""
    )
    lines = [page.evaluate(style, name) for name in ("dense-16", "yours-1", "yours-2")]
    assert lines[0] == builtin
    assert len({str(line) for line in lines}) == 3
    page.evaluate("() => denoiser.set({ userModels: denoiser.state.userModels.slice(1) })")
    assert page.evaluate(style, "yours-2") == lines[2]


def test_pictures_that_leave_the_page_say_what_they_are(page):
    page.evaluate("() => { navigator.clipboard.write = () => Promise.reject(new Error('no')); }")
    page.evaluate(RECORD_TEXTS)
    with page.expect_download():
        page.get_by_role("button", name="Copy picture").click()
    board = page.evaluate("() => window.written")
    assert {"Denoiser", "Clean digit", "Gaussian noise, factor 0.50, seed 4271"} <= set(board)
    assert page.evaluate("() => location.host + location.pathname") in board
    wrong = page.locator("#board .wrong:visible")
    misread = [f", {tag}" for tag in wrong.all_inner_texts()]
    assert sum(any(tag in text for tag in misread) for text in board) == wrong.count()
    page.evaluate("() => { window.written = []; }")
    with page.expect_download():
        page.locator("#sweep .save").click()
    film = page.evaluate("() => window.written")
    assert {"Denoiser", "U-Net", "Gaussian noise, seed 4271, noise factor 0 to 1"} <= set(film)
    assert "unet" not in film


def test_that_the_server_is_away_is_said_as_long_as_it_is(page):
    page.route("**/component_server/**", lambda route: route.fulfill(status=200, body="gone"))
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Example 3").click()
    line = page.locator("#toast .say")
    expect(line).to_contain_text("does not answer")
    page.evaluate("() => denoiser.set({ message: '' })")  # as when its time is over
    expect(line).to_contain_text("does not answer")
    expect(page.locator("#pad .what")).to_be_empty()
    page.unroute("**/component_server/**")
    settle(page)
    expect(page.locator("#pad .what")).to_contain_text("3")


def test_without_motion_the_buttons_say_next(new_page):
    page = with_five(new_page(reduced_motion="reduce"))
    page.locator("#latent-space-tab-button").click()
    page.wait_for_function("() => denoiser.state.trajectory")
    for button in ("#latent_morph .play", "#latent_drawn_digit .play"):
        expect(page.locator(button)).to_have_text("Next")
    assert page.locator("#latent_drawn_digit .play").get_attribute("aria-label") == "Next"
    page.locator("#train-tab-button").click()
    expect(page.locator("#train_ten_digits .play")).to_have_text("Next")


def test_on_paper_colours_stay_and_what_was_not_loaded_is_left_out(page):
    page.locator("#models-tab-button").click()
    unseen = page.locator("#models .checker")
    expect(unseen).to_have_attribute("data-loaded", "false")
    page.emulate_media(media="print")
    expect(unseen).to_be_hidden()
    adjust = page.locator("#models .swatch").first.evaluate("e => getComputedStyle(e).printColorAdjust")
    assert adjust == "exact"
