"""The page in Chinese: nothing on it is left in English, and the switch in the header loses nothing."""

import re

import pytest
from web_fixtures import settle, wipe

from denoiser.checkpoint import list_models

pytestmark = pytest.mark.slow

# What reads the same in both languages, beside the names of the models.
SAME = {
    "Denoiser",
    "English",
    "PSNR",
    "SSIM",
    "dB",
    "MNIST",
    "PNG",
    "JPEG",
    "MB",
    "MIT",
    "VAE",
    "LSTM",
    "Net",
    "Delete",
    "Ctrl",
}

# Every text and every label that can be seen or read aloud.
SAID = """() => {
  const said = [], seen = e => e?.checkVisibility({ visibilityProperty: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());)
    if (seen(node.parentElement) && !node.parentElement.closest("script, style")) said.push(node.data);
  for (const name of ["aria-label", "aria-valuetext", "aria-description", "title", "placeholder", "alt"])
    for (const e of document.body.querySelectorAll(`[${name}]`)) if (seen(e)) said.push(e.getAttribute(name));
  return said;
}"""


def english(page):
    """What is still said in English, names aside."""
    names = set(list_models())
    found = []
    for text in page.evaluate(SAID):
        for name in sorted(names, key=len, reverse=True):
            text = text.replace(name, "")
        if set(re.findall(r"[A-Za-z]{2,}", text)) - SAME:
            found.append(text)
    return found


@pytest.fixture
def chinese(new_page):
    page = new_page(locale="zh-CN")
    page.locator("#board .card").first.wait_for()
    return page


def test_the_denoise_page_in_chinese_has_no_english_left(chinese):
    assert english(chinese) == []
    chinese.locator("#pad .tray button").nth(3).click()
    settle(chinese)
    assert english(chinese) == []
    for kind in chinese.locator("#kind input").all():
        kind.check(force=True)
        assert english(chinese) == []
    for view in chinese.locator("#views input").all():
        view.check(force=True)
        assert english(chinese) == []
    for odd in chinese.locator("#pad [data-non-digit]").all():
        odd.click()
        chinese.wait_for_function("() => denoiser.state.comparison !== null")
        assert english(chinese) == []
    chinese.locator("#noisy_input input").check()
    assert english(chinese) == []


def test_the_originals_page_in_chinese_has_no_english_left(chinese):
    wipe(chinese)
    chinese.get_by_test_id("tab-originals").click()
    chinese.locator("#originals .tray button").nth(3).wait_for()
    for _ in range(100):  # until all of the tab's components have started
        if not english(chinese):
            break
        chinese.wait_for_timeout(200)
    assert english(chinese) == []
    chinese.locator("#originals .tray button").nth(3).click()
    chinese.evaluate("() => denoiser.set({ factor: 0.9 })")
    chinese.wait_for_function("() => denoiser.state.originals?.asked.endsWith('/0.9')")
    chinese.locator("#originals .show").click()
    chinese.get_by_test_id("original").nth(2).click()
    chinese.locator("#originals .masks input").first.check(force=True)
    chinese.locator("#originals_dreams").scroll_into_view_if_needed()
    chinese.wait_for_function("() => !document.querySelector('#originals_dream .play').disabled")
    assert english(chinese) == []


@pytest.mark.parametrize("locale", ["zh", "zh-TW", "zh-Hans-CN"])
def test_any_chinese_browser_gets_chinese(new_page, locale):
    assert english(new_page(locale=locale)) == []


def test_the_switch_keeps_drawing_and_noise(new_page):
    page = new_page()
    page.get_by_role("button", name="Example 3").click()
    page.get_by_role("button", name="Example 5").click()
    page.locator("#kind input[value=speckle]").check(force=True)
    page.get_by_role("button", name="New noise").first.click()
    settle(page)
    facts = "() => [denoiser.state.kind, denoiser.state.seed, denoiser.state.factor, [...denoiser.state.digit]]"
    before = page.evaluate(facts)
    assert english(page) != []
    page.locator("#header .language").click()
    page.wait_for_function("() => window.denoiser?.language === 'zh' && denoiser.state.sweep")
    *noise, digit = page.evaluate(facts)
    assert noise == before[:3]
    assert max(abs(a - b) for a, b in zip(digit, before[3], strict=True)) <= 8  # places travel as thousandths
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    assert english(page) == []
    page.locator("#pad [data-do=undo]").click()  # what was done before can be undone
    settle(page)
    assert page.evaluate("() => denoiser.state.sweep.reading[0]") == 3
    page.locator("#header .language").click()
    page.wait_for_function("() => window.denoiser?.language === 'en' && denoiser.state.sweep")
    assert page.locator("#header .share summary").inner_text().strip() == "Share"
