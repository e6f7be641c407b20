"""The Train page in a browser: a training from its form to its card, waiting for others, and leaving."""

import threading
import time
import zipfile
from contextlib import closing

import pytest
from playwright.sync_api import expect
from web_fixtures import copy_link, served, settle

from denoiser.bench.browser import PHONE
from denoiser.checkpoint import load_model
from denoiser.web.serving import live_training, training_queue
from denoiser.web.serving.user_models import UserModelStore

pytestmark = pytest.mark.usefixtures("short_trainings")


def open_train(page):
    page.locator("#train-tab-button").click()
    page.wait_for_function("() => denoiser.state.watchedDigits !== null")


def begin(page, moments=3):
    page.locator("#train_form .train").click()
    page.wait_for_function("() => denoiser.state.trainingState === 'training'")  # no snapshots of an earlier one
    page.wait_for_function(f"() => denoiser.state.snapshots.length >= {moments}")


def end(page):
    page.locator("#train_form .stop").click()
    page.wait_for_function("() => denoiser.state.trainingResult !== null && denoiser.state.trainingState === 'idle'")


def shown(page, row):
    return page.evaluate(
        """row => [...document.querySelectorAll(`#train_ten_digits [data-row=${row}] canvas`)].map(c =>
             [...c.getContext('2d').getImageData(0, 0, 28, 28).data].join())""",
        row,
    )


@pytest.fixture
def lessons(monkeypatch):
    """The trainings that compute at present, in this process."""
    running, real = [], live_training.training_snapshots

    def learn(*args):
        running.append(1)
        try:
            yield from real(*args)
        finally:
            running.pop()

    monkeypatch.setattr(live_training, "training_snapshots", learn)
    return running


