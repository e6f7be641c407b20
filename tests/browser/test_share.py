"""What can be shared: the link, and the digit on the pad as an animation in each model."""

import base64
import io
import json
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image, ImageSequence
from playwright.sync_api import expect
from web_fixtures import RECORD_TEXTS, faults, settle, wipe

from denoiser.bench.browser import PHONE
from denoiser.filters import FILTERS

pytestmark = pytest.mark.slow

# What a link to the page shows elsewhere: the page's own tags by name, and the address of its icon.
TAGS = """() => [
  [...document.querySelectorAll("meta")].map((tag) => [tag.getAttribute("property") ?? tag.name, tag.content]),
  [...document.querySelectorAll("link[rel~=icon]")].map((link) => link.href),
]"""
LARGEST = 1_000_000  # bytes of an animation
STEPS = 21
FRAMES = STEPS + 9  # every second step on the way back
# A device with a share menu of its own, which takes files.
DEVICE_SHARES = """() => {
  navigator.canShare = ({ files }) => files.length === 1;
  navigator.share = async ({ files, text }) => {
    const bytes = new Uint8Array(await files[0].arrayBuffer());
    window.shared = { name: files[0].name, type: files[0].type, bytes: [...bytes], text };
  };
}"""
ENCODE = """async ({ width, height, palette, frames }) => {
  const store = performance.getEntriesByType("resource").find(({ name }) => name.endsWith("/shell/store.js")).name;
  const { encodeGif } = await import(store.replace("shell/store.js", "animation/gif.js"));
  const gif = encodeGif({
    width, height, palette,
    frames: frames.map((pixels) => ({ pixels: Uint8Array.from(pixels), milliseconds: 150 })),
  });
  return [...new Uint8Array(await gif.arrayBuffer())];
}"""


def open_menu(page):
    page.locator("#header .share summary").click()


def saved_animation(page):
    """The name and the bytes of the animation that the page saves."""
    with page.expect_download() as download:
        open_menu(page)
        page.locator("#header .animation").click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def frames_of(content):
    """The frames of an animation, (N, H, W, 3), and how long each is shown, in milliseconds."""
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "GIF"
        assert picture.info["loop"] == 0  # forever
        frames = [(np.array(f.convert("RGB")), f.info["duration"]) for f in ImageSequence.Iterator(picture)]
    return np.stack([pixels for pixels, _ in frames]), [duration for _, duration in frames]


def example(page, digit):
    wipe(page)
    page.get_by_role("button", name=f"Example {digit}").click()
    settle(page)


def test_a_link_to_the_page_shows_its_own_title_picture_and_icon(browser, page_url):
    page = browser.new_page(java_script_enabled=False)  # as services see it that show links
    page.goto(page_url)
    tags, icons = page.evaluate(TAGS)
    for kind in ("og", "twitter"):
        for name in ("title", "description", "image"):
            (content,) = [value for tag, value in tags if tag == f"{kind}:{name}"]
            assert content
            assert "gradio" not in content.lower()
            if name == "image":
                assert Image.open(io.BytesIO(page.request.get(content).body())).size == (1200, 630)
    (address,) = [value for tag, value in tags if tag == "og:url"]
    assert address.rstrip("/") == page_url.rstrip("/")
    (icon,) = icons
    assert icon.startswith(page_url)
    assert "/icon.png" in icon
    page.close()


def test_a_gif_holds_exactly_the_pixels_it_is_given(new_page):
    page = new_page()
    rng = np.random.default_rng(1)
    palette = rng.integers(0, 256, (255, 3))
    frames = rng.integers(0, 255, (3, 90, 120))  # noise: the table of codes is filled several times
    frames[1, :45] = frames[0, :45]  # the same as before
    frames[2] = 7
    request = {"width": 120, "height": 90, "palette": palette.tolist(), "frames": frames.reshape(3, -1).tolist()}
    found, durations = frames_of(bytes(page.evaluate(ENCODE, request)))
    assert durations == [150] * 3
    assert np.array_equal(found, palette[frames])


