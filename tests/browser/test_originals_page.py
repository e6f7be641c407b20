"""The page of possible originals in a real browser: by mouse, by keyboard, on a phone, in Chinese, and without ink."""

import base64

import pytest
from playwright.sync_api import expect
from web_fixtures import settle, wipe

from denoiser.bench.browser import PHONE

pytestmark = pytest.mark.slow

THERE = """() => {
  const { originals, factor, digit } = denoiser.state;
  return originals !== null && originals.asked.endsWith("/" + factor) && originals.digit.join() === digit.join();
}"""
SHEET = """() => [...document.querySelectorAll("[data-testid=original] > canvas")].map(canvas =>
  [...canvas.getContext("2d").getImageData(0, 0, 28, 28).data].join())"""


def there(page):
    """Wait for the originals of what is asked for now."""
    page.wait_for_function(THERE)


def set_noise(page, factor, seed=9):
    page.evaluate("([factor, seed]) => denoiser.set({ factor, seed })", [factor, seed])


@pytest.fixture
def visit(new_page):
    """visit(example) opens the page as a visitor who took an example digit, under so much noise, or drew nothing."""

    def open_page(example="3", factor=0.95, **options):
        page = new_page(**options)
        page.locator("#board .card").first.wait_for()
        if example:
            page.locator("#pad .tray button").nth(int(example)).click()
            settle(page)
            set_noise(page, factor)
        else:
            wipe(page)
        page.get_by_test_id("tab-originals").click()
        if example:
            there(page)
        return page

    return open_page


def votes(page):
    """The digits that are read, with their votes."""
    return page.evaluate("() => denoiser.state.originals.votes")


def test_twelve_originals_with_votes_average_and_answer(visit):
    page = visit()
    expect(page.get_by_test_id("original")).to_have_count(12)
    assert sum(count for _, count in votes(page)) == 12
    assert len(votes(page)) > 1, "the digit was chosen for being ambiguous"
    assert len(set(page.evaluate(SHEET))) == 12
    expect(page.locator("#originals_wall .votebox .vote button")).to_have_count(len(votes(page)))
    expect(page.locator("#originals .average .of")).to_have_text("Average of the 12")
    expect(page.locator("#originals .answer .rd")).to_contain_text("reads")
    box = page.locator("#originals .wall").bounding_box()
    assert box["y"] + box["height"] <= 800


def test_a_vote_shows_only_the_originals_that_read_so(visit):
    page = visit()
    count = votes(page)[0][1]
    button = page.locator("#originals_wall .votebox .vote button").first
    button.click()
    expect(page.locator("#originals .average .of")).to_have_text(f"Average of the {count}")
    expect(page.locator("#originals_wall .frame.dim")).to_have_count(12 - count)
    expect(button).to_be_focused()
    button.press("Enter")
    expect(page.locator("#originals_wall .frame.dim")).to_have_count(0)


def test_pointing_at_an_original_outlines_it_in_the_noise(visit):
    page = visit()
    drawn = "() => document.querySelector('#originals .noisy .over').toDataURL()"
    before = page.evaluate(drawn)
    page.get_by_test_id("original").nth(2).hover()
    expect(page.get_by_test_id("original").nth(2)).to_have_class("frame at")
    assert page.evaluate(drawn) != before
    page.mouse.move(2, 2)
    assert page.evaluate(drawn) == before


def test_the_truth_is_shown_on_request(visit):
    page = visit()
    assert page.evaluate("() => denoiser.state.originals.hasReference")
    page.get_by_role("button", name="Show what was drawn").click()
    expect(page.locator("#originals .told")).to_contain_text("A 3 was drawn.")
    page.get_by_test_id("original").nth(0).hover()
    expect(page.locator("#originals .drawn .what")).to_have_text("Difference")
    assert "dB from what was drawn" in page.get_by_test_id("original").nth(0).get_attribute("aria-label")
    page.mouse.move(2, 2)
    page.get_by_role("button", name="Hide").click()
    expect(page.get_by_role("button", name="Show what was drawn")).to_be_focused()


def test_originals_follow_the_slider_and_come_back(visit):
    page = visit()
    strong = page.evaluate(SHEET)
    slider = page.locator("#originals .noise input")
    slider.fill("0.3")
    there(page)
    weak = page.evaluate(SHEET)
    assert weak != strong
    assert [digit for digit, _ in votes(page)] == [3]
    slider.fill("0.95")
    there(page)
    assert page.evaluate(SHEET) == strong
    slider.fill("0")
    there(page)
    expect(page.locator("#originals .why")).to_contain_text("Without noise there is only one original")


def test_another_twelve(visit):
    page = visit()
    before = page.evaluate(SHEET)
    page.locator("#originals .noise .again").click()
    page.wait_for_function("() => denoiser.state.originals.asked.split('/').at(-4) === '2'")
    expect(page.locator("#originals_wall .frame.unread")).to_have_count(0)
    assert not set(page.evaluate(SHEET)) & set(before)


