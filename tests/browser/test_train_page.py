"""The Train page: what may be chosen, who may train, what comes of it, and that it belongs to its visitor alone."""

import base64
import io
import itertools
import json
import time
import zipfile
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from web_fixtures import served, settle

from denoiser.bench.browser import PHONE
from denoiser.checkpoint import list_models, load_model
from denoiser.examples import EXAMPLES
from denoiser.metrics import psnr
from denoiser.models import build, parameter_count
from denoiser.recipes import Recipe
from denoiser.synthetic_digits import DATA, make_synthetic_digits
from denoiser.training import TrainingError
from denoiser.web import live
from denoiser.web.component import BadRequest, answering
from denoiser.web.denoise import tab as denoise
from denoiser.web.kept import HOUR, LINGER, OWN, Kept
from denoiser.web.line import DITHERING, MOST, PATIENCE, Line
from denoiser.web.train import tab as train

SMALL = live.AT_FIRST | live.WELL["dense"] | {"width": 64, "code": 8}
CONV = live.AT_FIRST | live.WELL["conv"] | {"family": "conv", "width": 4, "code": 2}


class Clock:
    """A clock that tests move on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def strokes(monkeypatch):
    """Few strokes of our own to train on, and our own ten digits to watch, as where there is no MNIST."""
    digits = make_synthetic_digits(480)
    monkeypatch.setattr(live, "material", lambda: digits)
    monkeypatch.setattr(live, "has_mnist", lambda: False)
    monkeypatch.setattr("denoiser.web.models.tab.mnist_test", lambda: None)
    return digits


def pixels(text):
    return np.frombuffer(base64.b64decode(text), np.uint8)


# ---------- what may be chosen ----------


def every_choice():
    for family, widths in live.WIDTHS.items():
        for width, code in itertools.product(widths, live.CODES[family]):
            yield live.AT_FIRST | live.WELL[family] | {"family": family, "width": width, "code": code}


def test_the_counts_shown_are_those_of_the_networks():
    counts = live.parameter_counts()
    for settings in every_choice():
        recipe = live.recipe_of(settings)
        key = "/".join(str(settings[name]) for name in ("family", "width", "code"))
        assert counts[key] == parameter_count(build(recipe.network, recipe.settings)), key


@pytest.mark.parametrize("key", ["noise", "loss", "rate"])
def test_every_choice_makes_a_recipe(key):
    for value in live.CHOICES[key]:
        recipe = live.recipe_of(SMALL | {key: value})
        assert value in (recipe.noise[0], recipe.loss, recipe.learning_rate)


def test_what_the_page_starts_with_may_be_chosen():
    offered = train.choices()
    for family in offered["widths"]:
        assert isinstance(live.recipe_of(offered["first"] | offered["well"][family] | {"family": family}), Recipe)


@pytest.mark.parametrize(
    "change",
    [
        {"family": "unet"},
        {"family": ["dense"]},
        {"width": 4},  # of the other family
        {"width": 10_000_000},
        {"width": True},
        {"width": "64"},
        {"code": 5},
        {"code": None},
        {"noise": "snow"},
        {"noise": {}},
        {"factor": 0},
        {"factor": 1.5},
        {"factor": float("nan")},
        {"factor": "0.5"},
        {"loss": "cross-entropy"},
        {"rate": 7},
        {"rate": True},
    ],
    ids=str,
)
def test_any_other_choice_is_refused_in_a_sentence(change):
    with pytest.raises(BadRequest, match=r"^[A-Z].*\.$"):
        live.recipe_of(SMALL | change)


@pytest.mark.parametrize("settings", [None, 5, "dense", [], {}])
def test_what_are_no_settings_is_refused(settings):
    with pytest.raises(BadRequest):
        live.recipe_of(settings)


# ---------- what there is to see ----------


@pytest.mark.parametrize("settings", [SMALL, CONV], ids=["dense", "conv"])
def test_the_digits_get_clearer(strokes, settings):
    moments = list(itertools.islice(live.learn(settings, 30.0), 12))
    assert moments[-1]["psnr"] > moments[0]["psnr"] + 1
    assert moments[-1]["validation"] < moments[0]["validation"]
    assert [m["steps"] for m in moments] == sorted({m["steps"] for m in moments})


def test_figures_and_weights_are_of_the_pictures_shown(strokes):
    *_, seen = itertools.islice(live.learn(SMALL, 30.0), 4)
    recipe = live.recipe_of(SMALL)
    clean, noisy, origin = live.ten_noisy(recipe)
    model, record = live.trained(recipe, seen)
    with torch.inference_mode():
        pictures = model(noisy)
    shown = torch.from_numpy(pixels(seen["pictures"]).copy()).view(10, 1, 28, 28) / 255
    assert (pictures - shown).abs().max() < 0.01
    assert psnr(shown, clean).mean().item() == pytest.approx(seen["psnr"], abs=0.05)
    assert "our own" in origin
    assert record["recipe"]["data"] == DATA


def test_the_budget_ends_it(strokes):
    *_, last = live.learn(SMALL, 0.5)
    assert last["seconds"] >= 0.5
    assert last["history"] or last["steps"] < 4


def test_the_filters_shown_stay_the_same_ones(strokes):
    watch = live.Watch(live.recipe_of(SMALL), strokes)
    start = torch.zeros(64, 28, 28)
    assert watch.learnt(start, 1)["count"] == live.FILTERS
    change = torch.zeros(64, 28, 28)
    change[5] = 1
    watch.learnt(change, live.SETTLED)
    chosen = watch.busiest.tolist()
    assert 5 in chosen
    watch.learnt(torch.rand(64, 28, 28), live.SETTLED + 1)
    assert watch.busiest.tolist() == chosen


def not_a_number(*args, **options):
    for done in (1, 2):
        yield SimpleNamespace(loss=torch.tensor(float("nan")), number=done, history=[])


def gives_up(*args, **options):
    raise TrainingError("It cannot go on.")
    yield


@pytest.mark.parametrize("steps", [not_a_number, gives_up])
def test_a_training_that_cannot_go_on_says_why(strokes, monkeypatch, steps):
    monkeypatch.setattr(live, "train_steps", steps)
    (only,) = live.learn(SMALL, 1.0)
    assert only.keys() == {"error"}
    assert only["error"].endswith(".")


# ---------- the line ----------


def test_who_comes_first_is_first_and_who_leaves_lets_the_others_up():
    clock = Clock()
    line = Line(clock)
    (first, before), (second, after) = line.wait(), line.wait()
    assert (before, after) == (0, 1)
    assert line.wait(first) == (first, 0)
    line.stop(first)
    assert line.wait(second) == (second, 0)
    assert line.wait(first) == (None, 0)


def test_who_is_not_heard_of_loses_the_place():
    clock = Clock()
    line = Line(clock)
    first, second = line.wait()[0], line.wait()[0]
    for _ in range(3):
        clock.now += PATIENCE / 2
        assert line.wait(second)[0] == second
    assert line.wait(second) == (second, 0)
    assert line.wait(first) == (None, 0)


def test_who_could_begin_and_does_not_loses_the_place_too():
    clock = Clock()
    line = Line(clock)
    first = line.wait()[0]
    second = line.wait()[0]
    for _ in range(int(DITHERING) + 2):
        clock.now += 1
        line.wait(first)
        line.wait(second)
    assert line.wait(second) == (second, 0)


def test_only_the_first_may_train_and_only_once():
    line = Line(Clock())
    first, second = line.wait()[0], line.wait()[0]
    for ticket in (second, "made up", None, 7, []):
        with pytest.raises(BadRequest), line.turn(ticket):
            pytest.fail("it may train")
    with line.turn(first) as wanted:
        assert wanted()
        with pytest.raises(BadRequest), line.turn(first):
            pytest.fail("it trains twice")
    assert line.wait(second) == (second, 0)


def test_a_training_goes_on_while_its_visitor_is_heard_of():
    clock = Clock()
    line = Line(clock)
    ticket = line.wait()[0]
    with line.turn(ticket) as wanted:
        clock.now += PATIENCE - 1
        line.wait(ticket)
        clock.now += PATIENCE - 1
        assert wanted()
        clock.now += 2
        assert not wanted()
        line.wait(ticket)
        assert wanted()
        line.stop(ticket)
        assert not wanted()
    assert line.wait(ticket) == (None, 0)


def test_the_line_is_not_endless():
    line = Line(Clock())
    tickets = {line.wait()[0] for _ in range(MOST)}
    assert len(tickets) == MOST
    with pytest.raises(BadRequest):
        line.wait()


# ---------- what is kept ----------


def test_the_models_asked_for_least_go_first():
    kept = Kept(most=2, clock=Clock())
    first, second = kept.add(torch.nn.Identity(), {}), kept.add(torch.nn.Identity(), {})
    assert kept.get(first)
    third = kept.add(torch.nn.Identity(), {})
    assert kept.get(second) is None
    assert kept.get(first)
    assert kept.get(third)
    assert len(kept) == 2


def test_a_model_is_kept_for_an_hour_after_it_was_last_asked_for():
    clock = Clock()
    kept = Kept(clock=clock)
    key = kept.add(torch.nn.Identity(), {})
    clock.now += HOUR - 1
    assert kept.get(key)
    clock.now += HOUR - 1
    assert kept.get(key)
    clock.now += HOUR
    assert kept.get(key) is None
    assert len(kept) == 0


def test_when_a_page_is_gone_its_models_follow_and_the_others_stay():
    clock = Clock()
    kept = Kept(clock=clock)
    mine, yours = kept.add(torch.nn.Identity(), {}, "me"), kept.add(torch.nn.Identity(), {}, "you")
    kept.leave("me")
    clock.now += LINGER - 1
    kept.add(torch.nn.Identity(), {})
    clock.now += 1
    assert kept.get(mine) is None
    assert kept.get(yours)


def test_one_visitor_does_not_push_the_others_out():
    kept = Kept(clock=Clock())
    other = kept.add(torch.nn.Identity(), {}, "you")
    mine = [kept.add(torch.nn.Identity(), {}, "me") for _ in range(OWN + 3)]
    assert kept.get(other)
    assert [kept.get(key) is not None for key in mine] == [False] * 3 + [True] * OWN


@pytest.mark.parametrize("key", [None, 1, "", "yours-1", ["a"], {}])
def test_there_is_nothing_under_an_id_that_was_never_given(key):
    kept = Kept()
    kept.add(torch.nn.Identity(), {})
    assert kept.get(key) is None


# ---------- a training from its request to its model ----------


def trained(line, kept, settings=SMALL, after=3, session="me"):
    """All messages of a training that its visitor stops after so many."""
    ticket = line.wait()[0]
    messages = []
    for text in train.run(line, kept, json.dumps({"ticket": ticket, "settings": settings}), session):
        messages.append(json.loads(text))
        line.wait(ticket)
        if len(messages) == after:
            train.stop(line, {"ticket": ticket})
    return messages


@pytest.fixture
def mine(strokes, zoo):
    """The id of a model that was trained."""
    return trained(Line(), zoo.kept)[-1]["id"]


@pytest.fixture(scope="module")
def zoo():
    from denoiser.web.zoo import Zoo

    return Zoo()


def test_a_stop_ends_it_and_what_was_seen_last_is_kept(strokes):
    kept, line = Kept(), Line()
    messages = trained(line, kept)
    assert len(messages) == 4
    last, result = messages[-2:]
    assert result["pictures"] == last["pictures"]
    assert result["card"]["family"] == "dense"
    assert result["card"]["trained"] == [0.5, 0.5]
    assert kept.get(result["id"]).record["steps"] == last["steps"]
    assert line.wait()[1] == 0


def test_nothing_goes_on_when_the_page_is_not_heard_of(strokes):
    clock = Clock()
    line, kept = Line(clock), Kept()
    ticket = line.wait()[0]
    request = json.dumps({"ticket": ticket, "settings": SMALL})
    seen = 0
    for _ in train.run(line, kept, request, "me"):
        seen += 1
        clock.now += PATIENCE / 2
    assert seen <= 4


def test_a_closed_event_frees_the_line(strokes):
    line, kept = Line(), Kept()
    ticket = line.wait()[0]
    running = train.run(line, kept, json.dumps({"ticket": ticket, "settings": SMALL}), "me")
    next(running)
    assert line.wait()[1] == 1
    running.close()
    assert line.wait()[1] == 1  # who came meanwhile
    assert len(kept) == 0


def test_what_was_learnt_before_it_failed_is_kept(strokes, monkeypatch):
    real = live.learn

    def fails(settings):
        yield from itertools.islice(real(settings), 2)
        yield {"error": "The loss is no longer a number. A smaller learning rate may help."}

    monkeypatch.setattr(live, "learn", fails)
    kept = Kept()
    messages = trained(Line(), kept, after=None)
    assert [("error" in m, "id" in m) for m in messages] == [(False, False)] * 2 + [(True, False), (False, True)]


@pytest.mark.parametrize(
    "text",
    [None, 5, "", "[]", "{}", "[" * 100_000, '{"ticket": 1}', json.dumps({"ticket": "made up", "settings": SMALL})],
)
def test_requests_of_no_page_of_ours_get_a_sentence(text):
    (only,) = train.run(Line(), Kept(), text, None)
    reply = json.loads(only)
    assert reply.keys() == {"error"}
    assert "Traceback" not in reply["error"]
    assert reply["error"].endswith(".")


def test_whatever_breaks_is_a_sentence(strokes, monkeypatch, caplog):
    def breaks(settings):
        raise RuntimeError("secret")
        yield

    monkeypatch.setattr(live, "learn", breaks)
    (only,) = trained(Line(), Kept())
    assert "secret" not in only["error"]
    assert "a training failed" in caplog.text


def test_the_checkpoint_that_is_taken_home_loads(mine, zoo, tmp_path):
    reply = json.loads(answering(partial(train.checkpoint, zoo.kept))([json.dumps({"id": mine})]))
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(reply["content"]))) as archive:
        archive.extractall(tmp_path)
    name = reply["name"].removesuffix(".zip")
    assert list_models(tmp_path)[0] == name
    model, record = load_model(name, folder=tmp_path)
    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(model(x), zoo.kept.get(mine).network(x), atol=1e-6)
    assert record["recipe"]["learning_rate"] == SMALL["rate"]
    assert record["parameters"] == parameter_count(model)


def test_without_its_id_there_is_no_checkpoint(zoo):
    reply = json.loads(answering(partial(train.checkpoint, zoo.kept))(['{"id": "guessed"}']))
    assert reply == {"error": train.GONE}


# ---------- its card ----------


@pytest.fixture
def compare(zoo):
    call = answering(partial(denoise.compare, zoo))
    usual = {"strokes": EXAMPLES["7"], "kind": "gaussian", "seed": 1, "factors": [0.5]}
    return lambda **request: json.loads(call([json.dumps(usual | request)]))


def test_an_own_model_answers_beside_the_others(compare, mine):
    reply = compare(models=["yours-1", "median"], own={"yours-1": mine})
    assert reply["names"] == ["noisy", "yours-1", "median"]
    assert reply["gone"] == []
    rows = pixels(reply["pictures"]).reshape(3, 784)
    assert not np.array_equal(rows[0], rows[1])


def test_what_is_gone_is_named_and_the_others_answer(compare):
    reply = compare(models=["yours-1", "median"], own={"yours-1": "gone"})
    assert reply["names"] == ["noisy", "median"]
    assert reply["gone"] == ["yours-1"]
    assert compare(models=["yours-1"], own={"yours-1": "gone"})["names"] == ["noisy"]


def test_another_name_does_not_stand_for_a_model_of_the_page(compare, mine):
    shadowed, plain = compare(models=["median"], own={"median": mine}), compare(models=["median"])
    assert shadowed["pictures"] == plain["pictures"]


@pytest.mark.parametrize("own", [5, "a", ["a"], {str(i): "a" for i in range(40)}], ids=str)
def test_own_models_that_are_none_get_a_sentence(compare, own):
    assert compare(models=["median"], own=own)["error"].endswith(".")


def test_nobody_is_asked_for_a_model_of_no_name(compare):
    assert compare(models=["yours-1"])["error"] == "There is no such model."


# ---------- in the browser ----------


def open_train(page):
    page.locator("#train-tab-button").click()
    page.wait_for_function("() => denoiser.state.ten !== null")


def begin(page, moments=3):
    page.locator("#train_form .train").click()
    page.wait_for_function(f"() => denoiser.state.moments.length >= {moments}")


def end(page):
    page.locator("#train_form .stop").click()
    page.wait_for_function("() => denoiser.state.result !== null && denoiser.state.lesson === 'idle'")


def shown(page, row):
    return page.evaluate(
        """row => [...document.querySelectorAll(`#train_ten [data-row=${row}] canvas`)].map(c =>
             [...c.getContext('2d').getImageData(0, 0, 28, 28).data].join())""",
        row,
    )


@pytest.fixture
def lessons(monkeypatch):
    """The trainings that compute at present, in this process."""
    running, real = [], live.learn

    def learn(*args):
        running.append(1)
        try:
            yield from real(*args)
        finally:
            running.pop()

    monkeypatch.setattr(live, "learn", learn)
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
    page.wait_for_function("() => denoiser.state.moments.at(-1).psnr > denoiser.state.moments[0].psnr + 2")
    end(page)
    assert shown(page, "denoised") != first
    assert shown(page, "noisy") == before
    wait_until(page, lambda: not lessons)
    assert "dB instead of" in page.locator("#train_form .state").inner_text()
    label = page.locator("#train_curves .plot").get_attribute("aria-label")
    assert page.evaluate("() => denoiser.state.moments.at(-1).validation.toFixed(4)") in label

    # any moment of it can be looked at again
    page.locator("#train_ten input[type=range]").focus()
    page.keyboard.press("Home")
    assert page.evaluate("() => denoiser.state.at") == 0
    beginning = shown(page, "denoised")
    page.keyboard.press("End")
    assert shown(page, "denoised") != beginning

    with page.expect_download() as download:
        page.locator("#train_end .take").click()
    path = tmp_path / "model.zip"
    download.value.save_as(path)
    zipfile.ZipFile(path).extractall(tmp_path)
    assert load_model(download.value.suggested_filename.removesuffix(".zip"), folder=tmp_path)

    page.locator("#train_end .card").click()
    page.get_by_role("button", name="Example 4").click()
    settle(page)
    card = page.locator("#board .card[data-name='yours-1']")
    expect(card).to_contain_text("Yours")
    expect(card.locator(".psnr")).not_to_have_text("–")
    page.locator("#header .link").click()
    link = page.evaluate("() => location.href")
    other.goto(link)
    other.reload()
    settle(other)
    assert other.locator("#board .card[data-name='yours-1']").count() == 0
    assert "yours" not in other.locator("#toast").inner_text()


@pytest.mark.slow
def test_a_model_that_the_server_forgot_leaves_the_board_and_the_rest_works(new_page, monkeypatch):
    page = new_page()
    open_train(page)
    begin(page, 2)
    end(page)
    page.locator("#train_end .card").click()
    monkeypatch.setattr(Kept, "get", lambda self, key: None)
    page.get_by_role("button", name="Example 4").click()
    settle(page)
    expect(page.locator("#toast")).to_contain_text("no longer has the network you trained")
    assert page.locator("#board .card[data-name='yours-1']").count() == 0
    assert page.locator("#board .card").count() > 2


@pytest.mark.slow
def test_the_server_hears_of_it_when_a_page_is_closed(new_page, monkeypatch):
    left = []
    monkeypatch.setattr(Kept, "leave", lambda self, session: left.append(session))
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
    expect(second.locator("#train_form .state")).to_have_text("1 visitor before you")
    assert len(lessons) == 1
    # while one trains, the other one's drawing is answered
    second.locator("#denoise-tab-button").click()
    second.get_by_role("button", name="Example 4").click()
    settle(second)
    end(first)
    second.wait_for_function("() => denoiser.state.moments.length > 0")
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
    page.evaluate("() => { denoiser.ask = () => new Promise(() => {}); }")


@pytest.mark.slow
@pytest.mark.parametrize("leaves", [closes, reloads, loses_the_connection, falls_silent], ids=lambda f: f.__name__)
def test_no_training_survives_its_visitor(browser, page_url, lessons, leaves):
    context, other = browser.new_context(), browser.new_page()
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(page_url)
    page.locator("#board .card").first.wait_for()
    open_train(page)
    begin(page, 2)
    assert lessons
    leaves(page)
    wait_until(other, lambda: not lessons, seconds=PATIENCE + 10)
    other.close()
    context.close()


@pytest.mark.slow
def test_where_there_is_nothing_it_trains_on_our_own_strokes_and_says_so(browser, strokes, monkeypatch):
    monkeypatch.setattr("denoiser.web.zoo.list_models", lambda: ["median"])
    with served() as url:
        page = browser.new_page(**PHONE)
        page.set_default_timeout(60_000)
        page.goto(url)
        page.locator("#board .card").first.wait_for()
        open_train(page)
        assert "strokes of our own" in page.locator("#train_form .data").inner_text()
        page.locator("#train_form .family label", has_text="Conv").click()
        begin(page)
        assert page.evaluate("() => denoiser.state.trained.family") == "conv"
        end(page)
        page.close()
