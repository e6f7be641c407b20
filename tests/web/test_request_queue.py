"""The request queue: whose turn it is, what those who wait are told, and that no replies are mixed up."""

import asyncio
import gc
import json
import threading
import time
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
from helpers import pixels, run_async
from playwright.sync_api import expect
from web_fixtures import draw, pictures, settle

from denoiser.data import PIXELS
from denoiser.data.examples import EXAMPLES
from denoiser.web.denoise import handlers as denoise
from denoiser.web.denoise.schemas import PictureRequest
from denoiser.web.endpoint import MAX_KEPT, as_endpoint, queued, unqueued
from denoiser.web.schemas import EmptyRequest
from denoiser.web.server import request_queue
from denoiser.web.server.request_queue import Forgotten, Queued, RequestQueue, Superseded
from denoiser.web.serving.model_pool import ModelPool


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


def queue_of(workers=1, **options):
    """A request queue with one lane of so many workers."""
    return RequestQueue({"page": workers}, **options)


async def asked(queue, desk, *items, group=None, client=None):
    """Tasks that ask for these items one after another, each under its own key, and all wait."""
    tasks = []
    for item in items:
        tasks.append(asyncio.create_task(queue.submit(desk, item, item, group=group, client=client)))
        await asyncio.sleep(0)
    return tasks


def test_few_compute_at_a_time_and_the_first_come_first():
    async def scene():
        queue, desk = queue_of(2), Desk()
        tasks = await asked(queue, desk, *"abcdefgh")
        desk.open.set()
        return desk, await asyncio.gather(*tasks)

    desk, replies = run_async(scene())
    assert replies == [f"for {item}" for item in "abcdefgh"]
    assert desk.most == 2
    assert sorted(desk.order[:2]) == ["a", "b"]
    assert all(abs(desk.order.index(item) - place) <= 1 for place, item in enumerate("abcdefgh"))


def test_a_request_that_waits_long_is_told_its_position_and_keeps_it():
    async def scene():
        queue, desk = queue_of(patience=0.05), Desk()
        tasks = await asked(queue, desk, "computing", "first", "second")
        told = await asyncio.gather(*tasks[1:], return_exceptions=True)
        queue.patience = 20
        late = await asked(queue, desk, "late")
        # both come back, after somebody new and in another order, one of them with its request
        again = [asyncio.create_task(queue.resume("second")), *await asked(queue, desk, "first")]
        await asyncio.sleep(0)
        desk.open.set()
        await asyncio.gather(*tasks[:1], *late, *again)
        return told, desk.order

    told, order = run_async(scene())
    assert [(type(wait), wait.position, wait.retry_after, wait.kept) for wait in told] == [
        (Queued, 0, 0, True),
        (Queued, 1, 0, True),
    ]
    assert order == ["computing", "first", "second", "late"]


def test_a_newer_request_takes_the_place_of_the_older_which_is_never_computed():
    async def scene():
        queue, desk = queue_of(), Desk()
        begun = await asked(queue, desk, "computing")
        older = asyncio.create_task(queue.submit(desk, "older", "visitor"))
        await asyncio.sleep(0)
        others = await asked(queue, desk, "somebody")
        newer = asyncio.create_task(queue.submit(desk, "newer", "visitor"))
        await asyncio.sleep(0)
        desk.open.set()
        return await asyncio.gather(older, newer, *begun, *others, return_exceptions=True), desk.order

    (older, newer, *_), order = run_async(scene())
    assert isinstance(older, Superseded)
    assert newer == "for newer"
    assert order == ["computing", "newer", "somebody"]


@pytest.mark.parametrize("full", ["all", "client"])
def test_a_full_queue_says_so_at_once(monkeypatch, full):
    if full == "client":
        monkeypatch.setattr(request_queue, "MOST_OF_CLIENT", 2)

    async def scene():
        queue, desk = queue_of(capacity=2 if full == "all" else 100), Desk()
        tasks = await asked(queue, desk, "computing", "a", "b", "c", client="one")
        with pytest.raises(Queued) as refusal:
            await tasks.pop()
        if full == "client":
            tasks += await asked(queue, desk, "d", client="another")
        desk.open.set()
        await asyncio.gather(*tasks)
        return refusal.value, await queue.submit(desk, "later", "later", client="one")

    refusal, later = run_async(scene())
    assert refusal.position == 2
    assert refusal.retry_after > 0
    assert later == "for later"


