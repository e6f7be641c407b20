"""One client against the Train page and the scripts' functions: whatever it does, the others train and are answered.

The attacker comes from 127.0.0.2, the others from 127.0.0.1.
"""

import itertools
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import wraps

import httpx
import pytest
from gradio.utils import LRUCache
from helpers import SMALL_DENSE
from web_fixtures import served
from weighing import neighbour, usual

from denoiser.web.api import Endpoints
from denoiser.web.serving import live_training
from denoiser.web.serving.model_pool import ModelPool

SESSIONS = 100  # whose messages are kept
HONEST, ATTACKER = "127.0.0.1", "127.0.0.2"


class Client:
    """A visitor's page, or a script, at an address."""

    def __init__(self, url: str, source: str):
        self.http = httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address=source), timeout=120)
        self.session = uuid.uuid4().hex
        config = self.http.get("/config").json()
        self.form = next(c["id"] for c in config["components"] if c["props"].get("elem_id") == "train_form")
        self.functions = {f["api_name"]: f["id"] for f in config["dependencies"]}

    def ask(self, function: str, **request) -> dict:
        """What the form asks."""
        body = {"component_id": self.form, "fn_name": function, "session_hash": self.session}
        body["data"] = [json.dumps(request), uuid.uuid4().hex]
        return json.loads(self.http.post("/gradio_api/component_server/", json=body).json())

    def join(self, values: list, function: str = "begin", session: str | None = None) -> httpx.Response:
        """A place in Gradio's queue."""
        body = {"data": values, "fn_index": self.functions[function], "session_hash": session or self.session}
        return self.http.post("/gradio_api/queue/join", json=body)

    def begin(self, ticket: str, **settings) -> httpx.Response:
        """A training."""
        return self.join([json.dumps({"ticket": ticket, "settings": SMALL_DENSE | settings})])

    def messages(self):
        """What arrives for this session."""
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line[6:])

    def snapshots(self):
        """What a training shows, until it is over."""
        for message in self.messages():
            assert message["msg"] != "unexpected_error", message
            if message["msg"] in ("process_generating", "process_completed"):
                for value in message["output"].get("data") or ():
                    if isinstance(value, list):  # Gradio sends what differs: all of it
                        ((_, _, value),) = value
                    if isinstance(value, str):
                        yield json.loads(value)

    def call(self, function: str, *values) -> httpx.Response:
        """The first of the two requests of a script's call."""
        return self.http.post(f"/gradio_api/call/{function}", json={"data": list(values)})


@pytest.fixture
def few_models(monkeypatch):
    """A page of few models starts sooner."""
    monkeypatch.setattr("denoiser.web.serving.model_pool.list_models", lambda: ["dense-16", "conv-64", "median"])


@pytest.fixture
def few_sessions(monkeypatch):
    """Few sessions have their messages kept: in our queue, and in Gradio's."""
    monkeypatch.setattr("gradio.queueing.LRUCache", lambda size: LRUCache(SESSIONS))
    monkeypatch.setattr("denoiser.web.gradio_queue.MOST_SESSIONS", SESSIONS, raising=False)


@pytest.fixture
def url(few_strokes, few_models, monkeypatch):
    """The page's address."""
    monkeypatch.setattr(live_training, "HANG_SECONDS", 600.0, raising=False)  # longer than any test
    with served() as address:
        yield address.rstrip("/")


@pytest.fixture
def steady(monkeypatch):
    """Trainings that show the same snapshot again and again, and take no time for it."""
    real = live_training.training_snapshots

    def snapshots(settings):
        (snapshot,) = itertools.islice(real(settings), 1)
        for number in itertools.count(1):
            yield replace(snapshot, steps=number)
            time.sleep(0.1)

    monkeypatch.setattr(live_training, "training_snapshots", snapshots)