def test_the_digit_drowns_and_comes_back_in_each_model(new_page):
    page = new_page()
    example(page, 5)
    page.evaluate(RECORD_TEXTS)
    name, content = saved_animation(page)
    assert name == "denoiser-gaussian-4271.gif"
    assert len(content) < LARGEST
    expect(page.locator("#toast .say")).to_contain_text(name)

    frames, durations = frames_of(content)
    assert len(frames) == FRAMES
    assert max(durations) == durations[0] == durations[STEPS - 1] > 1000
    assert all(not np.array_equal(one, other) for one, other in pairwise(frames))
    assert np.array_equal(frames[-1], frames[2])  # on the way back, at noise factor 0.10

    written = set(page.evaluate("() => written"))
    labels = {"Noisy", *page.evaluate("() => denoiser.state.shownModels.map(model => model.label)")}
    names = set(page.evaluate("() => denoiser.state.shownModels.map(model => model.name)"))
    assert labels <= written
    assert not names - labels & written
    assert {"Noise factor 0.00", "Noise factor 0.50", "Noise factor 1.00", "Gaussian noise, seed 4271"} <= written
    assert any(text.endswith(", not 5") for text in written)

    background = page.evaluate("() => getComputedStyle(document.body).getPropertyValue('--bg')")
    assert "#{:02x}{:02x}{:02x}".format(*frames[0, 0, 0]) == background.strip()


def test_eleven_models_fit_into_an_animation(new_page, page_url):
    page = new_page(color_scheme="dark")
    models = [*FILTERS, "dense-16", "conv-64", "conv-8", "vae-2d", "vae-2d-best", "unet"]  # filters leave most noise
    facts = {"k": "gaussian", "e": 1, "f": 0.5, "m": models, "s": [[250, 250, 0, 750, 250, 9, 450, 800, 9]]}
    page.goto("about:blank")
    page.goto(f"{page_url}#d={base64.urlsafe_b64encode(json.dumps(facts).encode()).decode().rstrip('=')}")
    settle(page)
    assert page.evaluate("() => denoiser.state.shownModels.length") == len(models) == 11
    _, content = saved_animation(page)
    assert len(content) < LARGEST
    frames, _ = frames_of(content)
    assert len(frames) == FRAMES
    assert frames[0, 0, 0].max() < 60  # dark, as the page is


def test_a_phone_hands_the_animation_to_its_share_menu(new_page):
    page = new_page(**PHONE)
    page.evaluate(DEVICE_SHARES)
    wipe(page)
    page.locator("#pad .tray [data-name='3']").tap()
    settle(page)
    page.locator("#header .share summary").tap()
    item = page.locator("#header .animation")
    box = item.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["height"] >= 44
    item.tap()
    page.wait_for_function("() => window.shared")
    shared = page.evaluate("() => shared")
    assert (shared["name"], shared["type"]) == ("denoiser-gaussian-4271.gif", "image/gif")
    assert "#d=" in shared["text"]
    assert len(frames_of(bytes(shared["bytes"]))[0]) == FRAMES


def test_nothing_to_animate_is_said(new_page):
    page = new_page()
    wipe(page)
    open_menu(page)
    page.locator("#header .animation").click()
    expect(page.locator("#toast .say")).to_contain_text("Draw a digit first")
    page.evaluate("() => denoiser.set({ isNoisyInput: true })")
    open_menu(page)
    page.locator("#header .animation").click()
    expect(page.locator("#toast .say")).to_contain_text("No noise is added")


def test_the_menu_by_keyboard(new_page):
    page = new_page()
    example(page, 2)
    summary = page.locator("#header .share summary")
    summary.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#header .copy-link")).to_be_focused()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#header .share .list")).to_be_hidden()
    expect(summary).to_be_focused()
