"""Several maps beside each other in a real browser, a map without its codes, and a page without any map."""

import base64

import pytest
from playwright.sync_api import expect
from web_fixtures import served

from denoiser import latent
from denoiser.models import build
from denoiser.web.serving.model_pool import ModelPool

pytestmark = pytest.mark.slow

NAME, OTHER, BARE = "vae-2d", "another", "bare"  # trained; untrained with codes; the same without
BEST = "vae-2d-best"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def pool():
    return ModelPool()


def of_maps(pool, *names):
    """The pool with no other maps than these."""
    import copy

    import torch

    found = copy.copy(pool)
    torch.manual_seed(0)
    strange = build("vae_dense", {"latent_dim": 2, "hidden": 16}).eval()
    found.models = {name: model for name, model in pool.models.items() if not latent.has_plane(model)}
    found.models |= {name: pool.models.get(name, strange) for name in names}
    found.records = {name: pool.records.get(name, pool.records[NAME]) for name in found.models}
    return found


@pytest.fixture(scope="module")
def page_url(request, pool, tiny_digits, tmp_path_factory):
    """The page with the maps that `request.param` names, instead of the page of all models."""
    names = getattr(request, "param", (NAME, OTHER))
    maps, folder = of_maps(pool, *names), tmp_path_factory.mktemp("codes")
    stored = {NAME: latent.codes_path(NAME), OTHER: folder / "another.codes.npz", BARE: folder / "bare.codes.npz"}
    stored[BEST] = latent.codes_path(BEST)
    latent.save_codes(maps.models.get(OTHER, pool.models[NAME]), tiny_digits, stored[OTHER], pool.records[NAME].sha256)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latent, "codes_path", lambda name, folder=None: stored[name])
        with served(maps) as url:
            yield url


@pytest.fixture
def visit(new_page, tiny_digits):
    def open_maps(draw=False, **options):
        page = new_page(**options)
        if draw:
            page.locator("#board .card").first.wait_for()  # the board clears the digit when it starts
            digit = base64.b64encode(tiny_digits.images[3].numpy().tobytes()).decode()
            page.evaluate("d => denoiser.set({ digit: Uint8Array.from(atob(d), c => c.charCodeAt(0)) })", digit)
        page.locator("#latent-space-tab-button").click()
        page.wait_for_function("() => denoiser.state.maps && denoiser.state.routes")
        page.locator("#map .more").click()
        if not options:  # both, on a desktop
            page.locator("#map .which input").last.check(force=True)
            page.wait_for_function("() => denoiser.state.maps.length === 2")
        return page

    return open_maps


def shown(page):
    return page.evaluate("() => denoiser.state.maps.map(map => map.name)")


def pictures(page):
    return page.evaluate(
        """() => [...document.querySelectorAll('#latent_reading .big')]
             .map(c => c.getContext('2d').getImageData(0, 0, 28, 28).data.join())"""
    )


def hover(page, which, x, y):
    box = page.locator("#map .over").nth(which).bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_one_pointer_decodes_on_both_maps(visit):
    page = visit()
    assert shown(page) == [NAME, OTHER]
    seen = []
    for which in (0, 1):
        hover(page, which, 0.3, 0.4)
        seen.append((page.evaluate("() => denoiser.state.point.z"), pictures(page)))
    assert seen[0][0] == pytest.approx(seen[1][0], abs=0.05)  # the same place, from either map
    expect(page.locator("#latent_reading .state")).to_have_text("exact", timeout=15_000)
    exact = pictures(page)
    assert exact[0] != exact[1]  # decoded by each model
    expect(page.locator("#latent_reading .nearest:visible")).to_have_count(2)
    page.mouse.move(5, 5)
    assert page.evaluate("() => denoiser.state.point") is None


def test_both_move_and_zoom_together(visit):
    page = visit()
    hover(page, 1, 0.5, 0.5)
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(200)
    hover(page, 1, 0.9, 0.8)
    right = page.evaluate("() => denoiser.state.point.z")
    hover(page, 0, 0.9, 0.8)
    assert page.evaluate("() => denoiser.state.point.z") == pytest.approx(right, abs=0.05)
    assert right[0] < 2.5  # zoomed in