def test_the_place_of_a_client_that_never_comes_back_is_given_away(monkeypatch):
    monkeypatch.setattr(request_queue, "RETURN", 0.1)

    async def scene():
        queue, desk = queue_of(patience=0.05, capacity=2), Desk()
        tasks = await asked(queue, desk, "computing", "gone", "gone too")
        await asyncio.gather(*tasks[1:], return_exceptions=True)
        await asyncio.sleep(0.15)
        queue.patience = 20
        tasks = [tasks[0], *await asked(queue, desk, "here")]
        desk.open.set()
        await asyncio.gather(*tasks)
        return desk.order, dict(queue.tickets), dict(queue.clients)

    assert run_async(scene()) == (["computing", "here"], {}, {})


def test_a_request_is_resumed_only_while_the_queue_keeps_it(monkeypatch):
    monkeypatch.setattr(request_queue, "RETURN", 0.1)

    async def scene():
        queue, desk = queue_of(patience=0.05), Desk()
        tasks = await asked(queue, desk, "computing")
        with pytest.raises(Queued) as refusal:
            await queue.submit(desk, "large", "large", keep=False)
        tasks += await asked(queue, desk, "slow to return")
        await asyncio.wait({tasks.pop()})
        await asyncio.sleep(0.15)
        queue.drop_expired()
        for key in ("large", "slow to return", "nobody"):
            with pytest.raises(Forgotten):
                await queue.resume(key)
        desk.open.set()
        await asyncio.gather(*tasks)
        return refusal.value.kept, desk.order

    assert run_async(scene()) == (False, ["computing"])


@pytest.mark.parametrize("end", ["answered", "replaced", "not kept", "never resumed", "no room", "left", "failed"])
def test_what_a_request_holds_is_released_once(monkeypatch, end):
    monkeypatch.setattr(request_queue, "RETURN", 0.1)
    released = []

    def failing(items):
        raise MemoryError

    async def scene():
        queue, desk = queue_of(patience=0.05, capacity=1 if end == "no room" else 100), Desk()
        tasks = await asked(queue, desk, "computing", *(["waits"] if end == "no room" else []))
        mine = asyncio.create_task(
            queue.submit(
                failing if end == "failed" else desk,
                "mine",
                "mine",
                patience=20 if end in ("answered", "left", "failed") else None,
                keep=end != "not kept",
                release=lambda: released.append(end),
            )
        )
        await asyncio.sleep(0)
        before = [*released]
        if end == "left":
            mine.cancel()
        if end == "replaced":
            tasks += await asked(queue, desk, "mine")
        if end in ("answered", "failed"):
            desk.open.set()
        await asyncio.wait({mine})
        if end == "never resumed":
            await asyncio.sleep(0.15)
            queue.drop_expired()
        found = before, [*released]
        desk.open.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        return found

    assert run_async(scene()) == ([end] if end == "no room" else [], [end])
    assert released == [end]


def test_those_of_one_group_are_answered_together_up_to_a_limit():
    async def scene():
        queue, desk = queue_of(), Desk()
        tasks = await asked(queue, desk, "computing")
        tasks += await asked(queue, desk, *range(request_queue.MAX_BATCH + 2), group="cards")
        tasks += await asked(queue, desk, "alone", "alone too")
        tasks += await asked(queue, desk, "other", group="other cards")
        desk.open.set()
        return await asyncio.gather(*tasks), desk.batches

    replies, batches = run_async(scene())
    group = list(range(request_queue.MAX_BATCH + 2))
    assert batches == [["computing"], group[:-2], group[-2:], ["alone"], ["alone too"], ["other"]]
    assert replies == [f"for {item}" for item in ["computing", *group, "alone", "alone too", "other"]]


def test_clients_take_turns():
    async def scene():
        queue, desk = queue_of(), Desk()
        tasks = await asked(queue, desk, "computing", *(f"greedy {i}" for i in range(5)), client="greedy")
        tasks += await asked(queue, desk, "modest", client="modest")
        tasks += await asked(queue, desk, "unknown")
        desk.open.set()
        await asyncio.gather(*tasks)
        return desk.order

    assert run_async(scene()) == ["computing", "greedy 0", "modest", "unknown", *(f"greedy {i}" for i in range(1, 5))]


def test_lanes_do_not_wait_for_each_other():
    async def scene():
        queue, slow, quick = RequestQueue({"page": 1, "live": 1}), Desk(), Desk()
        quick.open.set()
        tasks = await asked(queue, slow, "slow", "next")
        reply = await queue.submit(quick, "stroke", "stroke", "live")
        slow.open.set()
        await asyncio.gather(*tasks)
        return reply

    assert run_async(scene()) == "for stroke"


def test_after_work_that_raises_the_queue_goes_on():
    def broken(items):
        raise MemoryError

    async def scene():
        queue, desk = queue_of(), Desk()
        desk.open.set()
        with pytest.raises(MemoryError):
            await queue.submit(broken, "a", "a")
        return await queue.submit(desk, "b", "b")

    assert run_async(scene()) == "for b"


