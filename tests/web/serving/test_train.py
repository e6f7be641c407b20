"""A training from its request to its model, and what its visitor does with it."""

import base64
import io
import itertools
import json
import re
import zipfile
from functools import partial

import numpy as np
import pytest
import torch
from helpers import SMALL_DENSE, Clock, pixels

from denoiser.checkpoint import list_models, load_model
from denoiser.data.examples import EXAMPLES
from denoiser.data.synthetic_digits import DATA
from denoiser.models import parameter_count
from denoiser.web.denoise import handlers as denoise
from denoiser.web.endpoint import unqueued
from denoiser.web.i18n import english
from denoiser.web.server import logging as log
from denoiser.web.serving import live_training
from denoiser.web.serving.training_queue import TRAINING_SILENCE, TrainingQueue
from denoiser.web.serving.user_models import UserModelStore
from denoiser.web.train import handlers
from denoiser.web.train.schemas import TicketReply, TicketRequest

LIMIT = 100.0
MADE_UP = json.dumps({"ticket": "made up", "settings": SMALL_DENSE})


@pytest.fixture(autouse=True)
def however_short(monkeypatch):
    """Models are kept however short their training was."""
    monkeypatch.setattr(handlers, "MIN_SECONDS", 0.0)


@pytest.fixture
def logged(monkeypatch):
    """The errors written to the log, as (event, facts)."""
    events = []
    monkeypatch.setattr(log, "error", lambda event, **facts: events.append((event, facts)))
    return events


# ---------- a training from its request to its model ----------


def trained(queue, kept, settings=SMALL_DENSE, after=3, session="me"):
    """All messages of a training that its visitor stops after so many."""
    ticket = queue.wait()[0]
    messages = []
    for text in handlers.train(queue, kept, json.dumps({"ticket": ticket, "settings": settings}), session):
        messages.append(json.loads(text))
        queue.wait(ticket)
        if len(messages) == after:
            handlers.stop(queue, TicketRequest(ticket))
    return messages


@pytest.fixture
def mine(few_strokes, pool):
    """The id of a model that was trained."""
    return trained(TrainingQueue(LIMIT), pool.user_models)[-1]["id"]


@pytest.fixture(scope="module")
def pool():
    from denoiser.web.serving.model_pool import ModelPool

    return ModelPool()


def test_a_stop_ends_it_and_what_was_seen_last_is_kept(few_strokes):
    kept, queue = UserModelStore(), TrainingQueue(LIMIT)
    messages = trained(queue, kept)
    assert len(messages) == 4
    last, result = messages[-2:]
    assert result["pictures"] == last["pictures"]
    assert result["card"]["family"] == "dense"
    assert result["card"]["trained"] == [0.5, 0.5]
    assert kept.get(result["id"]).record.steps == last["steps"]
    assert "silent" not in result
    assert queue.wait()[1] == 0


def test_nothing_goes_on_when_the_page_is_not_heard_of(few_strokes):
    clock = Clock()
    queue, kept = TrainingQueue(LIMIT, clock), UserModelStore()
    ticket = queue.wait()[0]
    request = json.dumps({"ticket": ticket, "settings": SMALL_DENSE})
    messages = []
    for text in handlers.train(queue, kept, request, "me"):
        messages.append(json.loads(text))
        clock.now += TRAINING_SILENCE / 2
    assert len(messages) <= 4
    assert messages[-1]["over"]
    assert messages[-1]["silent"]
    assert not any("silent" in message for message in messages[:-1])
    assert handlers.wait(queue, TicketRequest(ticket)) == TicketReply(None, 0, silent=True)


def test_a_closed_event_frees_the_line(few_strokes):
    queue, kept = TrainingQueue(LIMIT), UserModelStore()
    ticket = queue.wait()[0]
    running = handlers.train(queue, kept, json.dumps({"ticket": ticket, "settings": SMALL_DENSE}), "me")
    next(running)
    assert queue.wait()[1] == 1
    running.close()
    assert queue.wait()[1] == 1  # who came meanwhile
    assert len(kept) == 0


def test_what_was_learnt_before_it_failed_is_kept(few_strokes, monkeypatch):
    real = live_training.training_snapshots

    def fails(settings):
        yield from itertools.islice(real(settings), 2)
        yield live_training.Failure("The loss is no longer a number. A smaller learning rate may help.")

    monkeypatch.setattr(live_training, "training_snapshots", fails)
    kept = UserModelStore()
    messages = trained(TrainingQueue(LIMIT), kept, after=None)
    assert [("error" in m, "id" in m) for m in messages] == [(False, False)] * 2 + [(True, False), (False, True)]


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"ticket": 1}',
        json.dumps({"ticket": "made up", "settings": SMALL_DENSE}),
    ],
)
def test_requests_of_no_page_of_ours_get_a_sentence(text):
    (only,) = handlers.train(TrainingQueue(LIMIT), UserModelStore(), text, None)
    reply = json.loads(only)
    assert reply.keys() == {"error"}
    assert "Traceback" not in english(reply["error"])
    assert english(reply["error"]).endswith(".")