def test_the_drawing_is_on_both_each_with_its_own_course(visit):
    page = visit(draw=True)
    # the first answer may have been asked for while there was one map
    page.wait_for_function("() => Object.keys(denoiser.state.trajectory?.maps ?? {}).length === 2")
    mu = page.evaluate("() => Object.values(denoiser.state.trajectory.maps).map(track => track.mu[0])")
    assert len(mu) == 2
    assert mu[0] != mu[1]
    expect(page.locator("#latent_drawn_digit .lands")).to_have_count(2)
    page.locator("#latent_morph .a").select_option("drawing")
    routes = page.evaluate("() => Object.values(denoiser.state.routes).map(route => route[0])")
    assert routes == mu  # the same end, elsewhere on each map


def test_figures_stand_beside_each_map(visit):
    page = visit()
    figures = page.locator("#map .figures").all_inner_texts()
    assert len(figures) == 2
    assert "%" in figures[0]  # what is known of it; and what is not is not made up
    assert "–" in page.locator("#map .panel-map").nth(1).inner_text()


def test_one_map_can_be_chosen(visit):
    page = visit()
    page.locator(f"#map .which [value={OTHER}]").check(force=True)
    page.wait_for_function("() => denoiser.state.maps.length === 1")
    assert shown(page) == [OTHER]
    for selector, count in (
        ("#map .over", 1),
        ("#latent_morph .frames", 1),
        ("#latent_samples .dozen", 1),
        ("#latent_reading .big", 1),
    ):
        expect(page.locator(selector)).to_have_count(count)


def test_a_phone_shows_one_and_both_on_demand(visit):
    page = visit(**PHONE)
    assert shown(page) == [NAME]
    page.locator("#map .which label", has_text="Both").locator("input").tap()
    page.wait_for_function("() => denoiser.state.maps.length === 2")
    first, second = (over.bounding_box() for over in page.locator("#map .over").all())
    assert second["y"] >= first["y"] + first["height"]  # one above the other
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    page.locator("#map .over").nth(1).tap(position={"x": 100, "y": 100})
    expect(page.locator("#latent_reading .where")).to_have_text("Under the pointer")
    page.get_by_role("button", name="Pin as A").tap()
    assert page.evaluate("() => denoiser.state.pins.a") == page.evaluate("() => denoiser.state.point.z")


@pytest.mark.parametrize("page_url", [(NAME, BEST)], indirect=True)
def test_a_phone_starts_with_the_plane_that_the_page_features(visit):
    assert shown(visit(**PHONE)) == [BEST]


def test_a_morph_of_both_is_one_film(visit):
    from PIL import Image

    page = visit()
    with page.expect_download() as download:
        page.locator("#latent_morph [data-kind=png]").click()
    assert Image.open(download.value.path()).size == (latent.STEPS * 84, 2 * 84)


@pytest.mark.parametrize("page_url", [(NAME, BARE)], indirect=True)
def test_a_map_without_codes_says_so_and_still_decodes(visit):
    page = visit()
    expect(page.locator("#map .note").nth(1)).to_contain_text("is missing")
    expect(page.locator("#map .note").nth(0)).to_be_empty()
    page.locator(f"#map .which [value={BARE}]").check(force=True)
    page.wait_for_function("() => denoiser.state.maps.length === 1")
    expect(page.locator("#map .classes")).to_be_hidden()
    hover(page, 0, 0.4, 0.4)
    expect(page.locator("#latent_reading .state")).to_have_text("exact", timeout=15_000)
    expect(page.locator("#latent_reading .big")).not_to_have_class("px big unlit")
    assert page.evaluate("() => denoiser.state.routes") is not None


@pytest.mark.parametrize("page_url", [()], indirect=True)
def test_without_any_map_the_page_says_what_to_do(new_page):
    page = new_page()
    page.locator("#latent-space-tab-button").click()
    expect(page.locator("#latent_no_maps")).to_contain_text("There is no map yet")
    expect(page.locator("#latent_no_maps code")).to_have_text("python -m denoiser train vae-2d")