def test_a_request_whose_client_left_is_not_computed():
    async def scene():
        queue, desk = queue_of(), Desk()
        begun, left = await asked(queue, desk, "computing", "left")
        left.cancel()
        await asyncio.wait({left})
        desk.open.set()
        await begun
        return desk.order, queue.tickets

    assert run_async(scene()) == (["computing"], {})


def test_work_that_fails_after_its_client_left_ends_quietly(caplog):
    desk = Desk()

    def failing(items):
        desk(items)
        raise MemoryError

    async def scene():
        queue = queue_of()
        (task,) = await asked(queue, failing, "left")
        while not desk.batches:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})
        desk.open.set()
        return await queue.submit(desk, "next", "next")

    assert run_async(scene()) == "for next"
    gc.collect()  # asyncio complains of an exception that nobody asked for when its future goes
    assert caplog.records == []


@pytest.mark.parametrize("state", ["idle", "busy", "full", "stuck", "dead"])
def test_a_stuck_queue_is_told_from_a_busy_one(monkeypatch, state):
    monkeypatch.setattr(request_queue, "CHECK", 0.2)

    async def scene():
        queue, desk = RequestQueue({"page": 1, "live": 1}, capacity=5 if state == "full" else 100), Desk()
        if state == "dead":
            queue.lanes["live"].threads.shutdown()
        elif state in ("busy", "full"):
            tasks = [asyncio.create_task(queue.submit(sleepy, i, i)) for i in range(6 if state == "full" else 10)]
            await asyncio.sleep(0)
        elif state == "stuck":
            tasks = await asked(queue, desk, "hanging")
        try:
            await queue.check()
        finally:
            desk.open.set()
            if state in ("busy", "full", "stuck"):
                await asyncio.gather(*tasks)

    def sleepy(items):
        time.sleep(0.05)
        return items

    expected = {"stuck": TimeoutError, "dead": RuntimeError}.get(state)
    with pytest.raises(expected) if expected else nullcontext():
        run_async(scene())


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


def call_of(endpoint, queue):
    """An endpoint behind a request queue, as the browser calls it."""
    return partial(queued(endpoint), queue=queue)


def test_simultaneous_visitors_get_their_own_digits_and_the_same_answers_as_alone(pool, monkeypatch):
    questions = [json.dumps(request) for request in requests(pool)]
    alone = [json.loads(unqueued(partial(denoise.compare, pool))([question])) for question in questions]
    sizes, sweep = [], pool.sweep
    monkeypatch.setattr(pool, "sweep", lambda asked, *rest: sizes.append(len(asked)) or sweep(asked, *rest))

    async def scene():
        call = call_of(denoise.board_endpoint(pool), RequestQueue({"live": 2}, patience=60))
        return await asyncio.gather(*(call([question, f"visitor {i}"]) for i, question in enumerate(questions)))

    for mine, theirs in zip(map(json.loads, run_async(scene())), alone, strict=True):
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
        call = call_of(denoise.board_endpoint(pool), RequestQueue({"live": 1}, patience=60))
        return await asyncio.gather(*(call([text, str(i)]) for i, text in enumerate(texts)))

    first, *middle, last = map(json.loads, run_async(scene()))
    assert first["digit"] == last["digit"]
    assert all(set(reply) == {"error"} for reply in middle)


@pytest.mark.parametrize("data", [None, 5, [], [5], ["{}", 7], ["{}", "n" * 1_000], ["[" * 100_000, "me"]])
def test_what_no_page_of_ours_sends_gets_a_sentence(pool, data):
    reply = json.loads(run_async(call_of(denoise.board_endpoint(pool), RequestQueue())(data)))
    assert set(reply) == {"error"}


def test_a_waiting_request_is_answered_with_its_position():
    seen = threading.Event()

    def slow(request: EmptyRequest):
        seen.set()
        time.sleep(0.3)
        return {}

    async def scene():
        call = call_of(as_endpoint(slow), queue_of(patience=0.05))
        begun = asyncio.create_task(call(["{}", "first"]))
        await asyncio.to_thread(seen.wait)
        told = json.loads(await call(["{}", "second"]))
        await begun
        return told, json.loads(await call(["{}", "second"]))

    assert run_async(scene()) == ({"waiting": 0, "again": 0, "kept": True}, {})