def test_the_map_of_doubt_counts_ink_by_keyboard(visit):
    page = visit()
    assert int(page.locator("#originals_doubt .count").inner_text()) > 24
    page.locator("#originals_doubt .map").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#originals_doubt .probe")).to_contain_text("of 12 have ink here.")


def test_from_blur_to_invention_psnr_falls_and_sharpness_rises(visit):
    page = visit()
    slider = page.locator("#originals_blend input")
    slider.scroll_into_view_if_needed()
    expect(page.locator("#originals_blend .surely")).not_to_contain_text("–")

    def figures(step):
        slider.fill(str(step))
        return [float(page.locator(f"#originals_blend .{name}").inner_text().split()[0]) for name in ("psnr", "sharp")]

    average, original = figures(0), figures(20)
    assert average[0] > original[0] + 1
    assert average[1] < original[1] - 20
    slider.fill("20")
    assert page.evaluate(
        """() => { const c = document.querySelector('#originals_blend .px').getContext('2d');
             const f = document.querySelector('[data-testid=original] > canvas').getContext('2d');
             const [one, other] = [c, f].map(x => [...x.getImageData(0, 0, 28, 28).data].join());
             return one === other; }"""
    )
    page.get_by_role("button", name="Next original").click()
    expect(page.locator("#originals_blend .which")).to_have_text("towards no. 2 of 12")