class Watching(threading.Thread):
    """A visitor's page during its training: it reads what arrives, and is heard of every second."""

    def __init__(self, url: str):
        super().__init__(daemon=True)
        self.url, self.page, self.asking = url, Client(url, HONEST), Client(url, HONEST)
        self.steps, self.ended, self.problem = 0, False, ""
        self.ticket = self.page.ask("wait")["ticket"]
        assert self.page.begin(self.ticket).status_code == 200
        self.start()

    def run(self) -> None:
        """Read and ask until stopped."""
        heard = time.monotonic()
        try:
            for snapshot in self.page.snapshots():
                self.steps = snapshot.get("steps", self.steps)
                if time.monotonic() - heard > 1 and not self.ended:
                    heard = time.monotonic()
                    self.asking.ask("wait", ticket=self.ticket)
        except Exception as error:
            self.problem = repr(error)
        if not self.ended:
            self.problem = self.problem or "the stream ended"

    def check(self) -> None:
        """Snapshots still arrive."""
        steps, deadline = self.steps, time.monotonic() + 60
        while self.steps == steps:
            assert not self.problem, self.problem
            assert time.monotonic() < deadline, "nothing arrives any more"
            time.sleep(0.05)


@pytest.fixture
def training(url, steady):
    """A visitor whose training runs."""
    visitor = Watching(url)
    visitor.check()
    yield visitor
    visitor.ended = True
    visitor.asking.ask("stop", ticket=visitor.ticket)
    visitor.join(30)


def test_two_visitors_train_at_the_same_time_where_that_is_set(few_strokes, few_models, monkeypatch, configure):
    configure(trainings=2)
    real, both = live_training.training_snapshots, threading.Barrier(2, timeout=60)

    def snapshots(settings):
        """After its first snapshot, each training waits for the other's."""
        for number, snapshot in enumerate(itertools.islice(real(settings), 3)):
            yield snapshot
            if number == 0:
                both.wait()

    monkeypatch.setattr(live_training, "training_snapshots", snapshots)
    with served() as address, ThreadPoolExecutor(2) as threads:
        visitors = [Client(address.rstrip("/"), HONEST) for _ in range(3)]
        answers = [visitor.ask("wait") for visitor in visitors]
        assert [answer["before"] for answer in answers] == [0, 0, 2]
        for visitor, answer in zip(visitors[:2], answers, strict=False):
            assert visitor.begin(answer["ticket"]).status_code == 200
        assert visitors[2].begin(answers[2]["ticket"]).status_code == 409
        for shown in threads.map(lambda visitor: list(visitor.snapshots()), visitors[:2]):
            assert not any("error" in snapshot for snapshot in shown)
            assert shown[-1]["over"]
        visitors[2].ask("stop", ticket=answers[2]["ticket"])
        assert visitors[2].ask("wait")["before"] == 0


def test_requests_to_begin_without_a_ticket_leave_the_queue_to_the_others(training):
    attacker, script = Client(training.url, ATTACKER), Client(training.url, HONEST)
    for _ in range(70):
        assert 400 <= attacker.join(["x"]).status_code < 500
        assert 400 <= attacker.begin("made up").status_code < 500
    assert script.call("models").status_code == 200
    training.check()


def test_of_one_ticket_one_request_to_begin_waits(url, steady):
    visitor = Client(url, HONEST)
    ticket = visitor.ask("wait")["ticket"]
    found = [visitor.begin(ticket).status_code for _ in range(5)]
    assert found == [200, 409, 409, 409, 409]


def test_functions_of_the_page_alone_are_not_for_scripts(url):
    client = Client(url, ATTACKER)
    private = [name for name in client.functions if name in ("begin", "leave")]
    assert private == ["begin", "leave"]
    models = client.http.post("/gradio_api/api/models", json={"data": []}).json()["data"]
    for name in private:
        values = ["x"] if name == "begin" else []
        answers = [
            client.call(name, *values),
            client.http.post(f"/gradio_api/call/v2/{name}", json={}),
            client.http.post(f"/gradio_api/run/{name}", json={"data": values}),
        ]
        assert all(400 <= answer.status_code < 500 for answer in answers), [a.status_code for a in answers]
        by_number = {"data": [], "fn_index": client.functions[name]}  # the name in the address counts
        assert client.http.post("/gradio_api/api/models", json=by_number).json()["data"] == models
    assert 400 <= client.join([], "leave").status_code < 500
    assert 400 <= client.join([], session="x" * 20).status_code < 500


