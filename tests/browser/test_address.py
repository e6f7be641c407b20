"""The address in a real browser: it follows what is on the page, and brings it back."""

import pytest
from playwright.sync_api import expect
from web_fixtures import draw, settle

pytestmark = pytest.mark.slow

PAGE = "() => denoiser.state.page"
TITLES = {
    "denoise": "Denoiser",
    "possible-originals": "Possible originals · Denoiser",
    "latent-space": "Latent space · Denoiser",
    "models": "Models · Denoiser",
    "train": "Train · Denoiser",
}


def open_tab(page, name):
    page.locator(f"#{name}-tab-button").click()
    in_view(page, name)


def in_view(page, name):
    page.wait_for_function("name => window.denoiser?.state.page === name", arg=name)
    expect(page.locator(f"#{name}-tab-button")).to_have_attribute("aria-selected", "true")
    expect(page).to_have_title(TITLES[name])


def open_address(page, address):
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_function("() => window.denoiser?.state.shownModels.length")


def test_back_and_forward_walk_the_tabs_and_keep_the_drawing(new_page):
    page = new_page()
    draw(page)
    settle(page)
    for name in ("latent-space", "models", "train"):
        open_tab(page, name)
    for name in ("models", "latent-space", "denoise"):
        page.go_back()
        in_view(page, name)
    page.go_forward()
    in_view(page, "latent-space")
    assert page.evaluate("() => denoiser.state.strokes.length") == 1


def test_a_reload_brings_back_every_tab(new_page):
    page = new_page()
    draw(page)
    draw(page, [(0.3, 0.5), (0.7, 0.5)])
    page.locator("#kind input[value=speckle]").check(force=True)
    open_tab(page, "train")
    page.locator("#train_form .width input").first.check(force=True)
    open_tab(page, "models")
    page.locator("#models [data-name=conv-64] button").first.click()
    open_tab(page, "latent-space")
    page.wait_for_function("() => denoiser.state.latentView && denoiser.state.pins")
    page.locator("#map .in").first.click()
    page.locator("#latent_morph .a").select_option("class:5")
    page.wait_for_function("() => denoiser.state.latentView.zoom > 1")
    zoom = page.evaluate("() => denoiser.state.latentView.zoom")
    page.reload()
    in_view(page, "latent-space")
    page.wait_for_function("() => denoiser.state.maps && denoiser.state.routes")
    found = page.evaluate("() => denoiser.state")
    assert len(found["strokes"]) == 2
    assert len(found["past"]) == 2  # both strokes can still be undone
    assert found["kind"] == "speckle"
    assert found["latentView"]["zoom"] == pytest.approx(zoom, abs=0.001)
    assert found["pins"]["a"] == "class:5"
    open_tab(page, "train")
    expect(page.locator("#train_form .width input").first).to_be_checked()
    open_tab(page, "models")
    page.wait_for_function("() => denoiser.state.modelShown === 'conv-64'")


def test_the_address_bar_alone_is_a_link_to_what_is_seen(new_page):
    page = new_page()
    draw(page)
    settle(page)
    open_tab(page, "models")
    page.locator("#models [data-name=unet] button").first.click()
    page.wait_for_function(
        """() => location.hash.startsWith('#models&d=')
             && JSON.parse(atob(location.hash.split('d=')[1].replaceAll('-', '+').replaceAll('_', '/'))).i === 'unet'"""
    )
    other = new_page()
    open_address(other, page.url)
    in_view(other, "models")
    other.wait_for_function("() => denoiser.state.modelShown === 'unet'")
    assert other.evaluate("() => denoiser.state.strokes.length") == 1


def test_a_tab_can_be_linked_by_its_name(new_page, page_url):
    page = new_page()
    for address, name in (("#latent", "latent-space"), ("?tab=Models", "models"), ("#train&note=3", "train")):
        open_address(page, page_url + address)
        in_view(page, name)
    assert page.url.endswith("&note=3")  # what others put there stays


def test_with_storage_blocked_a_reload_still_brings_back_what_the_address_says(new_page):
    page = new_page()
    page.context.add_init_script(
        """for (const name of ['localStorage', 'sessionStorage'])
             Object.defineProperty(window, name, { get() { throw new DOMException('blocked', 'SecurityError'); } });"""
    )
    page.reload()
    page.wait_for_function("() => window.denoiser?.state.shownModels.length")
    draw(page)
    settle(page)
    page.wait_for_function("() => location.hash.includes('d=')")
    page.reload()
    page.wait_for_function("() => window.denoiser?.state.shownModels.length")
    settle(page)
    assert page.evaluate("() => denoiser.state.strokes.length") == 1
