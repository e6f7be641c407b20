"""The line before the page's functions: whose turn it is, what is told, and that no answers are mixed up."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from helpers import pixels
from playwright.sync_api import expect
from web_fixtures import draw, pictures, settle

from denoiser.data import PIXELS
from denoiser.examples import EXAMPLES
from denoiser.web import admission
from denoiser.web.admission import Line, NotYet, Replaced
from denoiser.web.component import answering, in_line
from denoiser.web.denoise import tab as denoise
from denoiser.web.serving.model_pool import ModelPool


def run(coroutine):
    """What it returns; the browser tests leave an event loop running in this thread."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, coroutine).result()


class Desk:
    """Work that lasts until it is let go, and what it was given, batch by batch."""

    def __init__(self):
        self.open, self.batches, self.most, self.now = threading.Event(), [], 0, 0
        self.lock = threading.Lock()

    def __call__(self, items):
        with self.lock:
            self.batches.append(items)
            self.now += 1
            self.most = max(self.most, self.now)
        self.open.wait(20)
        with self.lock:
            self.now -= 1
        return [f"for {item}" for item in items]

    @property
    def order(self):
        return [item for batch in self.batches for item in batch]


async def asked(line, desk, *items, group=None):
    """Tasks that ask for these items one after another, each under its own name, and are all in the line."""
    tasks = []
    for item in items:
        tasks.append(asyncio.create_task(line.turn(desk, item, item, group)))
        await asyncio.sleep(0)
    return tasks


def test_few_compute_at_a_time_and_the_first_come_first():
    async def scene():
        line, desk = Line(at_once=2), Desk()
        tasks = await asked(line, desk, *"abcdefgh")
        desk.open.set()
        return desk, await asyncio.gather(*tasks)

    desk, replies = run(scene())
    assert replies == [f"for {item}" for item in "abcdefgh"]
    assert desk.most == 2
    assert sorted(desk.order[:2]) == ["a", "b"]
    assert all(abs(desk.order.index(item) - place) <= 1 for place, item in enumerate("abcdefgh"))


def test_who_waits_long_is_told_how_many_are_before_and_keeps_the_place():
    async def scene():
        line, desk = Line(at_once=1, patience=0.05), Desk()
        tasks = await asked(line, desk, "computing", "first", "second")
        told = await asyncio.gather(*tasks[1:], return_exceptions=True)
        line.patience = 20
        late = await asked(line, desk, "late")
        again = await asked(line, desk, "second", "first")  # both come back, in another order, after somebody new
        desk.open.set()
        await asyncio.gather(*tasks[:1], *late, *again)
        return told, desk.order

    told, order = run(scene())
    assert [(type(wait), wait.before, wait.again) for wait in told] == [(NotYet, 0, 0), (NotYet, 1, 0)]
    assert order == ["computing", "first", "second", "late"]


def test_a_newer_question_takes_the_place_of_the_older_which_is_never_computed():
    async def scene():
        line, desk = Line(at_once=1), Desk()
        begun = await asked(line, desk, "computing")
        older = asyncio.create_task(line.turn(desk, "older", "visitor"))
        await asyncio.sleep(0)
        others = await asked(line, desk, "somebody")
        newer = asyncio.create_task(line.turn(desk, "newer", "visitor"))
        await asyncio.sleep(0)
        desk.open.set()
        return await asyncio.gather(older, newer, *begun, *others, return_exceptions=True), desk.order

    (older, newer, *_), order = run(scene())
    assert isinstance(older, Replaced)
    assert newer == "for newer"
    assert order == ["computing", "newer", "somebody"]


def test_a_full_line_says_so_at_once():
    async def scene():
        line, desk = Line(at_once=1, most=2), Desk()
        tasks = await asked(line, desk, "computing", "a", "b", "c")
        with pytest.raises(NotYet) as full:
            await tasks.pop()
        desk.open.set()
        await asyncio.gather(*tasks)
        return full.value, await line.turn(desk, "later", "later")

    full, later = run(scene())
    assert full.before == 2
    assert full.again > 0
    assert later == "for later"


