"""The camera as a way in: a webcam in a dialog, a phone's own camera, and a camera that is refused."""

import io

import pytest
from drawings import drawings, rendered
from playwright.sync_api import expect
from web_fixtures import settle

from denoiser.bench.browser import CHROMIUM_FLAGS, PHONE

pytestmark = pytest.mark.slow


@pytest.fixture
def webcam(browser, chromium, page_url, tmp_path):
    """A page whose webcam sees a seven on paper."""
    file = io.BytesIO()
    seven = next(drawing for drawing in drawings() if drawing.digit == 7)
    sheet = rendered(seven.strokes, side=480, ink=(40, 40, 60), paper=(215, 210, 200), mode="RGB")
    sheet.save(file, "JPEG", quality=85)
    film = tmp_path / "seven.mjpeg"
    film.write_bytes(file.getvalue() * 5)
    fake = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    launched = browser.browser_type.launch(
        executable_path=chromium, args=[*CHROMIUM_FLAGS, *fake, f"--use-file-for-fake-video-capture={film}"]
    )
    page = launched.new_page()
    page.set_default_timeout(60_000)
    page.goto(page_url)
    page.locator("#board .card").first.wait_for()
    yield page
    launched.close()


def test_what_the_webcam_sees_is_denoised(webcam):
    webcam.get_by_role("button", name="Camera").click()
    webcam.wait_for_function("() => document.querySelector('#camera video').videoWidth > 0")
    webcam.get_by_role("button", name="Take the picture").click()
    settle(webcam)
    assert webcam.evaluate("() => denoiser.state.picture !== null && denoiser.state.reading[0]") == 7
    expect(webcam.locator("#camera dialog")).to_be_hidden()
    assert webcam.evaluate("() => document.querySelector('#camera video').srcObject") is None


def test_escape_closes_the_camera_and_changes_nothing(webcam):
    webcam.get_by_role("button", name="Camera").click()
    expect(webcam.locator("#camera dialog")).to_be_visible()
    track = webcam.evaluate_handle("() => document.querySelector('#camera video').srcObject.getTracks()[0]")
    webcam.keyboard.press("Escape")
    expect(webcam.locator("#camera dialog")).to_be_hidden()
    webcam.wait_for_function("track => track.readyState === 'ended'", arg=track)
    assert webcam.evaluate("() => denoiser.state.picture === null && !denoiser.state.past.length")


@pytest.mark.parametrize(("error", "words"), [("NotAllowedError", "told not to show"), ("NotFoundError", "No camera")])
def test_a_camera_that_is_refused_or_absent_is_said_to_be(new_page, error, words):
    page = new_page()
    page.evaluate(
        "name => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }", error
    )
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("#toast .say")).to_contain_text(words)


def test_on_a_phone_its_own_camera_opens(new_page):
    page = new_page(**PHONE)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Camera").click()
    assert chooser.value.element.get_attribute("capture") == "environment"
