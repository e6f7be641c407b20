"""The tour: its steps put a state on the page and notice what is done, by keyboard and by touch; links for a class."""

import pytest
from playwright.sync_api import TimeoutError, expect
from web_fixtures import settle

from denoiser.bench.browser import DESKTOP, PHONE

pytestmark = pytest.mark.slow

STEPS = 10
ARRANGED = """number => window.denoiser?.state.lesson === number && denoiser.state.sweep !== null
  && document.querySelector("#pad .tray [aria-pressed=true], #pad [data-non-digit]") !== null"""
READS = """name => { const { sweep, factor } = denoiser.state;
  return sweep.reads[sweep.names.indexOf(name)][Math.round(factor * 20)][0]; }"""
LESSONS = """async () => {
  const { name } = performance.getEntriesByType("resource").find(({ name }) => name.includes("/visit/lessons.js"));
  window.lessons = (await import(name)).LESSONS;
}"""
HIDDEN = """number => {
  const card = document.querySelector("#tour .tour-card").getBoundingClientRect();
  const hidden = (point) => {
    const element = [...document.querySelectorAll(point)].find(element => element.getClientRects().length);
    if (!element) return true;
    const { top, bottom, left, right } = element.getBoundingClientRect();
    const isCovered = top < card.bottom && card.top < bottom && left < card.right && card.left < right;
    const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return isCovered || top < 0 || bottom > innerHeight || !element.contains(hit);
  };
  return lessons[number - 1].points.filter(hidden);
}"""
PSNR = "name => denoiser.state.sweep.psnr[denoiser.state.sweep.names.indexOf(name)]"


class Keyboard:
    """A visitor with nothing but keys."""

    def __init__(self, page):
        self.page = page

    def press(self, selector, key="Enter"):
        element = self.page.locator(selector)
        element.focus()
        expect(element).to_be_focused()
        self.page.keyboard.press(key)

    def slide(self, factor):
        self.page.locator("#noise_slider input[type=range]:visible").focus()
        steps = round(20 * (factor - self.page.evaluate("() => denoiser.state.factor")))
        for _ in range(abs(steps)):
            self.page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")

    def choose(self, group, value):
        """One of a few radio buttons."""
        self.press(f"{group} input[value='{value}']", "Space")

    def choose_kind(self, kind):
        self.press("#noise_slider .thumbbar .kinds")
        self.choose("#kind", kind)
        self.page.keyboard.press("Escape")

    def pick(self, selector, label):
        select = self.page.locator(selector)
        select.focus()
        for _ in range(30):
            if select.locator("option:checked").inner_text() == label:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(label)


class Finger(Keyboard):
    """A visitor with nothing but a finger."""

    def press(self, selector, key=None):
        self.page.locator(selector).tap()

    def slide(self, factor):
        film = self.page.locator("#noise_slider input[type=range]:visible").bounding_box()
        self.page.touchscreen.tap(film["x"] + 14 + factor * (film["width"] - 28), film["y"] + film["height"] / 2)

    def choose(self, group, value):
        self.page.locator(f"{group} label:has(input[value='{value}'])").tap()

    def choose_kind(self, kind):
        self.press("#noise_slider .thumbbar .kinds")
        self.choose("#kind", kind)
        self.press("#tour-title")  # beside the sheet, which closes it

    def pick(self, selector, label):
        self.page.locator(selector).tap()
        self.page.locator(selector).select_option(label=label)


@pytest.fixture(params=[Keyboard, Finger])
def visitor(request, new_page):
    page = new_page(**PHONE)
    return request.param(page)


def reach(page, number):
    page.wait_for_function(ARRANGED, arg=number)
    expect(page.locator("#tour .place")).to_have_text(f"{number} of {STEPS}")
    settle(page)


def go_on(visitor, number):
    """From a step that is done to the next one."""
    page = visitor.page
    expect(page.locator("#tour .tour-card.done")).to_have_count(1)
    assert page.locator("#tour .answer").inner_text()
    visitor.press("#tour .next")
    if number > STEPS:
        return
    reach(page, number)
    assert f"lesson={number}" in page.url
    expect(page.locator("#tour .tour-card.done")).to_have_count(0)
    expect(page.locator("#tour .answer")).to_be_empty()


def answer(visitor, number, part):
    visitor.press(f"#tour .options button:nth-child({number})", "Space")
    expect(visitor.page.locator("#tour .answer")).to_contain_text(part)


