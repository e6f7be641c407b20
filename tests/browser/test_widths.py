"""The tabs besides Denoise at every width of the window: nothing sticks out, and wide windows are used."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.slow

WIDTHS = [320, 360, 390, 480, 600, 700, 701, 768, 900, 999, 1000, 1050, 1100, 1180, 1259, 1260, 1280, 1500, 1920, 2560]
TWO_COLUMNS = 1000  # px from which on a tab has two columns

# What reaches beyond the part of the page it belongs to, besides what scrolls or is cut off there, and the bar at the
# bottom of a phone.
OUTSIDE = """(parts) => {
  const isCut = (element, part) => {
    for (let e = element; e !== part; e = e.parentElement) if (getComputedStyle(e).overflowX !== "visible") return true;
    return false;
  };
  return [...document.querySelectorAll(parts)].flatMap((part) => {
    const column = part.getBoundingClientRect();
    return [...part.querySelectorAll("*:not(svg *)")]
      .filter((element) => {
        const { left, right, width } = element.getBoundingClientRect();
        if (!width || element.closest(".thumbbar")) return false;
        if (right <= Math.min(column.right, innerWidth) + 5 && left >= column.left - 5) return false;
        return element.checkVisibility({ visibilityProperty: true }) && !isCut(element, part);
      })
      .map(({ tagName, className, textContent }) => `${part.id} ${tagName} ${className} ${textContent.slice(0, 40)}`);
  });
}"""


def boxes(page, *selectors):
    return [page.locator(selector).first.bounding_box() for selector in selectors]


def check_widths(page, parts, left, right):
    """Nothing of `parts` sticks out at any width; from TWO_COLUMNS on, `left` and `right` fill the page together."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width, width
        assert page.evaluate(OUTSIDE, parts) == [], width
        first, second = boxes(page, left, right)
        if width < TWO_COLUMNS:
            continue
        assert first["x"] + first["width"] <= second["x"], width
        used = second["x"] + second["width"] - first["x"]
        assert used >= min(1236, width - 44) - 30, width


@pytest.fixture(params=["en", "zh-CN"])
def page(new_page, request):
    page = new_page(locale=request.param)
    page.locator("#pad .tray [data-name='5']").click()
    return page


def test_the_map_at_every_width(page):
    page.locator("#latent-space-tab-button").click()
    expect(page.locator("#latent_reading .bars .top")).to_be_visible()
    expect(page.locator("#latent_morph .frames li")).to_have_count(13)
    check_widths(page, "#map, [id^=latent_]", "#map", "#latent-side")
    page.locator("#map .more").click()
    page.locator("#map .ctl .seg label").nth(2).click()
    expect(page.locator("#latent_morph .frames")).to_have_count(2)
    check_widths(page, "#map, [id^=latent_]", "#map", "#latent-side")


def test_possible_originals_at_every_width(page):
    page.locator("#possible-originals-tab-button").click()
    page.wait_for_function("() => denoiser.state.originals")
    check_widths(page, "[id^=originals_]", "#originals_doubt", "#originals_blend")


def test_training_at_every_width(page):
    page.locator("#train-tab-button").click()
    page.wait_for_function("() => denoiser.state.watchedDigits !== null")
    check_widths(page, "[id^=train_]", "#train_form", "#train-side")
