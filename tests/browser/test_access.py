"""The page for everyone: by keyboard, with a screen reader, with a thumb, without motion; and it does not jump."""

import time

import pytest
from playwright.sync_api import expect
from web_fixtures import faults, ink_share, pictures, settle, wipe

from denoiser.bench.browser import DESKTOP, PHONE

pytestmark = pytest.mark.slow

SIZES = {"1280": DESKTOP, "390": PHONE}


def show_example(page, name="3"):
    page.get_by_role("button", name=f"Example {name}").click()
    settle(page)


@pytest.mark.parametrize(("theme", "size"), [("light", "390"), ("dark", "1280")])  # colours are those of every size
def test_axe_finds_nothing_serious_on_any_tab(new_page, theme, size):
    page = new_page(color_scheme=theme, **SIZES[size])
    assert faults(page) == []
    show_example(page)
    for tab in page.get_by_role("tab").all():
        tab.click()
        deadline = time.monotonic() + 60
        while (found := faults(page)) and time.monotonic() < deadline:  # it still loads what it shows
            page.wait_for_timeout(500)
        assert found == [], tab.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_any_state_of_the_denoise_page(new_page, theme):
    page = new_page(color_scheme=theme)
    page.locator("#board .choose summary").click()
    assert faults(page) == []
    show_example(page, "5")
    for view in page.locator("#views input").all():
        view.check(force=True)
        assert faults(page) == [], view.get_attribute("value")
    for odd in page.locator("#pad [data-non-digit]").all():
        odd.click()
        page.wait_for_function("() => denoiser.state.comparison !== null")
        assert faults(page) == [], odd.inner_text()
    page.locator("#noisy_input input").check()
    assert faults(page) == []


@pytest.mark.parametrize("tab", ["denoise", "possible-originals", "train"])
def test_on_a_phone_every_target_is_44_px(new_page, tab):
    page = new_page(**PHONE)
    show_example(page)
    page.locator("#board .choose summary").click()
    page.locator(f"#{tab}-tab-button").click()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, summary, select, a[href], input, label")].flatMap(e => {
          if (!e.checkVisibility({ visibilityProperty: true, opacityProperty: false })) return [];
          if (e.matches("input") && e.closest("label") || e.matches("label:not(:has(input))")) e = e.closest("label");
          const { width, height } = e.getBoundingClientRect();
          return width >= 43.9 && height >= 43.9 ? [] : [`${e.outerHTML.slice(0, 90)}: ${width} x ${height}`];
        })"""
    )
    assert small == []


def boxes(page):
    """Where the cards, the pad's parts and everything below stand."""
    return page.evaluate(
        """() => [...document.querySelectorAll(`#pad canvas:not(.sees), #board .card, #board .note,
             #sweep .head, #sweep .plot, #sweep .break, #sweep .strip`)].map(e => {
          const { x, y, width, height } = e.getBoundingClientRect();
          return [e.tagName, e.className.baseVal ?? e.className, ...[x, y, width, height].map(Math.round)].join(" ");
        }).map(line => line.replace(/ (best|unlit)/g, ""))"""
    )


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_jumps_when_answers_arrive(new_page, size, locale):
    page = new_page(locale=locale, **SIZES[size])
    page.locator("#pad [data-do=clear]").click()  # the recorded drawing
    before = boxes(page)
    page.locator("#pad .tray button").nth(5).click()
    page.wait_for_function("() => denoiser.state.comparison !== null")
    assert boxes(page) == before
    settle(page)
    assert boxes(page) == before
    page.evaluate("() => denoiser.set({ factor: 1 })")
    assert boxes(page) == before
    page.locator("#pad [data-do=clear]").click()
    assert boxes(page) == before