@pytest.mark.usefixtures("few_strokes", "short_trainings")
def test_all_ten_steps_on_a_phone(visitor):
    page = visitor.page
    visitor.press("#board_heading .tour")
    reach(page, 1)
    visitor.slide(0.5)
    go_on(visitor, 2)
    answer(visitor, 1, "Look at the ends")
    answer(visitor, 2, "fine detail")
    go_on(visitor, 3)
    visitor.choose("#views", "difference")
    go_on(visitor, 4)
    assert page.evaluate("() => [denoiser.state.view, denoiser.state.factor]") == ["picture", 0]
    assert page.evaluate(READS, "dense-16") == 3  # what the step says
    answer(visitor, 2, "drag the slider to 0.50")
    visitor.slide(0.5)
    assert page.evaluate(READS, "dense-16") == 5
    answer(visitor, 3, "0.70 only")
    go_on(visitor, 5)
    curve = page.evaluate(PSNR, "dense-16")
    assert curve[10] > curve[0] + 1
    visitor.slide(1)
    go_on(visitor, 6)
    assert [page.evaluate(READS, name) for name in ("noisy", "conv-64", "unet")] == [7, 1, 7]
    visitor.choose_kind("speckle")
    go_on(visitor, 7)
    assert page.evaluate(READS, "dense-16") == 9
    assert page.evaluate(PSNR, "dense-16")[10] > page.evaluate(PSNR, "noisy")[10]
    answer(visitor, 1, "still be read as a 7")
    answer(visitor, 2, "pixels, not meaning")
    go_on(visitor, 8)
    visitor.press("#pad [data-non-digit=noise]")
    go_on(visitor, 9)
    page.wait_for_function("() => denoiser.state.maps && denoiser.state.pins")
    visitor.pick("#latent_morph select.a", "class 4")
    visitor.pick("#latent_morph select.b", "class 9")
    visitor.press("#latent_morph .play")
    go_on(visitor, 10)
    for count, size in enumerate((4, 32), start=1):
        train(visitor, size)
        page.wait_for_function("count => denoiser.state.runs.length === count", arg=count)
    go_on(visitor, STEPS + 1)
    expect(page.locator("#tour .tour-card")).to_be_hidden()


def train(visitor, code):
    """Train a network with a code of so many numbers, for a moment."""
    page = visitor.page
    page.wait_for_function("() => denoiser.state.watchedDigits !== null")
    before = page.evaluate("() => denoiser.state.runs.length")
    visitor.choose("#train_form .code", code)
    visitor.press("#train_form .train")
    page.wait_for_function("() => denoiser.state.snapshots.length > 0 && denoiser.state.trainingState === 'training'")
    visitor.press("#train_form .stop")
    page.wait_for_function("() => denoiser.state.trainingState === 'idle'")
    page.wait_for_function("before => denoiser.state.runs.length > before", arg=before)
    assert page.evaluate("() => denoiser.state.runs.at(-1).settings.code") == code


def test_the_tabs_leave_the_card_free_at_every_width(new_page, page_url):
    page = new_page()
    page.goto("about:blank")
    page.goto(f"{page_url}#lesson=2")
    reach(page, 2)
    for width in (390, 700, 701, 900, 1099, 1100, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        card, tabs = (page.locator(part).bounding_box() for part in ("#tour .tour-card", "#denoise-tab-button"))
        assert tabs["y"] + tabs["height"] <= card["y"]
        page.locator("#tour .next").click(trial=True)
        page.locator("#denoise-tab-button").click(trial=True)


@pytest.mark.parametrize(
    "options",
    [DESKTOP | {"locale": "en"}, PHONE | {"locale": "zh-CN"}],
    ids=["1280 px in English", "390 px in Chinese"],
)
def test_what_a_step_speaks_of_is_in_sight_and_not_under_the_card(new_page, options):
    page = new_page(**options)
    page.evaluate("() => denoiser.set({ lesson: 1 })")
    page.wait_for_function(ARRANGED, arg=1)
    page.evaluate(LESSONS)
    for number in range(1, STEPS + 1):
        page.wait_for_function(ARRANGED, arg=number)
        settle(page)
        try:
            page.wait_for_function(f"number => !({HIDDEN})(number).length", arg=number, timeout=20_000)
        except TimeoutError:
            pytest.fail(f"in step {number}, this is out of sight: {page.evaluate(HIDDEN, number)}")
        page.locator("#tour .next").click()


def test_escape_leaves_the_tour(new_page):
    page = new_page()
    page.get_by_test_id("start-tour").focus()
    page.keyboard.press("Enter")
    reach(page, 1)
    page.locator("#tour .next").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#tour .tour-card")).to_be_hidden()
    assert "lesson" not in page.url


def test_a_link_opens_a_step_on_a_phone_and_hides_what_a_class_does_not_need(new_page, page_url):
    page = new_page(**PHONE)
    page.goto("about:blank")
    page.goto(f"{page_url}#lesson=7&hide=train,seed")
    reach(page, 7)
    assert page.evaluate("() => denoiser.state.shownModels.map(model => model.name)") == ["dense-16"]
    expect(page.locator("#train-tab-button")).to_be_hidden()
    page.locator("#tour .next").tap()
    reach(page, 8)
