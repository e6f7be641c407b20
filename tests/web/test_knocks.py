"""What strangers ask for that is not there: a status below 500, a sentence, and no line in the log. And the opposite: a
fault of ours is 500 and one line, wherever it happens."""

import asyncio
import base64
import logging
from types import SimpleNamespace

import httpx
import pytest
from helpers import digit_file, run_async
from starlette.exceptions import HTTPException

from denoiser.web.server import health
from denoiser.web.server.health import Health
from denoiser.web.server.middleware import Faults

API = "/gradio_api"
TRAIN_EVENT = {"data": ["{}"], "session_hash": "abc"}
DIGIT = base64.b64encode(digit_file()).decode()

KNOCKS = {
    "a stream of no session": ("GET", f"{API}/queue/data?session_hash=nobody", None),
    "a stream without a session": ("GET", f"{API}/queue/data", None),
    "an answer of no call": ("GET", f"{API}/call/denoise/{'0' * 32}", None),
    "an answer of no endpoint": ("GET", f"{API}/call/nobody/{'0' * 32}", None),
    "no endpoint": ("POST", f"{API}/call/nobody", {"data": []}),
    "no endpoint by name": ("POST", f"{API}/call/v2/nobody", {}),
    "no endpoint to run": ("POST", f"{API}/run/nobody", {"data": []}),
    "an event of the page": ("POST", f"{API}/call/leave", {"data": []}),
    "an event of the page to run": ("POST", f"{API}/run/begin", {"data": ["{}"]}),
    "no values": ("POST", f"{API}/run/denoise", {}),
    "no values for an event": ("POST", f"{API}/run/x", {"fn_index": 6}),
    "values of no list": ("POST", f"{API}/call/denoise", {"data": "x"}),
    "too few values": ("POST", f"{API}/run/denoise", {"data": []}),
    "too many values": ("POST", f"{API}/call/decode", {"data": [[0, 0], "", 1]}),
    "values by wrong names": ("POST", f"{API}/call/v2/denoise", {"image": "x", "nobody": 1}),
    "no value by name": ("POST", f"{API}/call/v2/denoise", {}),
    "no picture": ("POST", f"{API}/run/denoise", {"data": ["x", "", "gaussian", 0, 0, False]}),
    "values of other types": ("POST", f"{API}/run/denoise", {"data": [{}, [], {}, "x", None, 5]}),
    "an event of no number": ("POST", f"{API}/queue/join", TRAIN_EVENT | {"fn_index": "6"}),
    "an event that is not there": ("POST", f"{API}/queue/join", TRAIN_EVENT | {"fn_index": 99}),
    "an event of the browser": ("POST", f"{API}/queue/join", TRAIN_EVENT | {"fn_index": 0}),
    "an event without a session": ("POST", f"{API}/queue/join", {"data": ["{}"], "fn_index": 6}),
    "an event with other values": ("POST", f"{API}/queue/join", TRAIN_EVENT | {"fn_index": 6, "data": [1, 2]}),
    "a cancellation of nothing": ("POST", f"{API}/cancel", {}),
    "a function of no component": ("POST", f"{API}/component_server/", {"component_id": 10**6, "fn_name": "compare"}),
    "no function": ("POST", f"{API}/component_server/", {"component_id": 1}),
    "a function of no name": ("POST", f"{API}/component_server/", {"component_id": 1, "fn_name": ["compare"]}),
    "a file of no name": ("GET", "/static/%00", None),
    "a file of a long name": ("GET", "/static/" + "x" * 300, None),
    "a file elsewhere": ("GET", "/assets/..%2f..%2fetc/passwd", None),
    "a page that is not there": ("GET", "/nothing", None),
    "a log-in": ("POST", "/login", {"username": "x"}),
    "an old client's stream": ("GET", f"{API}/queue/join", None),
    "a long session": ("GET", f"{API}/heartbeat/{'x' * 200}", None),
    "a link of a later version": ("GET", "/?deep_link=%2e%2e", None),
    "a page of the configuration": ("GET", "/config?page=x&deep_link=x", None),
}