def test_one_client_does_not_take_all_places_of_the_training_line(url):
    attacker, visitor = Client(url, ATTACKER), Client(url, HONEST)
    tickets = [attacker.ask("wait").get("ticket") for _ in range(60)]
    assert tickets.count(None) >= 10
    assert visitor.ask("wait")["before"] == 1


def test_one_client_does_not_fill_gradios_queue(few_models, monkeypatch):
    computed, release = [], threading.Semaphore(0)

    @wraps(Endpoints.denoise)
    def denoise(self, *values):
        computed.append(values[0])
        release.acquire(timeout=60)

    monkeypatch.setattr(Endpoints, "denoise", denoise)
    with served() as address:
        attacker, script = Client(address, ATTACKER), Client(address, HONEST)
        values = ["", "gaussian", 0.0, 0, False]
        found = [attacker.call("denoise", "flood", *values).status_code for _ in range(70)]
        assert script.call("denoise", "honest", *values).status_code == 200
        assert found.count(429) >= 30
        release.release(100)
        deadline = time.monotonic() + 60
        while "honest" not in computed:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert computed.index("honest") <= 4  # two were under way, and one of each client is of this round


def test_more_joins_by_one_client_than_sessions_are_kept_end_no_stream_of_another(few_sessions, training):
    attacker = Client(training.url, ATTACKER)
    place = {"data": [], "fn_index": attacker.functions["models"]}
    before = usual(training.url, 20)
    with neighbour(training.url) as stroke:
        for number in range(2 * SESSIONS):
            attacker.http.post("/gradio_api/queue/join", json=place | {"session_hash": f"flood-{number}"})
            if number % 10 == 0:
                training.check()
    training.check()
    assert not stroke.errors
    assert stroke.p95 < 3 * before + 100


def test_a_training_that_hangs_frees_the_tab(few_strokes, few_models, monkeypatch):
    limit, release = 4.0, threading.Event()

    def hangs(settings):
        release.wait(60)
        yield live_training.Failure("late")

    real = live_training.training_snapshots
    monkeypatch.setattr(live_training, "training_snapshots", hangs)
    monkeypatch.setattr(live_training, "HANG_SECONDS", limit, raising=False)
    with served() as address:
        first, second = Client(address, HONEST), Client(address, HONEST)
        assert first.begin(first.ask("wait")["ticket"]).status_code == 200
        deadline = time.monotonic() + limit + 30
        place = second.ask("wait")
        while place["before"] or not place["ticket"]:
            assert time.monotonic() < deadline, "the tab is taken for ever"
            time.sleep(0.2)
            place = second.ask("wait", ticket=place["ticket"])
        monkeypatch.setattr(live_training, "training_snapshots", real)
        assert second.begin(place["ticket"]).status_code == 200
        assert "pictures" in next(second.snapshots())
        assert "error" in next(first.snapshots())
        second.ask("stop", ticket=place["ticket"])
        release.set()


def test_forty_short_trainings_by_one_client_push_out_no_model(few_strokes, few_models):
    pool = ModelPool()
    with served(pool) as address:
        victim = pool.user_models.add(pool.models["median"], {}, "victim")
        attacker = Client(address, ATTACKER)
        for _ in range(41):
            attacker.session = uuid.uuid4().hex
            place = attacker.ask("wait")
            while place["before"] or not place["ticket"]:
                time.sleep(0.05)
                place = attacker.ask("wait", ticket=place["ticket"])
            assert attacker.begin(place["ticket"]).status_code == 200
            shown = attacker.snapshots()
            next(shown)
            attacker.ask("stop", ticket=place["ticket"])
            assert list(shown)
        assert pool.user_models.get(victim)
        assert len(pool.user_models) == 1