def test_a_request_that_waits_is_not_sent_again():
    seen, asked_for = threading.Event(), []

    def slow(request: PictureRequest):
        asked_for.append(request.is_noisy_input)
        seen.set()
        time.sleep(0.3)
        return {"is_noisy_input": request.is_noisy_input}

    async def scene():
        call = call_of(as_endpoint(slow), queue_of(patience=0.05))
        begun = asyncio.create_task(call([json.dumps({"content": "AAAA"}), "first"]))
        await asyncio.to_thread(seen.wait)
        large = {"content": "AAAA", "more": "-" * MAX_KEPT}
        told = [
            json.loads(await call([json.dumps(request), name]))
            for name, request in (("second", {"content": "AAAA", "is_noisy_input": True}), ("large", large))
        ]
        again = [json.loads(await call([None, name])) for name in ("large", "nobody")]
        await begun
        return [reply["kept"] for reply in told], again, json.loads(await call([None, "second"]))

    assert run_async(scene()) == ([True, False], [{"forgotten": True}] * 2, {"is_noisy_input": True})
    assert asked_for == [False, True]


def test_pages_without_an_address_take_turns():
    order = []

    def noting(request: EmptyRequest):
        time.sleep(0.02)
        return {}

    async def scene():
        call = call_of(as_endpoint(noting), queue_of())

        async def ask(name):
            await call(["{}", name])
            order.append(name)

        await asyncio.gather(*(ask(name) for name in ("a.1", "a.2", "a.3", "b.1")))

    run_async(scene())
    assert order == ["a.1", "a.2", "b.1", "a.3"] or order == ["a.1", "b.1", "a.2", "a.3"]


# ---------- in a browser ----------


def asks_to_compare(route):
    """Whether a request is one of the board's; others are let through."""
    if route.request.post_data_json["fn_name"] == "compare":
        return True
    route.continue_()
    return False


class Held:
    """All comparisons that a page asks for from now on, answered by whoever calls `answer` until `release`."""

    def __init__(self, page):
        self.routes, self.released = [], False
        page.route("**/component_server/**", self.hold)

    def hold(self, route):
        if not asks_to_compare(route):
            return
        self.routes.append(route)
        if self.released:
            route.continue_()

    def answer(self, number, **reply):
        self.routes[number].fulfill(json=json.dumps(reply))

    def release(self, numbers):
        self.released = True
        for number in numbers:
            self.routes[number].continue_()


def wait_for(page, happened):
    """Until `happened()` is true."""
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def question(route):
    """What a page asks, None where that is what it waits for already, and the name of its place in the line."""
    text, place = route.request.post_data_json["data"]
    return text and json.loads(text), place


@pytest.mark.slow
@pytest.mark.parametrize(("locale", "words"), [("en-US", "you are number {} in line"), ("zh-CN", "你排在第 {} 位")])
def test_who_waits_is_told_so_and_gets_the_newest_drawing_when_it_is_their_turn(new_page, locale, words):
    page = new_page(locale=locale)
    held, line = Held(page), page.locator("#toast .say")
    page.locator("#pad [data-name='4']").click()
    wait_for(page, lambda: len(held.routes) == 2)
    held.answer(1, waiting=8, again=0, kept=True)
    held.answer(0, waiting=6, again=0, kept=True)
    expect(line).to_contain_text(words.format(7))
    wait_for(page, lambda: len(held.routes) == 4)
    assert [question(route)[0] for route in held.routes[2:]] == [None, None]  # the server has the drawing
    for number in (2, 3):
        held.answer(number, waiting=2, again=0, kept=True)
    expect(line).to_contain_text(words.format(3))
    wait_for(page, lambda: len(held.routes) == 6)
    draw(page, [(0.3, 0.55), (0.7, 0.55)])
    held.release(range(4, len(held.routes)))
    settle(page)
    expect(line).to_be_hidden()
    assert "" not in pictures(page)
    asked = [question(route) for route in held.routes]
    assert len({ticket for _, ticket in asked}) == 2  # one place for cards and one for sweeps, all the time
    assert [request for request, _ in asked if request][-1]["strokes"] == page.evaluate("() => denoiser.state.strokes")


@pytest.mark.slow
def test_after_a_stroke_cards_and_sweep_are_asked_for_before_any_answer(new_page):
    page, routes = new_page(), []
    page.route("**/component_server/**", lambda route: asks_to_compare(route) and routes.append(route))
    page.locator("#pad [data-name='4']").click()
    wait_for(page, lambda: len(routes) == 2)
    assert [question(route)[0]["factors"] for route in routes] == [[0.5], None]
    for route in routes:
        route.continue_()
    settle(page)
    assert len(routes) == 2


@pytest.mark.slow
def test_a_ladder_that_is_no_longer_wanted_is_taken_back(new_page):
    page, ladders = new_page(), []

    def answer(route):
        request, _ = question(route)
        if request and request["factors"] is None and not ladders:
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