def test_the_place_of_who_never_asks_again_is_given_away(monkeypatch):
    monkeypatch.setattr(admission, "AWAY", 0.1)

    async def scene():
        line, desk = Line(at_once=1, patience=0.05, most=2), Desk()
        tasks = await asked(line, desk, "computing", "gone", "gone too")
        await asyncio.gather(*tasks[1:], return_exceptions=True)
        await asyncio.sleep(0.15)
        line.patience = 20
        tasks = [tasks[0], *await asked(line, desk, "here")]
        desk.open.set()
        await asyncio.gather(*tasks)
        return desk.order, dict(line.places)

    assert run(scene()) == (["computing", "here"], {})


def test_those_of_one_group_are_answered_together_up_to_a_limit():
    async def scene():
        line, desk = Line(at_once=1), Desk()
        tasks = await asked(line, desk, "computing")
        tasks += await asked(line, desk, *range(admission.TOGETHER + 2), group="cards")
        tasks += await asked(line, desk, "alone", "alone too")
        tasks += await asked(line, desk, "other", group="other cards")
        desk.open.set()
        return await asyncio.gather(*tasks), desk.batches

    replies, batches = run(scene())
    group = list(range(admission.TOGETHER + 2))
    assert batches == [["computing"], group[:-2], group[-2:], ["alone"], ["alone too"], ["other"]]
    assert replies == [f"for {item}" for item in ["computing", *group, "alone", "alone too", "other"]]


def test_after_work_that_raises_the_line_goes_on():
    def broken(items):
        raise MemoryError

    async def scene():
        line, desk = Line(at_once=1), Desk()
        desk.open.set()
        with pytest.raises(MemoryError):
            await line.turn(broken, "a", "a")
        return await line.turn(desk, "b", "b")

    assert run(scene()) == "for b"


# ---------- with the real models ----------


@pytest.fixture(scope="module")
def pool():
    return ModelPool()


def requests(pool):
    """Every example digit under noise of its own: cards and ladders, of two choices of models."""
    kinds = ("gaussian", "speckle", "salt-and-pepper")
    for place, (name, strokes) in enumerate(EXAMPLES.items()):
        shared = {"strokes": strokes, "kind": kinds[place % 3], "seed": place}
        yield shared | {"factors": [place / 20], "models": pool.featured}
        yield shared | {"factors": [1 - place / 20], "models": pool.featured[:2]}
        if name in "07":
            yield shared | {"factors": None, "models": pool.featured}


def test_simultaneous_visitors_get_their_own_digits_and_the_same_answers_as_alone(pool, monkeypatch):
    questions = [json.dumps(request) for request in requests(pool)]
    alone = [json.loads(answering(partial(denoise.compare, pool))([question])) for question in questions]
    sizes, sweep = [], pool.sweep
    monkeypatch.setattr(pool, "sweep", lambda asked, models: sizes.append(len(asked)) or sweep(asked, models))

    async def scene():
        call = in_line(Line(at_once=2, patience=60), denoise.together(pool))
        return await asyncio.gather(*(call([question, f"visitor {i}"]) for i, question in enumerate(questions)))

    for mine, theirs in zip(map(json.loads, run(scene())), alone, strict=True):
        assert mine["digit"] == theirs["digit"]
        assert (mine["names"], mine["factors"]) == (theirs["names"], theirs["factors"])
        pictures = [pixels(reply["pictures"]).astype(int) for reply in (mine, theirs)]
        assert np.array_equal(*(p[: PIXELS * len(mine["factors"])] for p in pictures))  # the noise is one's own
        assert np.abs(pictures[0] - pictures[1]).max() <= 1  # rounding: sums in another order
        figures = [np.array(reply["psnr"], float) for reply in (mine, theirs)]
        assert np.allclose(*figures, atol=0.02, equal_nan=True)
        assert np.allclose(mine["reads"], theirs["reads"], atol=2e-3)
    assert max(sizes) > 1
    assert sum(sizes) == len(questions)


