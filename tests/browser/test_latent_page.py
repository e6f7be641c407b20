"""The Latent space page in a real browser: the pointer decodes, the map follows hand, finger and keys."""

import base64
import re
import time

import pytest
import torch
from playwright.sync_api import expect
from web_fixtures import wipe

pytestmark = pytest.mark.slow

NAME = "vae-2d"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BIG = (
    "() => [...document.querySelector('#latent_reading .big').getContext('2d').getImageData(0, 0, 28, 28).data].join()"
)


@pytest.fixture(scope="module")
def digit(tiny_digits):
    """A three of our own, as the page keeps it."""
    return base64.b64encode(tiny_digits.images[3].numpy().tobytes()).decode()


@pytest.fixture
def visit(new_page):
    """visit(digit, **options) opens the tab as a new visitor who has drawn `digit`, or nothing."""

    def open_map(digit=None, **options):
        page = new_page(**options)
        page.locator("#board .card").first.wait_for()
        wipe(page)
        if digit:
            page.evaluate("d => denoiser.set({ digit: Uint8Array.from(atob(d), c => c.charCodeAt(0)) })", digit)
        page.locator("#latent-space-tab-button").click()
        page.wait_for_function("() => denoiser.state.maps && denoiser.state.routes")
        page.locator("#map .more").click()
        page.locator(f"#map .which [value='{NAME}']").check(force=True)  # several maps are in test_maps.py
        page.wait_for_function("name => denoiser.state.maps.map(map => map.name).join() === name", arg=NAME)
        if digit:
            # Where the digit lands on this map, no longer on the one that was shown before.
            on_map = "name => Object.keys(denoiser.state.trajectory?.maps ?? {}).join() === name"
            page.wait_for_function(on_map, arg=NAME)
            expect(page.locator("#latent_drawn_digit .fate")).to_have_count(1)
        page.locator("#map .over").scroll_into_view_if_needed()
        return page

    return open_map


def hover(page, x, y):
    """The mouse to a place in units of the map's size."""
    box = page.locator("#map .over").bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def exact(page):
    expect(page.locator("#latent_reading .state")).to_have_text("exact", timeout=15_000)


def route(page):
    return page.evaluate("name => denoiser.state.routes[name]", NAME)


def place(page):
    return page.evaluate("() => denoiser.state.point?.z ?? null")


