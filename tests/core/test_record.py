"""A record is what was written, whichever version wrote it; one with wrong values is refused in a sentence."""

import json
import math
from dataclasses import replace

import pytest

from denoiser.errors import DenoiserError
from denoiser.filters import FILTERS
from denoiser.recipe import Method, fingerprint
from denoiser.recipes import RECIPES
from denoiser.record import Epoch, Record, RecordError, parse_json

RECIPE = RECIPES["unet"]
RECORD = Record(
    RECIPE,
    fingerprint=RECIPE.fingerprint(),
    parameters=7,
    data="pictures",
    versions={"torch": "2.8"},
    command="python -m denoiser train unet",
    history=(Epoch(1, 0.5, 0.4, 2.0), Epoch(2, 0.3, 0.2, 2.5)),
    seconds=4.5,
    device="cpu",
    threads=2,
    precision="float32",
    sha256="abc",
    bytes=28,
)


def written(**changes):
    """The plain values of RECORD, as they are read from its file."""
    return json.loads(json.dumps(RECORD.as_dict())) | changes


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_written_is_what_is_read(name):
    record = replace(RECORD, recipe=RECIPES[name])
    assert Record.from_dict(json.loads(json.dumps(record.as_dict()))) == record


def test_unknown_values_are_left_out_of_the_file():
    assert Record(RECIPE).as_dict() == {"recipe": RECIPE.as_dict(), "seed": RECIPE.seed}
    assert Record.from_dict(written(later="something of a later version")) == RECORD
    assert Record.from_dict(written(threads=None)) == replace(RECORD, threads=None)


def test_a_record_without_a_fingerprint_is_of_the_first_version(monkeypatch):
    old = written()
    del old["fingerprint"]
    first = fingerprint(RECIPE.as_dict(), version=1)
    monkeypatch.setattr("denoiser.recipe.VERSION", 2)
    assert Record.from_dict(old).fingerprint == first != RECIPE.fingerprint()


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_a_method_and_no_recipe(name):
    record = FILTERS[name].record()
    assert type(record.recipe) is Method
    assert (record.parameters, record.history, record.sha256, record.bytes) == (0, (), "", None)
    assert record.as_dict().keys() == {"recipe"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": 3}, "recipe"),
        ({"recipe": None}, "recipe"),
        ({"recipe": {"name": "a"}}, "recipe"),
        ({"recipe": RECIPE.as_dict() | {"task": "sing"}}, "unknown task 'sing'"),
        ({"recipe": RECIPE.as_dict() | {"source": {"title": "", "year": "2016", "address": ""}}}, "a year"),
        ({"recipe": RECIPE.as_dict() | {"source": "a paper"}}, "wrong type"),
        ({"recipe": RECIPE.as_dict() | {"augmentation": {"colour": 1}}}, "wrong type"),
        ({"history": "long"}, "history"),
        ({"history": [3]}, "history|wrong type"),
        ({"history": [{"epoch": 1, "train": 0.5}]}, "validation"),
        ({"history": [{"epoch": 1, "train": "low", "validation": 0.4, "seconds": 1}]}, "history"),
        ({"history": [{"epoch": 1, "train": math.inf, "validation": 0.4, "seconds": 1}]}, "history"),
        ({"parameters": -1}, "parameters"),
        ({"parameters": True}, "parameters"),
        ({"bytes": 1.5}, "bytes"),
        ({"seconds": "long"}, "seconds"),
        ({"versions": {"torch": 2}}, "versions"),
        ({"sha256": 5, "device": []}, "device, sha256"),
    ],
)
def test_wrong_values_are_a_sentence(changes, words):
    with pytest.raises(RecordError, match=words) as caught:
        Record.from_dict(written(**changes))
    assert isinstance(caught.value, DenoiserError)


@pytest.mark.parametrize("text", ["", "{", b"\xff", "NaN", '{"a": Infinity}', "1e999", '"\\ud800"', "[" * 100_000])
def test_what_other_readers_of_json_refuse_is_refused(text):
    with pytest.raises(RecordError, match="it is not JSON"):
        parse_json(text)