@pytest.mark.parametrize("locale", ["en", "zh-CN"])
def test_pad_noise_and_six_cards_stand_above_the_fold(new_page, locale):
    page = new_page(locale=locale)
    five = ["dense-16", "conv-64", "vae-2d", "conv-nearest", "median"]
    page.locator("#board .choose summary").click()
    for box in page.locator("#board .choose input[type=checkbox]").all():
        box.set_checked(box.get_attribute("value") in five)
    page.keyboard.press("Escape")
    page.locator("#pad .tray button").nth(5).click()
    settle(page)
    assert page.locator("#board .card").count() == 6
    for part in page.locator("#board .card, #pad .paper, #noise-panel").all():
        box = part.bounding_box()
        assert box["y"] + box["height"] <= 800


TRAIN_BOXES = """() => {
  const corner = document.querySelector("#train").getBoundingClientRect();
  return [...document.querySelectorAll(`#train_form .btn, #train_form .state, #train_result .btn, #train .plot,
            #train_filters canvas`), ...document.querySelectorAll("#train .row, #train .scrub")].map(e => {
    const { x, y, width, height } = e.getBoundingClientRect(), sticks = e.closest("#train_ten_digits");
    return [x - corner.x, sticks ? 0 : y - corner.y, width, height].map(Math.round).join(" ");
  });
}"""


@pytest.mark.parametrize(("theme", "size"), [("light", "390"), ("dark", "1280")])
def test_the_train_page_while_it_trains_and_afterwards(new_page, short_trainings, theme, size):
    """By keyboard alone; nothing serious for axe, nothing jumps, and what is read aloud changes seldom."""
    page = new_page(color_scheme=theme, **SIZES[size])
    page.locator("#train-tab-button").click()
    page.wait_for_function("() => denoiser.state.watchedDigits !== null")
    page.evaluate(
        """() => { window.said = [];
             const line = document.querySelector("#train_form .state"), say = () => window.said.push(line.textContent);
             new MutationObserver(say).observe(line, { childList: true, subtree: true }); }"""
    )
    before = page.evaluate(TRAIN_BOXES)
    page.locator("#train_form .train").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#train_form .stop")).to_be_focused()
    page.wait_for_function("() => denoiser.state.snapshots.length > 4")
    assert page.evaluate(TRAIN_BOXES) == before
    page.keyboard.press("Enter")
    page.wait_for_function("() => denoiser.state.trainingResult !== null && denoiser.state.trainingState === 'idle'")
    expect(page.locator("#train_form .train")).to_be_focused()
    assert page.evaluate(TRAIN_BOXES) == before
    assert len(page.evaluate("() => window.said")) <= 4
    for name in ("clean", "noisy", "denoised"):
        assert page.locator(f"#train_ten_digits [data-row={name}]").get_attribute("aria-label")
    assert faults(page) == []
    page.keyboard.press("Enter")
    page.wait_for_function("() => denoiser.state.trainingState === 'training' && denoiser.state.snapshots.length > 0")
    assert faults(page) == []


def test_without_motion_the_training_is_replayed_step_by_step(new_page):
    page = new_page(reduced_motion="reduce")
    page.locator("#train-tab-button").click()
    page.evaluate(
        """() => denoiser.set({ snapshotIndex: 2, snapshots: [1, 2, 3].map(steps => ({
             steps, seconds: steps, train: 1, validation: 1, psnr: 9, pictures: btoa(" ".repeat(7840)),
             filters: { count: 1, total: 1, height: 1, width: 1, signed: false, pixels: btoa(" ") } })) })"""
    )
    for at in (0, 1, 2):
        page.locator("#train_ten_digits .play").click()
        assert page.evaluate("() => denoiser.state.snapshotIndex") == at
        page.wait_for_timeout(300)
        assert page.evaluate("() => denoiser.state.snapshotIndex") == at


# ---------- by keyboard ----------