@pytest.fixture(scope="module")
def web(page_url):
    with httpx.Client(base_url=page_url, timeout=60) as client:
        yield client


@pytest.mark.slow
@pytest.mark.parametrize("knock", KNOCKS.values(), ids=KNOCKS)
def test_a_strangers_knock_is_no_fault(web, caplog, knock):
    method, path, body = knock
    answer = web.request(method, path, json=body)
    assert answer.status_code < 500
    if not path.startswith(("/?", "/config")):
        assert answer.status_code >= 400
    if path.startswith(API) and answer.headers["content-type"] == "application/json" and "fn_index" not in (body or {}):
        (sentence,) = {"detail", "error"} & answer.json().keys()
        assert answer.json()[sentence]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.slow
def test_the_name_in_the_path_says_which_endpoint_is_meant(web):
    answer = web.post(f"{API}/run/models", json={"data": [], "fn_index": 6, "batched": True})
    assert answer.status_code == 200
    assert "unet" in [model["name"] for model in answer.json()["data"][0]]


@pytest.mark.slow
def test_small_and_large_calls_give_the_same_answer(web):
    """The values of a large call take another way through Gradio's queue."""
    small = {"image": DIGIT, "model": "median", "noise_factor": 0.5, "seed": 3}
    padded = base64.b64encode(base64.b64decode(DIGIT) + bytes(300_000)).decode()  # what follows a PNG's end is ignored
    large = small | {"image": f"data:image/png;base64,{padded}"}
    answers = []
    for values in (small, large):
        for path, body in (
            ("call/v2/denoise", values),
            ("call/denoise", {"data": [values["image"], "median", "gaussian", 0.5, 3]}),  # the last one by default
        ):
            reply = web.post(f"{API}/{path}", json=body)
            assert reply.status_code == 200, (path, reply.status_code, reply.text[:300])
            event = reply.json()["event_id"]
            text = web.get(f"{API}/call/denoise/{event}").text
            assert "event: complete" in text
            answers.append(text)
        run = web.post(f"{API}/run/denoise", json={"data": [*body["data"], False]})
        assert run.status_code == 200
        answers.append(run.json()["data"][0]["psnr"])
    assert answers[0] == answers[1] == answers[3] == answers[4]
    assert answers[2] == answers[5]


@pytest.mark.slow
def test_an_answer_can_be_asked_for_while_its_call_is_under_way_and_not_by_another_name(web):
    event = web.post(f"{API}/call/v2/models", json={}).json()["event_id"]
    assert web.get(f"{API}/call/{'x' * 300}/{event}").status_code == 404
    assert web.get(f"{API}/call/models/{event}").status_code == 200


# ---------- faults of ours ----------


