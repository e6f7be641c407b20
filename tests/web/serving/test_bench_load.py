"""bench load: visitors who ask as a browser does, on this machine alone, and the figures that come of it."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from web_fixtures import settle

from denoiser import cli
from denoiser.bench import BenchError, load, visitors
from denoiser.data.examples import EXAMPLES


def step(count, p95, errors=0):
    times = {"pen_up_to_sweep": {"p95": p95}}
    return {"visitors": count, "ms": times, "errors": {"a fault": errors} if errors else {}}


@pytest.mark.parametrize("limit", [1, 7, 49, 50, 63, 99, 100, 250])
def test_the_knee_is_found_between_the_last_good_step_and_the_first_that_is_not(limit):
    def measured(count):
        return step(count, 100 if count <= limit else 2_000)

    steps = [measured(count) for count in (1, 10, 50, 100)]
    knee = load.find_knee(steps, measured)
    assert knee["good"] <= limit
    if limit >= 100:
        assert knee == {"good": 100, "bad": None}
    else:
        assert limit < knee["bad"] <= knee["good"] + max(1, knee["bad"] // 10)
    assert len(steps) < 12


def test_an_error_is_never_good_and_the_knee_may_be_nowhere():
    assert load.find_knee([step(1, 10, errors=1)], None) == {"good": None, "bad": 1}
    assert not load.meets_goal({"errors": {}, "ms": {}})  # nobody was answered


@pytest.mark.parametrize(
    "address", ["http://192.0.2.1:7860", "https://127.0.0.1:7860", "http://", "nonsense", "http://[::2]:80"]
)
def test_no_other_machine_is_put_under_load(address):
    with pytest.raises(BenchError):
        load.measure(address=address)


def test_of_loopback_addresses_any_will_do():
    for address in ("http://127.0.0.1:7860", "http://localhost:7860/", "http://[::1]:7860"):
        assert load.loopback(address) == address.rstrip("/")


@pytest.mark.parametrize("options", [{"visitors": [0]}, {"visitors": [5_000]}, {"seconds": 1e6}, {"soak": 1e6}])
def test_it_is_bounded_in_number_and_time(options):
    with pytest.raises(BenchError, match=r"\d"):
        load.measure(**options)


@pytest.mark.parametrize(
    "arguments",
    [["serving", "--visitors", "3"], ["load", "--visitors", "0"], ["load", "--address", "http://192.0.2.1"]],
)
def test_what_cannot_be_measured_is_a_sentence(arguments, capsys):
    assert cli.main(["bench", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.startswith("denoiser: ")
    assert line.count("\n") == 1


def test_a_stroke_is_walked_evenly_from_end_to_end():
    path = visitors.resample([(0, 0), (0, 1), (0, 1), (3, 1)], 9)
    assert path == [(0, 0), (0, 0.5), (0, 1), (0.5, 1), (1, 1), (1.5, 1), (2, 1), (2.5, 1), (3, 1)]


def test_memory_is_compared_by_the_minute():
    minute = round(60 / load.SAMPLE_EVERY)
    assert load.growth([100.0] * minute + [5_000.0] + [130.0] * minute) == 30
    assert load.growth([100.0] * minute) is None


@pytest.mark.slow
def test_visitors_ask_for_comparisons_as_the_page_in_a_browser_does(new_page, page_url):
    """They do not ask for the code that the picture of an autoencoder shows."""
    page, seen = new_page(), []
    page.on("request", lambda request: "component_server" in request.url and seen.append(request))
    page.get_by_role("button", name="Example 3").click()
    settle(page)
    sent = [(request.url, request.post_data_json) for request in seen]
    sent = [(url, body) for url, body in sent if body["fn_name"] == "compare"]

    found = []

    class Client:
        """Notes what a visitor sends."""

        async def request(self, method, url, json=None):
            found.append((url, json))
            raise httpx.HTTPError("enough")

    visitor = load.Visitor(Client(), load.find_page(page_url.rstrip("/")), load.Tally(), 0)
    visitor.strokes = EXAMPLES["3"]
    with ThreadPoolExecutor(1) as other:
        for channel, factors in ((visitor.card_requests, [0.5]), (visitor.sweep_requests, None)):
            request = visitor.call("compare", visitor.question(factors), channel.ticket)
            other.submit(asyncio.run, request).result()
    assert len(sent) == len(found) == 2
    for (url, body), (ours, our_body) in zip(sent, found, strict=True):
        assert ours == url
        assert {k: type(v) for k, v in our_body.items()} == {k: type(v) for k, v in body.items()}
        assert (our_body["component_id"], our_body["fn_name"]) == (body["component_id"], body["fn_name"])
        (question, place), (our_question, our_place) = body["data"], our_body["data"]
        question, our_question = json.loads(question), json.loads(our_question)
        assert question.keys() == our_question.keys()
        assert (question["models"], question["factors"]) == (our_question["models"], our_question["factors"])
        assert len(place) > 10 < len(our_place)


@pytest.mark.slow
def test_the_load_benchmark_runs_and_can_be_written(monkeypatch, capsys):
    monkeypatch.setattr(load, "BATCH_SIZES", {"cards": (1, 2), "sweep": (1,)})
    monkeypatch.setattr(load, "GOAL", 1e9)
    options = {"visitors": [2], "seconds": 3, "originals": True}
    with ThreadPoolExecutor(1) as own:  # the browser tests leave an event loop running in this thread
        figures = json.loads(json.dumps(own.submit(load.measure, **options).result()))
    (found,) = figures["steps"]
    assert found["errors"] == {}
    assert found["ms"]["page"]["count"] == found["counts"]["strokes"] == found["ms"]["pen_up_to_sweep"]["count"] == 2
    assert found["ms"]["pen_up_to_cards"]["p50"] <= found["ms"]["pen_up_to_sweep"]["p50"]
    assert found["ms"]["originals"]["count"] == 2
    assert found["counts"]["requests"] >= 2 * 4
    assert found["resident_megabytes"][0] > 100
    assert figures["batched_ms"]["cards"]["1"] > 0
    assert figures["knee"] == {"good": 2, "bad": None}
    load.show(figures)
    out = capsys.readouterr().out
    assert all(words in out for words in load.ROWS.values())