def wait_until(page, condition, seconds=30):
    """`condition()` within that time, while the page lives on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)


@pytest.mark.slow
def test_a_network_is_trained_stands_on_the_board_and_is_taken_home(new_page, lessons, tmp_path):
    page, other = new_page(), new_page()
    open_train(page)
    before = shown(page, "noisy")
    begin(page)
    first = shown(page, "denoised")
    assert len(lessons) == 1
    page.wait_for_function("() => denoiser.state.snapshots.at(-1).psnr > denoiser.state.snapshots[0].psnr + 2")
    end(page)
    assert shown(page, "denoised") != first
    assert shown(page, "noisy") == before
    wait_until(page, lambda: not lessons)
    assert "dB instead of" in page.locator("#train_form .state").inner_text()
    label = page.locator("#train_curves .plot").get_attribute("aria-label")
    assert page.evaluate("() => denoiser.state.snapshots.at(-1).validation.toFixed(4)") in label

    # any moment of it can be looked at again
    page.locator("#train_ten_digits input[type=range]").focus()
    page.keyboard.press("Home")
    assert page.evaluate("() => denoiser.state.snapshotIndex") == 0
    beginning = shown(page, "denoised")
    page.keyboard.press("End")
    assert shown(page, "denoised") != beginning

    run = page.locator("#train_runs .run")
    expect(run).to_have_count(1)
    expect(run).to_have_attribute("aria-checked", "true")
    expect(run).to_contain_text("dB instead of")

    with page.expect_download() as download:
        page.locator("#train_result .take").click()
    path = tmp_path / "model.zip"
    download.value.save_as(path)
    zipfile.ZipFile(path).extractall(tmp_path)
    assert load_model(download.value.suggested_filename.removesuffix(".zip"), folder=tmp_path)

    page.locator("#train_result .card").click()
    page.get_by_role("button", name="Example 4").click()
    settle(page)
    card = page.locator("#board .card[data-model='yours-1']")
    expect(card).to_contain_text("Yours")
    expect(card.locator(".psnr")).not_to_have_text("–")
    copy_link(page)
    link = page.evaluate("() => location.href")
    other.evaluate("() => { window.before = true; }")
    other.goto(link)  # the page opens itself anew for it
    other.wait_for_function("() => window.denoiser && !window.before")
    settle(other)
    assert other.locator("#board .card[data-model='yours-1']").count() == 0
    assert "yours" not in other.locator("#toast").inner_text()


@pytest.mark.slow
def test_two_runs_stand_side_by_side_and_survive_a_reload(new_page):
    page = new_page()
    open_train(page)
    rows = page.locator("#train_runs .run")
    expect(page.locator("#train_runs .none")).to_be_visible()
    for number in (0, 1):
        page.locator("#train_form .code input").nth(number).check(force=True)
        begin(page, 1)
        end(page)
        expect(rows).to_have_count(number + 1)
    codes = page.evaluate("() => denoiser.state.runs.map(run => run.settings.code)")
    assert codes[0] != codes[1]
    chosen = [row.get_attribute("aria-checked") for row in rows.all()]
    assert chosen == ["false", "true"]
    rows.first.click()
    assert page.evaluate("() => denoiser.state.trainingResult.id === denoiser.state.runs[0].id")
    page.reload()
    page.wait_for_function("() => window.denoiser?.state.watchedDigits")
    expect(rows).to_have_count(2)
    expect(rows.last).to_have_attribute("aria-checked", "true")
    for name in ("yours-1", "yours-2"):  # the networks are still on the server
        page.locator("#train_result .card").click()
        expect(page.locator(f"#board .card[data-model='{name}']")).to_have_count(1)
        page.locator("#train-tab-button").click()
        rows.first.click()


@pytest.mark.slow
def test_a_click_before_the_script_arrives_counts(browser, page_url):
    """Without its script, a form would submit itself and reload the page."""
    page, held = browser.new_page(), []
    page.set_default_timeout(60_000)
    page.route("**/train/form.js", lambda route: held.append(route))
    page.goto(page_url)
    page.locator("#board .card").first.wait_for()
    page.evaluate("() => { window.before = true; }")
    page.locator("#train-tab-button").click()
    page.locator("#train_form .train").click()
    held.pop().continue_()
    page.wait_for_function("() => window.before && denoiser.state.snapshots.length > 0")
    page.close()


@pytest.mark.slow
def test_a_model_that_the_server_forgot_leaves_the_board_and_the_rest_works(new_page, monkeypatch):
    page = new_page()
    open_train(page)
    begin(page, 2)
    end(page)
    page.locator("#train_result .card").click()
    monkeypatch.setattr(UserModelStore, "get", lambda self, key: None)
    page.get_by_role("button", name="Example 4").click()
    settle(page)
    expect(page.locator("#toast")).to_contain_text("no longer has the network you trained")
    assert page.locator("#board .card[data-model='yours-1']").count() == 0
    assert page.locator("#board .card").count() > 2


@pytest.mark.slow
def test_the_server_hears_of_it_when_a_page_is_closed(new_page, monkeypatch):
    left = []
    monkeypatch.setattr(UserModelStore, "leave", lambda self, session: left.append(session))
    page, other = new_page(), new_page()
    page.close()
    wait_until(other, lambda: any(left))


@pytest.mark.slow
def test_two_visitors_train_one_after_the_other(new_page, lessons):
    first, second = new_page(), new_page()
    for page in (first, second):
        open_train(page)
    begin(first, 1)
    second.locator("#train_form .train").click()
    expect(second.locator("#train_form .state")).to_contain_text("1 visitor before you: up to")
    assert len(lessons) == 1
    # while one trains, the other one's drawing is answered
    second.locator("#denoise-tab-button").click()
    second.get_by_role("button", name="Example 4").click()
    settle(second)
    end(first)
    second.wait_for_function("() => denoiser.state.snapshots.length > 0")
    assert len(lessons) == 1
    second.locator("#train-tab-button").click()
    end(second)


def closes(page):
    page.close()


def reloads(page):
    page.reload()


def loses_the_connection(page):
    page.context.set_offline(True)


def falls_silent(page):
    """The connection stays, and the page no longer does anything."""
    page.evaluate("() => { window.fetch = () => new Promise(() => {}); }")


@pytest.mark.slow
@pytest.mark.parametrize("leaves", [closes, reloads, loses_the_connection, falls_silent], ids=lambda f: f.__name__)
def test_no_training_survives_its_visitor(browser, page_url, lessons, leaves, monkeypatch):
    monkeypatch.setattr(training_queue, "TRAINING_SILENCE", training_queue.SILENCE)
    context, other = browser.new_context(), browser.new_page()
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(page_url)
    page.locator("#board .card").first.wait_for()
    open_train(page)
    begin(page, 2)
    assert lessons
    leaves(page)
    wait_until(other, lambda: not lessons, seconds=training_queue.SILENCE + 10)
    other.close()
    context.close()


@pytest.mark.slow
def test_a_training_that_ended_because_its_page_was_silent_says_so(new_page, monkeypatch):
    page = new_page()
    open_train(page)
    begin(page)
    page.route("**/component_server/**", lambda route: None)  # the network swallows all that the page asks
    monkeypatch.setattr(training_queue, "TRAINING_SILENCE", 1.0)
    state = page.locator("#train_form .state")
    expect(state).to_contain_text("The training ended early: the server heard nothing from this page")
    expect(state).to_contain_text("dB instead of")
    expect(page.locator("#train_result .card")).to_be_enabled()


@pytest.mark.slow
def test_after_a_reload_the_page_says_what_became_of_its_training(browser, page_url, lessons):
    page = browser.new_page()  # Gradio writes errors to the console when its stream breaks off
    page.set_default_timeout(60_000)
    page.goto(page_url)
    page.locator("#board .card").first.wait_for()
    open_train(page)
    begin(page)
    page.reload()
    expect(page.locator("#train_form .state")).to_contain_text("The training ended early: this page was reloaded")
    wait_until(page, lambda: not lessons)
    page.reload()
    page.wait_for_function("() => window.denoiser && denoiser.state.watchedDigits !== null")
    expect(page.locator("#train_form .state")).to_be_empty()
    page.close()


@pytest.mark.slow
def test_a_page_that_gets_no_snapshots_still_tells_the_server_that_it_is_there(new_page, monkeypatch):
    release, real = threading.Event(), live_training.training_snapshots

    def stalls(recipe):
        with closing(real(recipe)) as snapshots:
            yield next(snapshots)
            release.wait(60)
            yield next(snapshots)

    monkeypatch.setattr(live_training, "training_snapshots", stalls)
    page = new_page()
    open_train(page)
    begin(page, 1)
    for _ in range(2):  # the first may still answer the snapshot
        with page.expect_request(lambda request: '"wait"' in (request.post_data or "")):
            pass
    expect(page.locator("#train_form .state")).to_have_text("Learning")
    release.set()
    expect(page.locator("#train_form .state")).to_contain_text("dB instead of")


@pytest.mark.slow
def test_where_there_is_nothing_it_trains_on_our_own_strokes_and_says_so(browser, few_strokes, monkeypatch):
    monkeypatch.setattr("denoiser.web.serving.model_pool.list_models", lambda: ["median"])
    with served() as url:
        page = browser.new_page(**PHONE)
        page.set_default_timeout(60_000)
        page.goto(url)
        page.locator("#board .card").first.wait_for()
        open_train(page)
        assert "digits we drew ourselves" in page.locator("#train_form .data").inner_text()
        page.locator("#train_form .family label", has_text="Conv").click()
        begin(page)
        assert page.evaluate("() => denoiser.state.trainingSettings.family") == "conv"
        end(page)
        page.close()
