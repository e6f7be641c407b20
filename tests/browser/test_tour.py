"""The tour: its steps put a state on the page and notice what is done, by keyboard and by touch; links for a class."""

import pytest
from playwright.sync_api import expect
from web_fixtures import settle

from denoiser.bench.browser import PHONE

pytestmark = pytest.mark.slow

ARRANGED = """number => window.denoiser?.state.lesson === number && denoiser.state.sweep !== null
  && document.querySelector("#pad .tray [aria-pressed=true], #pad [data-non-digit]") !== null"""


def reach(page, number):
    page.wait_for_function(ARRANGED, arg=number)
    expect(page.locator("#tour .place")).to_have_text(f"{number} of 10")
    settle(page)


def test_steps_by_keyboard(new_page):
    page = new_page()
    page.get_by_test_id("start-tour").focus()
    page.keyboard.press("Enter")
    reach(page, 1)
    done = page.locator("#tour .tour-card.done")
    expect(done).to_have_count(0)
    page.locator("#noise_slider input[type=range]").first.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(done).to_have_count(1)
    page.locator("#tour .next").focus()
    page.keyboard.press("Enter")
    reach(page, 2)
    page.locator("#tour .options button").nth(1).focus()
    page.keyboard.press("Space")
    expect(page.locator("#tour .answer")).to_contain_text("fine detail")
    page.locator("#tour .next").focus()
    page.keyboard.press("Enter")
    reach(page, 3)
    assert "lesson=3" in page.url
    page.locator("#views input[value=difference]").check(force=True)
    expect(done).to_have_count(1)
    page.locator("#tour .close").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#tour .tour-card")).to_be_hidden()
    assert "lesson" not in page.url


def test_a_link_opens_a_step_on_a_phone_and_hides_what_a_class_does_not_need(new_page, page_url):
    page = new_page(**PHONE)
    page.goto("about:blank")
    page.goto(f"{page_url}#lesson=7&hide=train,seed")
    reach(page, 7)
    assert page.evaluate("() => denoiser.state.shownModels.map(model => model.name)") == ["dense-16"]
    expect(page.locator("#train-tab-button")).to_be_hidden()
    page.locator("#tour .options button").first.tap()
    expect(page.locator("#tour .answer")).to_contain_text("pixels, not meaning")
    page.locator("#tour .next").tap()
    reach(page, 8)
    page.locator("#pad [data-non-digit=noise]").tap()
    expect(page.locator("#tour .tour-card.done")).to_have_count(1)
    page.locator("#tour .next").tap()
    page.wait_for_function("() => denoiser.state.page === 'latent-space' && denoiser.state.lesson === 9")
    expect(page.locator("#tour .say")).to_be_visible()