def test_keys_give_an_example_and_clear_the_pad(new_page):
    page = new_page()
    page.locator("#pad .paper canvas[tabindex]").focus()
    page.keyboard.press("Shift")  # from here on it is a keyboard's focus
    page.keyboard.press("7")
    settle(page)
    assert page.evaluate("() => denoiser.state.reading[0]") == 7
    page.keyboard.press("Delete")
    assert page.evaluate("() => denoiser.hasInk()") is False


def test_the_pad_says_which_keys_it_knows_when_the_keyboard_reaches_it(new_page):
    page = new_page()
    hint = page.locator("#pad .keys")
    wipe(page)
    expect(hint).to_be_hidden()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.matches('#pad .paper canvas[tabindex]')"):
            break
    expect(hint).to_be_visible()
    assert "0 to 9" in page.locator("#pad .paper canvas[tabindex]").get_attribute("aria-label")


def test_everything_that_is_focused_shows_it(new_page):
    """A Tab through the whole page: every stop has an outline, or its label has."""
    page = new_page()
    show_example(page)
    page.locator("#header .brand").click()
    stops = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """() => { const e = document.activeElement; if (e === document.body) return null;
              const ringed = x => !["none", ""].includes(getComputedStyle(x).outlineStyle);
              return [e.outerHTML.slice(0, 80), [e, e.closest("label") ?? e].some(ringed)]; }"""
        )
        if stop is None:
            break
        assert stop[1], stop[0]
        stops.add(stop[0])
    assert len(stops) < 75
    assert any("data-step" in stop for stop in stops)


def test_the_wipe_follows_the_arrow_keys(new_page):
    page = new_page()
    show_example(page)
    page.locator("#views input[value=wipe]").check(force=True)
    divider = page.get_by_role("slider", name="Divider between noisy and denoised")
    before = pictures(page)
    divider.focus()
    page.keyboard.press("Home")
    assert divider.get_attribute("aria-valuenow") == "0"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => denoiser.state.wipe") == pytest.approx(1 / 28)
    after = pictures(page)
    assert all(a != b for a, b in zip(before, after, strict=True))
    expect(divider).to_be_focused()


def test_the_film_strip_is_one_stop_of_the_tab_key(new_page):
    page = new_page()
    show_example(page)
    frames = page.locator("#sweep .strips button")
    assert frames.and_(page.locator("[tabindex='0']")).count() == 1
    frames.first.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#noise_factor output")).to_have_text("0.30")
    focused = page.evaluate("() => document.activeElement.getAttribute('aria-label')")
    assert (
        focused
        == f"{page.locator('#board .card').nth(1).locator('.name').inner_text().split()[0]} at noise factor 0.30"
    )
    page.keyboard.press("Tab")
    assert not page.evaluate("() => document.activeElement.matches('#sweep .strips button')")


# ---------- for those who cannot see it ----------


def test_curves_and_breaking_points_are_told_in_words(new_page):
    page = new_page()
    show_example(page, "5")
    label = page.locator("#sweep .plot").get_attribute("aria-label")
    figures = page.evaluate("() => denoiser.state.sweep.psnr.map(row => row[10].toFixed(1))")
    assert all(figure in label for figure in figures)
    for line in page.locator("#sweep .break").all():
        said, shown = line.get_attribute("aria-label"), line.locator(".who > span").last.inner_text()
        end = "at every noise factor" if shown == "up to 1.0" else f"at noise factor {shown}"
        assert said.endswith(end)
    expect(page.locator("#board > * [role=status], #board [role=status]").first).to_contain_text("the best is")


def test_without_motion_a_replay_goes_stroke_by_stroke(new_page):
    page = new_page(reduced_motion="reduce")
    show_example(page, "5")
    strokes = page.evaluate("() => denoiser.state.strokes.length")
    assert strokes > 1
    whole = ink_share(page)
    seen = []
    for _ in range(strokes):
        page.get_by_role("button", name="Replay").click()
        seen.append(ink_share(page))
    assert 0 < seen[0] < seen[-1] == whole
