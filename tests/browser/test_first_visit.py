"""What a visitor sees first: recorded answers before any script, results above the fold, words that explain."""

import urllib.request

import pytest
from playwright.sync_api import expect
from web_fixtures import draw, ink_share, settle

from denoiser.bench.browser import CHROMIUM_FLAGS, PHONE

pytestmark = pytest.mark.slow

# Of the cards, the lowest edge of the first row's pictures; of the window, what is not under the bar of a phone.
FIRST_ROW = """() => {
  const shots = [...document.querySelectorAll("#board .shot")].map(e => e.getBoundingClientRect());
  const top = Math.min(...shots.map(b => b.top));
  const bar = document.querySelector("#noise_slider .thumbbar").getBoundingClientRect();
  return {
    bottom: Math.max(...shots.filter(b => b.top < top + 4).map(b => b.bottom)),
    fold: bar.height ? bar.top : innerHeight,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  };
}"""
# All five tabs are in the window, beside or below the tools; none is in a menu.
TABS = """() => {
  const tools = document.querySelector("#header .tools").getBoundingClientRect();
  const tabs = [...document.querySelectorAll("#pages > .tab-wrapper [role=tab]")].map(e => e.getBoundingClientRect());
  return tabs.length === 5 && tabs.every(({ width, left, right, top }) =>
    width > 0 && left >= 0 && right <= document.documentElement.clientWidth
    && (right <= tools.left || top >= tools.bottom));
}"""
SIZES = [(320, 568), (360, 640), (390, 844), (600, 800), (701, 800), (768, 800), (900, 800), (1000, 800), (1099, 800)]
SIZES += [(1100, 800), (1159, 800), (1259, 800), (1280, 800), (1499, 800), (1500, 800), (1920, 1080), (2560, 1440)]


def test_headline_and_recorded_answers_stand_in_the_html(page_url):
    with urllib.request.urlopen(page_url) as reply:
        html = reply.read().decode()
    body = html[html.index("<body") :]
    assert "Can a neural network clean up your handwriting?" in body[: body.index("<gradio-app")]
    assert "squeezes the whole picture into 16 numbers" in body
    start = body.index('id="first-paint"')
    assert len(body[start : body.index("<gradio-app")]) < 40_000
    assert len(html) < 150_000


def test_the_first_touch_wipes_the_recorded_digit_away(new_page):
    asked = []
    page = new_page()
    page.on("request", lambda request: asked.append(request.url) if "component_server" in request.url else None)
    page.wait_for_function("() => denoiser.state.ghost && denoiser.state.comparison !== null")
    expect(page.locator("#first-paint")).to_have_count(0)
    digits = [card.inner_text() for card in page.locator("#board .reads b").all()]
    assert digits == ["7", "9", "7", "7", "7"]
    expect(page.locator("#why .what")).to_have_text("Dense turned this 7 into a 9. U-Net kept it.")
    assert not asked
    draw(page)
    settle(page)
    assert page.evaluate("() => [denoiser.state.ghost, denoiser.state.strokes.length]") == [False, 1]
    page.get_by_role("button", name="Undo").click()
    assert page.evaluate("() => denoiser.hasInk()") is False
    assert ink_share(page) == 0


def test_a_phone_answers_what_newcomers_ask(new_page):
    page = new_page(**PHONE)
    page.locator("#about .open").tap()
    dialog = page.locator("#about dialog")
    questions = dialog.locator("dt").all_inner_texts()
    assert len(questions) == dialog.locator("dd").count() == 5
    assert questions[0] == "What is an autoencoder?"
    expect(dialog.locator("dd").first).to_contain_text("squeezes a picture into a few numbers")
    box = dialog.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_the_cards_say_why_dense_is_worse_than_conv(new_page):
    page = new_page()
    for model in ("dense-16", "conv-64"):
        page.locator(f'#board .card[data-model="{model}"] .idea .term').hover()
        expect(page.locator("#term-explained")).to_contain_text("the whole picture")


def test_without_motion_the_first_picture_stands_still(browser, page_url):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.route("**/*.js", lambda route: route.abort())  # nothing but the page itself
    page.goto(page_url, wait_until="commit")
    page.locator("#first-paint em").first.wait_for()
    assert page.locator("#first-paint em").all_inner_texts() == ["7", "9", "7", "7", "7"]
    assert page.locator("#first-paint output").text_content() == "0.50"
    context.close()


def test_the_first_cards_stand_above_the_fold_at_every_width(browser, chromium, page_url):
    """Also where scrollbars take room, as on Windows."""
    launched = browser.browser_type.launch(
        executable_path=chromium, args=CHROMIUM_FLAGS, ignore_default_args=["--hide-scrollbars"]
    )
    page = launched.new_page(viewport={"width": 1280, "height": 800})
    page.goto(page_url)
    page.wait_for_function("() => window.denoiser?.state.comparison")
    draw(page)
    settle(page)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        row = page.evaluate(FIRST_ROW)
        assert row["bottom"] <= row["fold"], (width, row)
        assert row["overflow"] <= 0, (width, row)
        page.wait_for_function(TABS)
        if width >= 964:  # one row
            tops = page.evaluate("() => [...document.querySelectorAll('#board .card')].map(e => e.offsetTop)")
            assert len(set(tops)) == 1, (width, tops)
    launched.close()


def test_terms_are_explained_by_mouse_keyboard_and_touch(new_page):
    page = new_page()
    page.locator("#hero .term").first.hover()
    box = page.locator(".term-box")
    expect(box).to_contain_text("Random changes to the pixels")
    page.locator("#hero .idea .term").first.focus()
    expect(box).to_contain_text("squeezes a picture")
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    phone = new_page(**PHONE)
    draw(phone)
    settle(phone)
    phone.locator("#board .term[data-term=psnr]").last.tap()
    box = phone.locator(".term-box").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


def test_models_and_noise_of_a_phone_are_sheets_inside_its_screen(new_page):
    page = new_page(**PHONE)
    page.locator("#board .choose summary").click()
    for part in ("input", "b"):
        box = page.locator(f"#board .choose label {part}").first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.locator("#board .choose input[value=median]").check()
    page.locator("#board .choose .done").click()
    expect(page.locator("#board .card[data-model=median]")).to_be_visible()
    kinds = page.locator("#noise_slider .kinds")
    kinds.click()
    page.locator("#kind input[value=speckle]").check(force=True)
    expect(kinds).to_have_text("Speckle")
    kinds.click()
    expect(page.locator("#kind")).to_be_hidden()


def test_the_other_pages_are_loaded_while_the_first_rests(new_page):
    page = new_page()
    page.wait_for_function("performance.getEntriesByType('resource').some(entry => /map.map.js$/.test(entry.name))")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_test_id("tab-models").click()
    expect(page.locator("#models")).to_be_visible()
    assert not [url for url in asked if url.endswith(("later.json", "models/models.js"))]