def test_the_votes_on_the_completions_stand_above_them(visit):
    page = visit(factor=0.5)
    page.get_by_role("radio", name="Top").check(force=True)
    vote, sheet, pad = (page.locator(f"#originals_eraser {part}") for part in (".vote", ".sheet", ".pad"))
    expect(vote).to_be_visible()
    for width in (768, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        box = vote.bounding_box()
        assert box["y"] + box["height"] <= sheet.bounding_box()["y"], width
        assert pad.bounding_box()["width"] >= 280, width


def test_erasing_and_completing(visit):
    page = visit(factor=0.5)
    expect(page.locator("#originals_eraser .erased")).to_have_text("nothing erased")
    pad, erased = (page.locator(f"#originals_eraser .mine .{part}").bounding_box() for part in ("pad", "erased"))
    assert erased["x"] + erased["width"] <= pad["x"] + pad["width"]
    expect(page.locator("#originals_eraser .theirs .head .caption")).not_to_be_visible()
    page.get_by_role("radio", name="Top").check(force=True)
    expect(page.locator("#originals_eraser .vote")).to_be_visible()
    expect(page.locator("#originals_eraser .erased")).to_have_text("50 % erased")
    below = page.evaluate(
        """() => { const { digit } = denoiser.state;
             const rows = [...document.querySelectorAll('#originals_eraser .frame > canvas:first-of-type')].map(c =>
               [...c.getContext('2d').getImageData(0, 20, 28, 1).data].join());
             return [new Set(rows).size, digit.slice(560, 588).some(v => v > 0)]; }"""
    )
    assert below == [1, True]  # what is not erased is the visitor's own in all eight
    page.locator("#originals_eraser .undo").click()
    expect(page.locator("#originals_eraser .erased")).to_have_text("nothing erased")
    pad = page.locator("#originals_eraser .pad canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 120, box["y"] + 120)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 140, steps=5)
    page.mouse.up()
    expect(page.locator("#originals_eraser .erased")).not_to_have_text("nothing erased")
    pad.focus()
    erased = page.locator("#originals_eraser .erased").inner_text()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Space"):
        page.keyboard.press(key)
    expect(page.locator("#originals_eraser .erased")).not_to_have_text(erased)
    page.locator("#originals_eraser .restore").click()
    expect(page.locator("#originals_eraser .restore")).to_be_disabled()


def test_a_dream_plays_scrubs_and_forks_without_a_drawing(visit):
    page = visit(example=None)
    expect(page.get_by_text("Draw a digit first")).to_be_visible()
    expect(page.locator("#originals_doubt")).to_be_hidden()
    page.locator("#originals_dream").scroll_into_view_if_needed()
    expect(page.locator("#originals_dream .play")).to_be_enabled()
    page.locator("#originals_dream input").fill("20")
    picture = "s => document.querySelector(`#originals_dream .${s} canvas`).toDataURL()"
    assert page.evaluate(picture, "state") == page.evaluate(picture, "guess")
    expect(page.locator("#originals_dream .fork")).to_be_disabled()
    page.locator("#originals_dream input").fill("4")
    assert page.evaluate(picture, "state") != page.evaluate(picture, "guess")
    page.locator("#originals_dream .fork").click()
    expect(page.locator("#originals_dream .tree canvas")).to_have_count(3)
    page.locator("#originals_dream .play").click()
    expect(page.locator("#originals_dream .big")).to_have_text("20")
    expect(page.locator("#originals_dream .play")).to_have_text("Play")
    page.locator("#originals_dreams .again").scroll_into_view_if_needed()
    expect(page.locator("#originals_dreams .hist div")).to_have_count(10)
    counts = page.locator("#originals_dreams .hist i span").all_inner_texts()
    assert sum(map(int, counts)) == 24


def test_without_a_drawing_an_example_begins(visit):
    page = visit(example=None)
    page.locator("#originals .tray").get_by_role("button", name="Example 5").click()
    there(page)
    expect(page.get_by_test_id("original")).to_have_count(12)
    expect(page.locator("#originals .invite")).to_be_hidden()


def test_arrow_keys_go_through_the_sheet(visit):
    page = visit()
    page.get_by_test_id("original").first.focus()
    for key, index in (("ArrowRight", 1), ("ArrowDown", 5), ("End", 11), ("Home", 0)):
        page.keyboard.press(key)
        expect(page.get_by_test_id("original").nth(index)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("original").first).to_have_class("frame at")
    page.keyboard.press("Escape")
    assert page.evaluate("() => denoiser.state.pinned") is None


@pytest.mark.parametrize("kind", ["blank", "noise"])
def test_what_was_no_digit_has_no_reference(visit, kind):
    page = visit(example=None)
    page.evaluate("kind => denoiser.setDrawing({ nonDigit: kind })", kind)
    there(page)
    expect(page.get_by_role("button", name="Show what was drawn")).to_be_hidden()
    expect(page.locator("#originals .cover .none")).to_be_visible()
    expect(page.locator("#originals_blend .psnr")).to_have_text("– dB")


def test_a_letter_has_originals_too(visit):
    page = visit(example=None)
    page.evaluate("() => document.querySelector('#pad [data-non-digit=letter]').click()")
    there(page)
    page.get_by_role("button", name="Show what was drawn").click()
    expect(page.locator("#originals .told")).to_be_empty()


def test_a_noisy_upload_gets_no_more_noise(visit, tiny_digits):
    page = visit(example=None)
    digit = base64.b64encode(tiny_digits.images[3].numpy().tobytes()).decode()
    page.evaluate("picture => denoiser.set({ isNoisyInput: true })")
    page.evaluate("picture => denoiser.setDrawing({ picture })", digit)
    page.wait_for_function("() => denoiser.state.originals?.asked.endsWith('/noisy input')")
    assert page.evaluate("() => denoiser.state.originals.noisy.join() === denoiser.state.digit.join()")
    expect(page.locator("#originals .cover .none")).to_be_visible()
    expect(page.locator("#originals .noise input")).to_be_disabled()


def test_on_a_phone_nothing_is_wider_than_the_screen(visit):
    page = visit(**PHONE)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.locator("#originals .thumbbar input").fill("0.3")
    there(page)
    page.get_by_test_id("original").nth(3).tap()
    expect(page.get_by_test_id("original").nth(3)).to_have_class("frame at")
    expect(page.locator("#originals .compare")).to_contain_text("Hidden until you ask for it.")


def test_a_newer_question_replaces_the_one_before(visit):
    page = visit()
    asked = []
    page.on("request", lambda r: asked.append(r.post_data) if r.post_data and '"condensing' in r.post_data else None)
    page.evaluate("() => [0.9, 0.85, 0.8, 0.75, 0.7].forEach(factor => denoiser.set({ factor }))")
    there(page)
    assert page.evaluate("() => denoiser.state.originals.asked").endswith("/0.7")
    assert len(asked) <= 2


def test_many_visitors_are_told_their_position(visit):
    page = visit()
    waits = iter([True])

    def answer(route):
        if "condensing" in (route.request.post_data or "") and next(waits, False):
            route.fulfill(json='{"waiting": 6, "again": 0}')
        else:
            route.continue_()

    page.route("**/component_server**", answer)
    page.evaluate("() => denoiser.set({ factor: 0.6 })")
    expect(page.locator("#toast .say")).to_contain_text("you are number 7 in line")
    there(page)


def test_the_cards_lead_here(new_page):
    page = new_page()
    wipe(page)
    page.get_by_test_id("to-originals").click()
    expect(page.get_by_test_id("tab-originals")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Draw a digit first")).to_be_visible()


def test_the_answer_to_why_denoisers_blur_stands_below_the_question(new_page):
    page = new_page(viewport={"width": 768, "height": 1024})
    page.locator("#pad .tray [data-name='5']").click()
    page.get_by_test_id("tab-originals").click()
    question, answer = (page.locator(f"#originals .wall .why {part}") for part in ("h3", ".text p >> nth=0"))
    expect(answer).to_be_visible()
    box = question.bounding_box()
    assert box["y"] + box["height"] <= answer.bounding_box()["y"]