def ground(page):
    """A number that changes with the map's ground."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate(
        """() => { const c = document.querySelector('#map .ground');
             const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             let sum = 0;
             for (let i = 0; i < d.length; i += 4) sum = (sum * 31 + d[i] + d[i + 1] * 3 + d[i + 2] * 7) % 1e9;
             return sum; }"""
    )


def test_hovering_decodes_at_once_and_asks_nobody(visit):
    page = visit()
    hover(page, 0.3, 0.4)
    exact(page)
    found = page.evaluate(
        """() => { const over = document.querySelector('#map .over'), r = over.getBoundingClientRect();
             const seen = new Set(), fetch = window.fetch;
             let asked = 0;
             window.fetch = (...question) => { asked++; return fetch(...question); };
             const big = document.querySelector('#latent_reading .big').getContext('2d');
             for (let i = 0; i < 60; i++) {
               const at = { clientX: r.left + r.width * (0.2 + i / 100), clientY: r.top + r.height * 0.45 };
               over.dispatchEvent(new PointerEvent('pointermove', { ...at, pointerType: 'mouse' }));
               seen.add(big.getImageData(0, 0, 28, 28).data.join());
             }
             window.fetch = fetch;
             return { pictures: seen.size, asked }; }"""
    )
    assert found["pictures"] == 60  # each move has another picture, already painted when the event returns
    assert found["asked"] == 0


def test_one_map_with_its_digits_at_first_and_the_rest_one_press_away(new_page):
    page = new_page()
    wipe(page)
    page.locator("#latent-space-tab-button").click()
    page.wait_for_function("() => denoiser.state.maps && denoiser.state.routes")
    assert page.evaluate("() => denoiser.state.latentView.layers") == ["digits"]
    expect(page.locator("#map .over")).to_have_count(1)
    details = page.locator("#map .ctl, #map .figures, #map .classes")
    assert not any(part.is_visible() for part in details.all())
    hover(page, 0.6, 0.6)
    page.mouse.down()
    page.mouse.up()
    pinned = page.evaluate("() => denoiser.state.pins.a")
    assert pinned == place(page)
    exact(page)
    seen = page.evaluate(BIG)
    page.mouse.move(2, 2)
    expect(page.locator("#latent_reading .where")).to_have_text("The last point you looked at")
    assert page.evaluate(BIG) == seen
    page.locator("#map .more").click()
    assert all(part.is_visible() for part in details.all())
    expect(page.locator("#map .about")).to_have_text(re.compile("^Variational autoencoder, two latent dimensions"))


def test_drift_zooms_to_where_it_happens(visit, digit):
    page = visit(digit)
    page.get_by_role("button", name="Drift").click()
    page.wait_for_function("() => denoiser.state.latentView.zoom > 1.2")
    page.wait_for_function("() => denoiser.state.drift === 1")


def test_on_rest_the_picture_is_the_servers(visit):
    from denoiser.checkpoint import load_checkpoint

    page = visit()
    hover(page, 0.7, 0.3)
    exact(page)
    model, _ = load_checkpoint(NAME)
    expected = model.decode(torch.tensor([place(page)]))[0, 0].mul(255).round().byte().flatten().tolist()
    assert page.evaluate(BIG) == page.evaluate(
        """pixels => { const c = document.createElement('canvas'); c.width = c.height = 28;
             denoiser.paintDigit(c, Uint8Array.from(pixels));
             return [...c.getContext('2d').getImageData(0, 0, 28, 28).data].join(); }""",
        expected,
    )
    z1 = page.locator("#latent_reading .place").inner_text().split(", ")[0].replace("−", "-")
    assert float(z1) == pytest.approx(place(page)[0], abs=0.006)
    assert page.locator("#latent_reading .facts .nearest").inner_text()[0].isdigit()


def test_leaving_the_map_restores_your_own_point(visit, digit):
    page = visit(digit)
    where = page.locator("#latent_reading .where")
    expect(where).to_have_text("Your drawing, decoded")
    hover(page, 0.2, 0.2)
    expect(where).to_have_text("Under the pointer")
    page.mouse.move(5, 5)
    expect(where).to_have_text("Your drawing, decoded")


def test_without_a_drawing_the_page_says_where_to_draw(visit):
    page = visit()
    expect(page.locator("#latent_drawn_digit .empty")).to_be_visible()
    expect(page.locator("#latent_drawn_digit .mine")).to_be_hidden()
    page.get_by_role("button", name="Draw one").click()
    expect(page.get_by_role("tab", name="Denoise")).to_have_attribute("aria-selected", "true")


def test_your_drawing_is_marked_and_drifts_under_noise(visit, digit):
    page = visit(digit)
    expect(page.locator("#latent_drawn_digit .lands")).to_contain_text("Lands at")
    before = page.evaluate("() => document.querySelector('#map .over').toDataURL()")
    page.locator("#latent-noise").fill("0.8")
    expect(page.locator("#latent_drawn_digit .drift output")).to_have_text("0.80")
    expect(page.locator("#latent_drawn_digit .drawn")).to_have_text("with noise")
    assert page.evaluate("() => document.querySelector('#map .over').toDataURL()") != before
    page.evaluate("() => denoiser.set({ digit: null })")
    expect(page.locator("#latent_drawn_digit .mine")).to_be_hidden()


def test_a_blank_drawing_lands_somewhere_and_is_called_what_it_is(visit):
    page = visit(base64.b64encode(bytes(784)).decode())
    page.evaluate("() => denoiser.set({ nonDigit: 'blank' })")
    expect(page.locator("#latent_drawn_digit .drifts")).to_have_text(
        "There was no digit: this is only where the encoder puts it."
    )
    exact(page)


def test_the_legend_filters_the_map(visit):
    page = visit()
    seen = {ground(page)}
    page.locator("#map .chip").nth(4).click()
    expect(page.locator("#map .chip").nth(4)).to_have_attribute("aria-pressed", "false")
    seen.add(ground(page))
    page.get_by_role("button", name="Show all").click()
    page.get_by_role("button", name="Hide all").click()
    expect(page.locator("#map .chip[aria-pressed=false]")).to_have_count(10)
    seen.add(ground(page))
    for layer in ("digits", "prior"):
        page.locator(f"#map .layers [value={layer}]").click()
        seen.add(ground(page))
    assert len(seen) == 5


def test_wheel_drag_and_buttons_move_the_view(visit):
    page = visit()
    first = ground(page)
    hover(page, 0.5, 0.5)
    before = place(page)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    hover(page, 0.5, 0.501)
    assert place(page) == pytest.approx(before, abs=0.05)  # what lies under the pointer stays there
    zoomed = ground(page)
    assert zoomed != first
    page.mouse.down()
    hover(page, 0.6, 0.6)
    page.mouse.up()
    assert ground(page) != zoomed
    page.get_by_role("button", name="Whole map").click()
    assert ground(page) == first
    page.locator("#map .mode [value=quantiles]").click()
    assert ground(page) != first
    hover(page, 0.25, 0.5)
    assert page.locator("#latent_reading .quantiles").inner_text() == "0.25, 0.50"


def test_keys_walk_zoom_and_leave(visit):
    page = visit()
    page.locator("#map .over").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    z = place(page)
    assert z[0] > 0
    assert z[1] > 0
    for _ in range(40):
        page.keyboard.press("Shift+ArrowRight")
    assert place(page)[0] == pytest.approx(6, abs=0.6)  # the map's edge, and not beyond
    exact(page)
    page.keyboard.press("Escape")
    assert place(page) is None
    first = ground(page)
    page.keyboard.press("+")
    assert ground(page) != first


def test_a_finger_decodes_two_fingers_zoom_and_the_page_stands_still(visit):
    page = visit(**PHONE)
    page.evaluate("() => window.scrollTo(0, 0)")
    session = page.context.new_cdp_session(page)

    def touch(kind, *points):
        box = page.locator("#map .over").bounding_box()
        at = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": i}
            for i, (x, y) in enumerate(points)
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (0.3, 0.3))
    first = place(page)
    touch("touchMove", (0.3, 0.8))
    assert place(page)[1] < first[1]
    touch("touchEnd")
    assert page.evaluate("() => window.scrollY") == 0
    exact(page)
    page.get_by_role("button", name="Back").click()
    assert place(page) is None
    page.evaluate("() => window.scrollTo(0, 0)")  # the button stands below the map
    before = ground(page)
    touch("touchStart", (0.4, 0.5), (0.6, 0.5))
    touch("touchMove", (0.2, 0.5), (0.8, 0.5))
    touch("touchEnd")
    deadline = time.monotonic() + 30
    while ground(page) == before:  # it is drawn with the next frame
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


def test_the_morph_follows_its_ends_and_plays(visit, digit):
    page = visit(digit)
    frames = page.locator("#latent_morph .frames button")
    expect(frames).to_have_count(13)
    page.locator("#latent_morph .a").select_option("drawing")
    page.locator("#latent_morph .b").select_option("class:1")
    straight = route(page)
    assert straight[0] == page.evaluate("name => denoiser.state.trajectory.maps[name].mu[0]", NAME)
    assert straight[-1] == page.evaluate("() => denoiser.state.maps[0].codes.centres[1]")
    page.locator("#latent_morph .path [value=data]").click()
    page.wait_for_function(
        "([name, old]) => JSON.stringify(denoiser.state.routes[name]) !== old",
        arg=[NAME, page.evaluate("r => JSON.stringify(r)", straight)],
    )
    bent = route(page)
    assert bent[0] == pytest.approx(straight[0], abs=1e-3)
    assert bent[-1] == pytest.approx(straight[-1], abs=1e-3)
    frames.nth(6).hover()
    expect(page.locator("#latent_reading .where")).to_have_text("On the way from A to B")
    page.mouse.move(5, 5)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => denoiser.state.frame === 12", timeout=60_000)


def test_a_removed_drawing_leaves_the_morph_where_it_was(visit, digit):
    page = visit(digit)
    page.locator("#latent_morph .a").select_option("drawing")
    before = route(page)[0]
    page.evaluate("() => denoiser.set({ digit: null })")
    expect(page.locator("#latent_morph .a")).to_have_value("pin")
    assert route(page)[0] == pytest.approx(before, abs=1e-3)
    page.locator("#latent_morph .a").select_option("example:3")
    assert route(page)[0] == page.evaluate("() => denoiser.state.maps[0].examples[3]")


def test_pins_can_be_dragged(visit):
    page = visit()
    before = page.evaluate("() => denoiser.state.maps[0].places[denoiser.state.pins.a]")
    flag = page.evaluate(
        """z => { const r = document.querySelector('#map .over').getBoundingClientRect();
             const s = Math.max(Math.min(r.width / 7.2, r.height / 6.4), Math.max(r.width, r.height) / 12);
             return [r.left + r.width / 2 + z[0] * s, r.top + r.height / 2 - z[1] * s - 26]; }""",
        before,
    )
    page.mouse.move(*flag)
    page.mouse.down()
    page.mouse.move(flag[0] + 50, flag[1] + 30, steps=4)
    page.mouse.up()
    after = page.evaluate("() => denoiser.state.pins.a")
    assert after[0] > before[0]
    assert after[1] < before[1]
    assert page.locator("#latent_morph .a").input_value() == "pin"


def test_keys_pin_the_place_under_the_pointer(visit):
    page = visit()
    page.locator("#map .over").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("b")
    assert page.evaluate("() => denoiser.state.pins.b") == place(page)
    assert route(page)[-1] == pytest.approx(place(page))


@pytest.mark.parametrize("kind", ["gif", "png"])
def test_a_morph_can_be_kept(visit, kind):
    page = visit()
    with page.expect_download() as download:
        page.locator(f"#latent_morph [data-kind={kind}]").click()
    content = download.value.path().read_bytes()
    assert content.startswith({"gif": b"GIF89a", "png": b"\x89PNG"}[kind])


def test_the_grid_changes_and_can_be_kept(visit):
    page = visit()
    sheet = page.locator("#latent_grid .sheet")
    page.locator("#latent_grid").scroll_into_view_if_needed()
    expect(sheet).to_have_js_property("naturalWidth", 15 * 28)
    page.locator("#latent_grid .n").select_option("10")
    expect(sheet).to_have_js_property("naturalWidth", 10 * 28)
    expect(page.locator("#latent_grid .sharpness")).to_contain_text("%")
    expect(page.locator("#latent_grid .readable")).to_contain_text("%")
    with page.expect_download() as download:
        page.locator("#latent_grid .save").click()
    assert download.value.suggested_filename == f"{NAME}-10x10.png"


def test_new_digits_are_drawn_and_show_where_they_lie(visit):
    page = visit()
    page.wait_for_function("() => !document.querySelector('#latent_samples .unlit')")
    first = page.locator("#latent_samples .dozen button").first
    label = first.get_attribute("aria-label")
    first.hover()
    expect(page.locator("#latent_reading .where")).to_have_text("Drawn from the prior")
    page.get_by_role("button", name="Draw another dozen").click()
    expect(first).not_to_have_attribute("aria-label", label)


def test_in_chinese_nothing_is_left_in_english(visit, digit):
    page = visit(digit, locale="zh-CN")
    hover(page, 0.4, 0.6)
    page.locator("#latent_grid").scroll_into_view_if_needed()
    page.locator("#latent_grid .sheet").wait_for()
    hover(page, 0.4, 0.6)
    expect(page.locator("#latent_reading .state")).to_have_text("精确", timeout=15_000)
    said = page.evaluate(
        """() => { const tab = document.querySelector('#latent'), found = [];
             const walker = document.createTreeWalker(tab, NodeFilter.SHOW_TEXT);
             for (let node; (node = walker.nextNode());)
               if (node.parentElement.checkVisibility()) found.push(node.data);
             for (const name of ['aria-label', 'title', 'alt', 'placeholder'])
               for (const e of tab.querySelectorAll(`[${name}]`)) found.push(e.getAttribute(name));
             return found; }"""
    )
    assert len(said) > 100
    names = re.compile(r"vae-2d(-[\w-]+)?|ELBO|NLL|PNG|GIF|nats|Esc|MNIST")
    assert [text for text in said if re.search("[A-Za-z]{2}", names.sub("", text))] == []


def test_the_benchmark_measures_an_open_page(new_page, capsys):
    from denoiser.bench.latent import GOALS, explore, show

    figures = explore(new_page(), paths=1)
    assert set(GOALS) < set(figures)
    assert figures["pointer_to_canvas_ms"]["count"] >= 10
    assert figures["bytes_of_a_map"] <= GOALS["bytes_of_a_map"]
    show({"mouse at 1280 px": figures, "goals": GOALS})
    table = capsys.readouterr().out
    assert all(name.replace("_", " ") in table for name in GOALS)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 768, 390])
def test_nothing_is_wider_than_the_window(visit, digit, theme, width):
    page = visit(digit, viewport={"width": width, "height": 800}, color_scheme=theme)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