def test_whatever_breaks_is_a_sentence_and_the_log_says_what_and_where(few_strokes, monkeypatch, logged):
    def breaks(settings):
        raise RuntimeError("secret")
        yield

    monkeypatch.setattr(live_training, "training_snapshots", breaks)
    (only,) = trained(TrainingQueue(LIMIT), UserModelStore())
    assert "secret" not in english(only["error"])
    ((event, facts),) = logged
    assert event == "a training failed"
    assert facts["error"] == "RuntimeError"
    assert "test_train.py:" in facts["place"]
    assert "secret" not in json.dumps(facts)


def test_a_training_of_a_few_seconds_is_not_kept_unless_that_was_all_its_time(few_strokes, monkeypatch):
    monkeypatch.setattr(handlers, "MIN_SECONDS", 1000.0)
    kept = UserModelStore()
    *_, last = trained(TrainingQueue(LIMIT), kept)
    assert last["over"]
    assert "id" not in last
    assert len(kept) == 0
    monkeypatch.setattr(live_training, "MAX_SECONDS", 0.1)
    *_, last = trained(TrainingQueue(LIMIT), kept, after=5)
    assert kept.get(last["id"])


def test_the_record_names_the_digits_that_were_trained_on(few_strokes, monkeypatch):
    monkeypatch.setattr(live_training, "has_mnist", lambda: True)  # it came after the digits were loaded
    kept = UserModelStore()
    record = kept.get(trained(TrainingQueue(LIMIT), kept)[-1]["id"]).record
    assert record.recipe.data == DATA
    assert record.data.startswith(DATA)


def test_the_checkpoint_that_is_taken_home_loads(mine, pool, tmp_path, monkeypatch):
    reply = json.loads(unqueued(partial(handlers.checkpoint, pool.user_models))([json.dumps({"id": mine})]))
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(reply["content"]))) as archive:
        archive.extractall(tmp_path)
    name = reply["name"].removesuffix(".zip")
    assert list_models(tmp_path)[0] == name
    (call,) = re.findall(r"= load_model\((.*)\) ", (tmp_path / "README.txt").read_text(encoding="utf-8"))
    assert call == f'"{name}", folder="."'
    monkeypatch.chdir(tmp_path)
    model, record = load_model(name, folder=".")
    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(model(x), pool.user_models.get(mine).network(x), atol=1e-6)
    assert record.recipe.learning_rate == SMALL_DENSE["rate"]
    assert record.parameters == parameter_count(model)


def test_without_its_id_there_is_no_checkpoint(pool):
    reply = json.loads(unqueued(partial(handlers.checkpoint, pool.user_models))(['{"id": "guessed"}']))
    assert english(reply["error"]) == handlers.GONE


# ---------- its card ----------


@pytest.fixture
def compare(pool):
    call = unqueued(partial(denoise.compare, pool))
    usual = {"strokes": EXAMPLES["7"], "kind": "gaussian", "seed": 1, "factors": [0.5]}
    return lambda **request: json.loads(call([json.dumps(usual | request)]))


def test_an_own_model_answers_beside_the_others(compare, mine):
    reply = compare(models=["yours-1", "median"], user_model_ids={"yours-1": mine})
    assert reply["names"] == ["noisy", "yours-1", "median"]
    assert reply["gone"] == []
    rows = pixels(reply["pictures"]).reshape(3, 784)
    assert not np.array_equal(rows[0], rows[1])


def test_what_is_gone_is_named_and_the_others_answer(compare):
    reply = compare(models=["yours-1", "median"], user_model_ids={"yours-1": "gone"})
    assert reply["names"] == ["noisy", "median"]
    assert reply["gone"] == ["yours-1"]
    assert compare(models=["yours-1"], user_model_ids={"yours-1": "gone"})["names"] == ["noisy"]


def test_another_name_does_not_stand_for_a_model_of_the_page(compare, mine):
    shadowed, plain = compare(models=["median"], user_model_ids={"median": mine}), compare(models=["median"])
    assert shadowed["pictures"] == plain["pictures"]


@pytest.mark.parametrize("own", [5, "a", ["a"], {str(i): "a" for i in range(40)}], ids=str)
def test_own_models_that_are_none_get_a_sentence(compare, own):
    assert english(compare(models=["median"], user_model_ids=own)["error"]).endswith(".")


def test_nobody_is_asked_for_a_model_of_no_name(compare):
    assert english(compare(models=["yours-1"])["error"]) == "There is no such model."