def test_a_request_that_is_none_spoils_nobody_elses(pool):
    good = {"strokes": EXAMPLES["7"], "kind": "gaussian", "seed": 1, "factors": [0.5], "models": pool.featured}
    bad = ({"kind": "snow"}, {"strokes": []}, {"models": [["unet"]]}, {"strokes": [[[1e30, 0]]]})
    texts = [json.dumps(good | part) for part in ({}, *bad, {})]

    async def scene():
        call = in_line(Line(at_once=1, patience=60), denoise.together(pool))
        return await asyncio.gather(*(call([text, str(i)]) for i, text in enumerate(texts)))

    first, *middle, last = map(json.loads, run(scene()))
    assert first["digit"] == last["digit"]
    assert all(set(reply) == {"error"} for reply in middle)


@pytest.mark.parametrize("data", [None, 5, [], [5], ["{}", 7], ["{}", "n" * 1_000], ["[" * 100_000, "me"]])
def test_what_no_page_of_ours_sends_gets_a_sentence(pool, data):
    reply = json.loads(run(in_line(Line(), denoise.together(pool))(data)))
    assert set(reply) == {"error"}


def test_who_waits_is_answered_where_in_the_line_they_are():
    seen = threading.Event()

    def slow(request):
        seen.set()
        time.sleep(0.3)
        return {}

    async def scene():
        call = in_line(Line(at_once=1, patience=0.05), slow)
        begun = asyncio.create_task(call(["{}", "first"]))
        await asyncio.to_thread(seen.wait)
        told = json.loads(await call(["{}", "second"]))
        await begun
        return told, json.loads(await call(["{}", "second"]))

    assert run(scene()) == ({"waiting": 0, "again": 0}, {})


# ---------- in a browser ----------


def held(page, count):
    """All questions from now on, the first `count` of which are answered by whoever calls this."""
    routes = []

    def answer(route):
        routes.append(route)
        if len(routes) > count:
            route.continue_()

    page.route("**/component_server/**", answer)
    return routes


def wait_for(page, happened):
    """Until `happened()` is true."""
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def question(route):
    """What a page asks, and the name of its place in the line."""
    text, place = route.request.post_data_json["data"]
    return json.loads(text), place


@pytest.mark.slow
@pytest.mark.parametrize(("locale", "words"), [("en-US", "you are number {} in line"), ("zh-CN", "你排在第 {} 位")])
def test_who_waits_is_told_so_and_gets_the_newest_drawing_when_it_is_their_turn(new_page, locale, words):
    page = new_page(locale=locale)
    routes, line = held(page, 2), page.locator("#toast .say")
    draw(page)
    wait_for(page, lambda: len(routes) == 1)
    routes[0].fulfill(json=json.dumps({"waiting": 6, "again": 0}))
    expect(line).to_contain_text(words.format(7))
    wait_for(page, lambda: len(routes) == 2)
    draw(page, [(0.3, 0.55), (0.7, 0.55)])
    routes[1].fulfill(json=json.dumps({"waiting": 2, "again": 0}))
    expect(line).to_contain_text(words.format(3))
    settle(page)
    expect(line).to_be_hidden()
    assert "" not in pictures(page)
    questions, places = zip(*map(question, routes), strict=True)
    assert len(set(places)) == 1  # one place in line all the time
    assert questions[2]["strokes"] == page.evaluate("() => denoiser.state.strokes")
    assert questions[-1]["factors"] is None


@pytest.mark.slow
def test_a_ladder_that_is_no_longer_wanted_is_taken_back(new_page):
    page, ladders = new_page(), []

    def answer(route):
        if question(route)[0]["factors"] is None and not ladders:
            ladders.append(route)  # it waits in line
        else:
            route.continue_()

    page.route("**/component_server/**", answer)
    draw(page)
    wait_for(page, lambda: ladders)
    draw(page, [(0.3, 0.55), (0.7, 0.55)])
    settle(page)  # its cards and ladder came although the first ladder never did
    shown = pictures(page)
    ladders[0].fulfill(json=json.dumps({"replaced": True}))
    page.wait_for_timeout(300)
    assert pictures(page) == shown
    assert page.locator("#toast .say").is_hidden()
