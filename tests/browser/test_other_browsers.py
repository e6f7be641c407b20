"""The page in Firefox and in WebKit, Safari's engine: the same for everybody, also where scrollbars take room."""

import base64
import io

import numpy as np
import pytest
from engines import ENGINES, Missing
from PIL import Image, ImageDraw
from web_fixtures import SETTLED, SEVEN, missing

from denoiser.data.paper import Style, compose_row, make_hand

pytestmark = pytest.mark.slow

TABS = {  # what is there once a tab has loaded
    "originals": "denoiser.state.originals !== null",
    "latent": "denoiser.state.maps !== null",
    "models": "document.querySelector('#models tbody tr') !== null",
    "train": "denoiser.state.watchedDigits !== null",
}
# The device's share menu, which these browsers do not have here: what it gets, in base64.
SHARE_MENU = """(() => {
  navigator.canShare = () => true;
  navigator.share = async ({ files }) => {
    const bytes = new Uint8Array(await files[0].arrayBuffer());
    window.shared = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  };
})()"""
LEFT, RIGHT = "\ue012", "\ue014"  # the arrow keys, for WebDriver
READS = "document.querySelector('#board .card .reads b').textContent"
IN_SIGHT = """(element => {
  const { left, top, width, height } = element.getBoundingClientRect();
  return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
})(document.querySelector(arguments[0]))"""
FIRST_ROW = """(cards => cards.filter(card => card.getBoundingClientRect().top === cards[0].getBoundingClientRect().top)
  .length === cards.length)([...document.querySelectorAll('#board .card')])"""
BEGUN = "window.denoiser?.state.ghost && document.querySelector('#first-paint') === null"


@pytest.fixture(scope="module", params=ENGINES)
def browser(request, page_url, tmp_path_factory):
    """A browser that is not Chromium, at the page."""
    try:
        with ENGINES[request.param](tmp_path_factory.mktemp(request.param)) as browser:
            browser.send("SetWindowRect", x=0, y=0, width=1280, height=900)
            browser.open(page_url)
            browser.wait(BEGUN)
            yield browser
    except Missing as error:
        missing(str(error))


def settle(browser):
    browser.wait(f"({SETTLED})()")


def press(browser, selector):
    """Click an element also on a page that is scrolled, where WebKit's driver misses it."""
    browser.run("document.querySelector(arguments[0]).click()", selector)


def test_a_first_visit_is_whole_and_fits(browser):
    assert browser.run("document.querySelectorAll('#board .card').length") == 5
    assert browser.run(FIRST_ROW)
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_every_part_of_the_first_page_is_there(browser):
    """Before version 27, Safari runs scripts too early that import one with a top-level await; this part failed."""
    browser.wait("document.querySelector('#noise_meaning').textContent.trim() !== ''", seconds=20)


def test_scrollbars_of_firefox_take_room(browser):
    """Else the test before this one says less than it should: Chromium without a screen has none."""
    if "Firefox" in browser.run("navigator.userAgent"):
        assert browser.run("innerWidth - document.documentElement.clientWidth") > 5


def test_a_digit_is_drawn_and_read(browser):
    browser.drag("#pad .paper", SEVEN)
    settle(browser)
    assert browser.run("denoiser.state.ghost") is False
    assert browser.run(READS) == "7"


def test_the_slider_changes_the_noise(browser):
    browser.type("#noise_slider input[type=range]", LEFT)
    browser.wait("denoiser.state.factor === 0.45")
    assert browser.run("document.querySelector('#noise_factor output').textContent") == "0.45"


def test_a_picture_is_uploaded(browser, tmp_path):
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).line([(140, 40), (140, 240)], fill=0, width=22)
    image.save(tmp_path / "one.png")
    browser.type("#pad input.file", str(tmp_path / "one.png"))
    browser.wait("denoiser.state.picture !== null")
    settle(browser)
    assert browser.run(READS) == "1"
    # beside what was cut out of it
    assert browser.run("document.querySelector('#pad .picture-read').getClientRects().length") == 1
    assert browser.run("document.querySelector('#pad .picture-read img').naturalWidth") == 280
    cut = "[...document.querySelector('#pad .picture-read canvas').getContext('2d').getImageData(0, 0, 28, 28).data]"
    assert browser.run(f"{cut}.some((value, i) => i % 4 < 3 && value > 200)")


def test_a_row_of_digits_opens_the_tray(browser, tmp_path):
    row = compose_row(make_hand(4, seed=9), Style(), np.random.default_rng(3), "40517").picture
    Image.fromarray(row).save(tmp_path / "row.png")
    browser.type("#pad input.file", str(tmp_path / "row.png"))
    browser.wait("document.querySelectorAll('#number_tray .digits button').length === 5")
    version = browser.run("denoiser.state.version")
    press(browser, "#number_tray .digits button:nth-child(2)")
    browser.wait(f"denoiser.state.version > {version}")
    settle(browser)
    assert browser.run(READS) == "0"
    press(browser, "#number_tray .close")
    assert browser.run("document.querySelector('#number_tray .digits').getClientRects().length") == 0


def test_the_digit_is_shared_as_an_animation(browser):
    browser.run(SHARE_MENU)
    browser.click("#header .share summary")
    browser.click("#header .animation")
    browser.wait("window.shared !== undefined")
    with Image.open(io.BytesIO(base64.b64decode(browser.run("shared")))) as animation:
        assert animation.format == "GIF"
        assert animation.n_frames == 30


def test_about_opens(browser):
    press(browser, "#about .open")
    assert browser.run("document.querySelector('#about dialog').open")
    browser.run("document.querySelector('#about dialog').close()")


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens(browser, tab):
    browser.run(f"document.querySelector('[data-testid=tab-{tab}]').click()")
    browser.wait(TABS[tab])
    assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_chart_is_drawn_and_its_legend_hides_a_series(browser):
    press(browser, "[data-testid=tab-models]")
    browser.run("document.querySelector('#models .quality').scrollIntoView()")
    browser.wait("document.querySelector('#models .quality .scatterlayer .trace') !== null")
    count = browser.run("document.querySelectorAll('#models .quality .scatterlayer .trace').length")
    press(browser, "#models .quality .key button")
    browser.wait(f"document.querySelectorAll('#models .quality .scatterlayer .trace').length === {count - 1}")


def test_a_lesson_is_done(browser):
    browser.run("document.querySelector('[data-testid=tab-denoise]').click()")
    browser.run("denoiser.set({ lesson: 1 })")
    browser.wait("denoiser.state.factor === 0 && document.querySelector('#tour .tour-card:not(.done)') !== null")
    settle(browser)
    browser.type("#noise_slider input[type=range]", RIGHT * 10)
    browser.wait("document.querySelector('#tour .tour-card.done') !== null")
    assert browser.run(IN_SIGHT, "#tour .close")
    press(browser, "#tour .close")
    browser.wait("denoiser.state.lesson === 0")


def test_a_network_is_trained(browser, short_trainings):
    browser.run("document.querySelector('[data-testid=tab-train]').click()")
    browser.wait("denoiser.state.watchedDigits !== null")
    browser.run("document.querySelector('#train_form .train').click()")
    browser.wait("denoiser.state.snapshots.length >= 3")
    browser.run("document.querySelector('#train_form .stop').click()")
    browser.wait("denoiser.state.trainingResult !== null && denoiser.state.trainingState === 'idle'")