def reply_of(app, path="/"):
    """Status and body of an application's answer."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "path": path, "method": "GET", "query_string": b"", "headers": [], "client": None}
    run_async(app(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def raising(error, started=False):
    """An application that raises, once its answer has started or before."""

    async def app(scope, receive, send):
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    return app


def errors(caplog):
    """The facts of each error line."""
    return [record.facts for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("error", [OSError(28, "disk full"), RuntimeError("Visitor0815"), KeyError("x"), ValueError()])
def test_a_fault_is_500_and_one_line_with_type_and_place(caplog, error):
    status, body = reply_of(Faults(raising(error)))
    assert status == 500
    assert b"Visitor0815" not in body
    (line,) = errors(caplog)
    assert line["error"] == type(error).__name__
    assert "test_knocks.py:" in line["place"]
    assert line.get("errno") == ("ENOSPC" if isinstance(error, OSError) else None)


def test_a_stream_that_is_over_is_no_fault(caplog):
    error = RuntimeError("Caught handled exception, but response already started.")
    error.__cause__ = HTTPException(404)
    reply_of(Faults(raising(error, started=True)))
    assert errors(caplog) == []
    error.__cause__ = HTTPException(500)
    reply_of(Faults(raising(error, started=True)))
    assert len(errors(caplog)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/config", f"{API}/info?all_endpoints=true"])
def test_a_fault_inside_gradios_own_routes_is_seen(web, caplog, monkeypatch, path):
    import gradio.routes

    def broken(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gradio.routes.App, "get_blocks", broken)  # what each begins with; their replies may be cached
    answer = web.get(path, headers={"Host": "unseen.example"})  # the page is stored for each address
    assert answer.status_code == 500
    assert [line["errno"] for line in errors(caplog)] == ["ENOSPC"]


@pytest.mark.slow
def test_dead_threads_are_seen(web, caplog, monkeypatch):
    import anyio.to_thread

    async def dead(*arguments, **options):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(anyio.to_thread, "run_sync", dead)
    assert web.get("/config").status_code == 500
    assert [line["error"] for line in errors(caplog)] == ["RuntimeError"]


# ---------- /health ----------


class Page:
    """What stands for the page: an application's Blocks with a request queue."""

    def __init__(self, check):
        self.request_queue = SimpleNamespace(check=check)

    def get_blocks(self):
        return self


async def probe(app, check):
    """Status and answer of /health, and again after the check that the first probe may have started."""
    answers = []
    for _ in range(2):
        sent = []

        async def send(message, sent=sent):
            sent.append(message)

        scope = {"type": "http", "path": "/health", "method": "GET", "headers": [], "app": Page(check)}
        await app(scope, None, send)
        answers.append((sent[0]["status"], sent[1]["body"]))
        await asyncio.wait({app.check})
    return answers


async def page(scope, receive, send):
    """An application that is well."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def ill(scope, receive, send):
    """An application that answers 500, as Faults does."""
    await send({"type": "http.response.start", "status": 500, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def stuck(*arguments):
    """An application that never answers."""
    await asyncio.Event().wait()


async def well():
    """A request queue that works."""


async def dead():
    """A request queue without threads."""
    raise RuntimeError("cannot schedule new futures after shutdown")


async def standing():
    """A request queue in which nothing moves."""
    raise TimeoutError


@pytest.mark.parametrize(
    ("app", "queue", "reason"),
    [
        (page, well, None),
        (ill, well, "the page failed (RuntimeError)"),
        (raising(OSError(28, "Visitor0815")), well, "the page failed (OSError)"),
        (stuck, well, "the page does not answer"),
        (page, dead, "the request queue failed (RuntimeError)"),
        (page, standing, "the request queue does not answer"),
    ],
)
def test_health_looks_at_the_page_and_at_the_queue(monkeypatch, caplog, app, queue, reason):
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    monkeypatch.setattr(health, "EVERY", 0)
    (first, _), (second, body) = run_async(probe(Health(app), queue))
    assert first == 200  # nothing is known yet
    assert second == (200 if reason is None else 503)
    assert (b"reason" in body) == (reason is not None)
    assert [line["reason"] for line in errors(caplog)] == ([reason] if reason else [])  # once, not at each probe


def test_health_never_waits_for_the_page_and_recovers(monkeypatch):
    monkeypatch.setattr(health, "EVERY", 0)
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    now = Health(stuck)

    async def scene():
        broken = (await probe(now, well))[-1][0]
        now.app = page
        await probe(now, well)
        return broken, (await probe(now, well))[-1][0]

    assert run_async(scene()) == (503, 200)


@pytest.mark.slow
def test_the_whole_page_is_healthy(web, monkeypatch):
    monkeypatch.setattr(health, "EVERY", 0)
    for _ in range(3):
        answer = web.get("/health")
        assert answer.status_code == 200
        assert answer.json()["status"] == "ok"
