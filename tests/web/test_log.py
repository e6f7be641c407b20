"""The log: one line of JSON for each event, quiet unless it is asked for, and nothing of a visitor in it."""

import json
import logging
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial

import pytest

from denoiser.bench.browser import APP, answers, free_port
from denoiser.data.examples import EXAMPLES
from denoiser.ink import InkError
from denoiser.web.endpoint import unqueued
from denoiser.web.schemas import EmptyRequest
from denoiser.web.server import logging as log

SECRET = "Visitor0815"


@pytest.fixture
def written(monkeypatch, capsys, configure):
    """written(level) starts the log; a call of what comes back gives the events so far."""
    monkeypatch.setattr(logging.getLogger("denoiser"), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    before = log.logger.level, log.logger.propagate
    lines = []

    def start(level=None):
        configure(log_level=level or "warning")
        log.start()
        return events

    def events():
        lines.extend(json.loads(line) for line in capsys.readouterr().err.splitlines())
        return lines

    yield start
    log.logger.setLevel(before[0])
    log.logger.propagate = before[1]


def test_only_warnings_are_written_unless_more_is_asked_for(written):
    events = written()
    log.info("request", function="compare")
    log.warning("a model is missing", problem="x")
    assert [(event["level"], event["event"]) for event in events()] == [("warning", "a model is missing")]
    written("info")
    log.info("request", function="compare", ms=12.3456)
    assert events()[-1]["ms"] == 12.3
    assert len(events()) == 2  # starting twice writes nothing twice


def test_a_level_that_is_none_is_said_and_means_quiet(written):
    events = written("loud")
    log.info("request")
    assert [event["event"] for event in events()] == ["no such level"]


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, ValueError, KeyError, InkError])
def test_an_error_is_a_sentence_to_the_visitor_and_a_line_without_its_text(written, error):
    events = written("debug")

    def compare(request: EmptyRequest):
        raise error(f"what {SECRET} drew")

    reply = json.loads(unqueued(compare)([json.dumps({"strokes": EXAMPLES["3"], "name": SECRET})]))
    assert set(reply) == {"error"}
    assert len(events()) == (error is not InkError)  # what is wrong with a drawing is no event
    assert SECRET not in json.dumps(events())
    if events():
        assert events()[0]["error"] == error.__name__
        assert "test_log.py:" in events()[0]["place"]
        assert events()[0]["function"] == "compare"


# ---------- the whole server ----------


@contextmanager
def server(folder, level):
    """app.py in a process of its own: its address, and what it has written so far."""
    port, paths = free_port(), [folder / name for name in ("out", "err")]
    environment = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": str(port), log.VARIABLE: level}
    with paths[0].open("w") as out, paths[1].open("w") as err:
        process = subprocess.Popen([sys.executable, APP], env=os.environ | environment, stdout=out, stderr=err)
    try:
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None
        yield f"http://127.0.0.1:{port}", lambda: [path.read_text() for path in paths]
    finally:
        process.kill()
        process.wait()


def post(address, path, body, kind="application/json"):
    """Status and text of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": kind, "User-Agent": SECRET, "X-Forwarded-For": "198.51.100.77"}
    try:
        with urllib.request.urlopen(urllib.request.Request(address + path, data, headers), timeout=60) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
def test_nothing_of_a_visitor_is_in_the_log_whatever_they_send(tmp_path):
    call, component = "/gradio_api/call", "/gradio_api/component_server/"
    drawing = {"strokes": EXAMPLES["3"], "kind": "gaussian", "seed": 81546372, "models": ["median"], "factors": [0.5]}
    upload = b'--b\r\nContent-Disposition: form-data; name="files"; filename="Visitor0815.png"\r\n\r\nabc\r\n--b--\r\n'
    with server(tmp_path, "debug") as (address, written):
        with urllib.request.urlopen(f"{address}/config", timeout=60) as reply:
            board = next(c["id"] for c in json.load(reply)["components"] if c["props"].get("elem_id") == "board")
        ask = partial(post, address)
        body = {"component_id": board, "fn_name": "compare", "session_hash": SECRET}
        status, answer = ask(component, body | {"data": [json.dumps(drawing), SECRET]})
        assert status == 200
        assert "psnr" in answer
        damaged = [json.dumps(drawing | {part: SECRET}) for part in ("kind", "strokes", "models")]
        for data in (SECRET, [SECRET], *([text] for text in damaged)):
            ask(component, body | {"data": data})
        for none in (body | {"data": SECRET, "component_id": 10**6}, SECRET.encode()):
            assert ask(component, none)[0] >= 400
        for values in ([SECRET], [{"a": SECRET}] * 6, [SECRET, "unet", SECRET, 0.5, 1, False]):
            ask(f"{call}/denoise", {"data": values})
            ask("/gradio_api/run/denoise", {"data": values})
        ask(f"{call}/v2/denoise", {"image": SECRET})
        ask("/gradio_api/queue/join", {"data": [SECRET], "fn_index": SECRET, "session_hash": SECRET})
        ask("/gradio_api/upload", upload, "multipart/form-data; boundary=b")
        ask(f"/gradio_api/file={SECRET}?{SECRET}", b"")
        with urllib.request.urlopen(f"{address}/?link={SECRET}", timeout=60) as reply:
            assert reply.status == 200
        assert ask(component, body | {"data": [json.dumps(drawing), SECRET]})[1] == answer
        out, err = written()
    events = [json.loads(line) for line in err.splitlines()]
    assert [e["function"] for e in events if e["event"] == "request"].count("compare") >= 5
    assert all({"time", "level", "event"} <= set(event) for event in events)
    for private in (SECRET, "198.51.100.77", "127.0.0.1", "81546372", "strokes", "0.33"):
        assert private not in err, private
    assert SECRET not in out
    assert "Traceback" not in out + err


@pytest.mark.slow
def test_the_server_is_quiet_by_default(tmp_path):
    with server(tmp_path, "warning") as (address, written):
        with urllib.request.urlopen(address, timeout=60) as reply:
            assert reply.status == 200
        out, err = written()
    assert err == ""
    assert "GET" not in out
