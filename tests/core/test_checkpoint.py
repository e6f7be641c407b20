"""Checkpoints come back as they were saved, or say why not; those committed are whole and belong to their records."""

import itertools
import json
import os
import re
import signal
import sys
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import safetensors.torch
import torch
from safetensors.torch import load_file

from denoiser import checkpoint
from denoiser.checkpoint import (
    FOLDER,
    CheckpointError,
    list_models,
    load_checkpoint,
    load_model,
    load_record,
    misnamed,
    save_model,
    sha256,
    trained,
    training_lock,
    up_to_date,
)
from denoiser.data import SIDE, split_validation
from denoiser.errors import DenoiserError
from denoiser.files import WriteError
from denoiser.filters import FILTERS
from denoiser.models import build, parameter_count
from denoiser.recipe import PICTURE_TASKS, fingerprint
from denoiser.recipes import RECIPES
from denoiser.record import Record
from denoiser.training import NoisyBatches, validation_loss

BASE = next(recipe for recipe in RECIPES.values() if recipe.network == "dense")
READER = next(recipe for recipe in RECIPES.values() if recipe.task == "read")
LIMIT, LIMIT_TOGETHER = 10e6, 50e6  # bytes


def save(folder, name=BASE.name, seed=0, **changes):
    """A small untrained network under the name of a recipe."""
    recipe = replace(BASE, **({"name": name, "settings": {"widths": (12, 3)}, "seed": seed} | changes))
    torch.manual_seed(seed)
    model = build(recipe.network, recipe.settings).eval()
    return model, save_model(model, Record(recipe), folder)


def edit(folder, name, change):
    """Rewrite a record after `change` had its way with it."""
    path = folder / f"{name}.json"
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def refused(folder, words, name=BASE.name):
    with pytest.raises(CheckpointError, match=words) as caught:
        load_model(name, folder=folder)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, DenoiserError)


class TestRoundTrip:
    """What was saved is what is loaded."""

    def test_the_folder_may_be_given_as_text(self, tmp_path):
        save_model(build(BASE.network, BASE.settings), Record(BASE), tmp_path)
        assert BASE.name in list_models(str(tmp_path))
        assert load_model(BASE.name, folder=str(tmp_path))[1] == load_model(BASE.name, folder=tmp_path)[1]

    @pytest.mark.parametrize("name", RECIPES)
    def test_every_network_gives_equal_outputs(self, name, tmp_path):
        recipe, x = RECIPES[name], torch.rand(2, 1, SIDE, SIDE)
        model = build(recipe.network, recipe.settings).to(memory_format=torch.channels_last)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        saved = save_model(model, Record(recipe), tmp_path)
        loaded, record = load_model(name, folder=tmp_path)
        assert not loaded.training
        assert not any(parameter.requires_grad for parameter in loaded.parameters())
        torch.testing.assert_close(loaded(x), model.eval()(x), rtol=1e-4, atol=1e-5)
        assert record == replace(saved, fingerprint=record.fingerprint)
        assert record.recipe == recipe
        written = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert written["recipe"] == json.loads(json.dumps(recipe.as_dict()))
        assert written["seed"] == recipe.seed

    def test_the_record_says_what_it_was_given_and_ties_the_weights(self, tmp_path):
        _, record = save(tmp_path, seed=3, note="Grüße, 数字")
        weights = tmp_path / f"{BASE.name}.safetensors"
        assert record.recipe.seed == 3
        assert record.recipe.note == "Grüße, 数字"
        assert record.bytes == weights.stat().st_size
        assert re.fullmatch("[0-9a-f]{64}", record.sha256)
        assert sorted(path.name for path in tmp_path.iterdir()) == [f"{BASE.name}.json", f"{BASE.name}.safetensors"]

    def test_a_full_disk_leaves_the_old_checkpoint_whole(self, tmp_path, monkeypatch):
        model, _ = save(tmp_path)
        real, calls = torch.nn.Module.state_dict, []

        def full_at_the_record(handle):
            calls.append(handle)
            if len(calls) == 2:
                raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full_at_the_record)
        with pytest.raises(WriteError, match="No space left"):
            save(tmp_path, seed=1)
        loaded, _ = load_model(BASE.name, folder=tmp_path)
        assert all(torch.equal(a, b) for a, b in zip(real(model).values(), real(loaded).values(), strict=True))
        assert len(list(tmp_path.iterdir())) == 2

    def test_loading_leaves_no_name_to_guess_from(self, tmp_path):
        # The record alone says what to build: a checkpoint may be of a recipe that is no longer there.
        model, _ = save(tmp_path, name="of-another-day")
        loaded, _ = load_model("of-another-day", folder=tmp_path)
        assert parameter_count(loaded) == parameter_count(model)


class Crash(NamedTuple):
    """What happens at the one operation of a writer that a test picks."""

    how: str
    at: int

    def hook(self, folder):
        """An audit hook for a child process: it counts what the system is asked to do in `folder`."""
        seen = itertools.count()

        def on(event, arguments):
            here = event.startswith(("open", "os.")) and any(str(folder) in str(each) for each in arguments)
            if here and next(seen) == self.at:
                if self.how == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise KeyboardInterrupt

        return on


def replaced_until(crash, folder, work):
    """Run `work` in a child of this process that ends by `crash`; whether it got to its end all the same."""
    child = os.fork()
    if child == 0:
        try:
            sys.addaudithook(crash.hook(folder))
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


class TestReplacedInOneStep:
    """A writer may be killed or interrupted at any moment: the old checkpoint loads, or the new one."""

    @pytest.mark.parametrize("how", ["kill", "interrupt"])
    def test_the_old_or_the_new_one_whenever_the_writer_ends(self, tmp_path, how):
        folder, seeds = tmp_path / "checkpoints", []
        save(folder, seed=1)
        whole = {path.name: path.read_bytes() for path in folder.iterdir()}
        for at in itertools.count():
            for path in folder.iterdir():
                path.unlink()
            for name, content in whole.items():
                (folder / name).write_bytes(content)
            finished = replaced_until(Crash(how, at), folder, lambda: save(folder, seed=2))
            assert trained(folder) == [BASE.name]
            model, record = load_checkpoint(BASE.name, folder=folder)
            seeds.append(record.recipe.seed)
            assert load_record(BASE.name, folder) == record
            assert record.sha256 == sha256((folder / f"{BASE.name}.safetensors").read_bytes())
            torch.manual_seed(record.recipe.seed)
            expected = build("dense", {"widths": (12, 3)}).state_dict()
            assert all(torch.equal(value, expected[key]) for key, value in model.state_dict().items())
            save(folder, seed=3)  # whoever writes next finds nothing in the way and leaves nothing behind
            assert load_checkpoint(BASE.name, folder=folder)[1].recipe.seed == 3
            assert sorted(path.name for path in folder.iterdir()) == sorted(whole)
            if finished:
                break
        assert seeds == sorted(seeds)  # one moment decides
        assert seeds.count(1) > 3 < seeds.count(2)

    def test_the_first_one_of_a_name_is_there_or_not(self, tmp_path):
        for at in itertools.count():
            folder = tmp_path / str(at)
            finished = replaced_until(Crash("kill", at), folder, lambda folder=folder: save(folder, seed=2))
            if trained(folder):
                assert load_checkpoint(BASE.name, folder=folder)[1].recipe.seed == 2
            if finished:
                break
        assert at > 5
        assert trained(folder)

    def test_one_that_is_damaged_can_be_replaced(self, tmp_path):
        save(tmp_path)
        for name in (f"{BASE.name}.json", f"{BASE.name}.safetensors"):
            (tmp_path / name).write_bytes(b"{")
            save(tmp_path, seed=5)
            assert load_checkpoint(BASE.name, folder=tmp_path)[1].recipe.seed == 5

    def test_who_reads_while_it_is_replaced_gets_one_of_both(self, tmp_path, monkeypatch):
        save(tmp_path, seed=1)
        read = checkpoint._read_weights

        def replaced_before_it_is_read(name, folder):
            monkeypatch.setattr(checkpoint, "_read_weights", read)
            save(folder, seed=2)
            return read(name, folder)

        monkeypatch.setattr(checkpoint, "_read_weights", replaced_before_it_is_read)
        assert load_checkpoint(BASE.name, folder=tmp_path)[1].recipe.seed == 2

    def test_one_process_at_a_time_trains_a_name(self, tmp_path):
        words = f"mine is being trained by process {os.getpid()}: wait for it"
        with (
            training_lock("mine", tmp_path),
            training_lock("yours", tmp_path),
            pytest.raises(CheckpointError, match=words),
        ):
            training_lock("mine", tmp_path).__enter__()
        with training_lock("mine", tmp_path):
            pass
        assert not list(tmp_path.iterdir())


class TestRefused:
    """Each kind of damage is a sentence that names the model or the file."""

    @pytest.fixture
    def folder(self, tmp_path):
        save(tmp_path)
        return tmp_path

    def test_an_unknown_name(self, folder):
        refused(folder, f"no trained model 'conv-65' .*{BASE.name}", name="conv-65")

    def test_an_empty_folder(self, tmp_path):
        refused(tmp_path / "nothing here", "there is none")

    @pytest.mark.parametrize("kept", [0, 7, 200, -1])
    def test_truncated_weights(self, folder, kept):
        path = folder / f"{BASE.name}.safetensors"
        path.write_bytes(path.read_bytes()[:kept])
        refused(folder, r"\.safetensors are damaged")

    @pytest.mark.parametrize("place", [3, 100, -1])
    def test_a_flipped_byte(self, folder, place):
        path = folder / f"{BASE.name}.safetensors"
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
        refused(folder, r"\.safetensors are damaged")

    def test_another_hash(self, folder):
        edit(folder, BASE.name, lambda record: record.update(sha256="0" * 64))
        refused(folder, r"their SHA-256 is not the one in .*\.json")

    def test_missing_weights(self, folder):
        (folder / f"{BASE.name}.safetensors").unlink()
        refused(folder, r"\.safetensors cannot be read")

    @pytest.mark.parametrize(
        "change",
        [
            {"settings": {"widths": [12, 4]}},
            {"settings": {"widths": [12]}},
            {"settings": {"widths": None}},
            {"network": "conv_strided", "settings": {"filters": 4}},
        ],
    )
    def test_another_architecture(self, folder, change):
        edit(folder, BASE.name, lambda record: record["recipe"].update(change))
        refused(folder, "do not fit the network its record describes")

    @pytest.mark.parametrize("type", [torch.int8, torch.complex64, torch.float16, torch.float64])
    def test_weights_of_another_type(self, folder, type):
        path = folder / f"{BASE.name}.safetensors"
        path.write_bytes(safetensors.torch.save({k: v.to(type) for k, v in load_file(path).items()}))
        edit(folder, BASE.name, lambda record: record.update(sha256=sha256(path.read_bytes())))
        refused(folder, f"is {str(type).removeprefix('torch.')}, not float32")

    def test_a_pipe_or_a_device(self, folder):
        for ending, words in (("safetensors", "weights .* cannot be read"), ("json", "record .* cannot be read")):
            path = folder / f"{BASE.name}.{ending}"
            path.unlink()
            os.mkfifo(path)
            refused(folder, words)
            path.unlink()
            path.symlink_to("/dev/zero")
            refused(folder, words)
            assert trained(folder) == []
            path.unlink()
            save(folder)

    def test_a_network_that_takes_long_to_build(self, folder):
        absurd = {"network": "unet", "settings": {"widths": [8] * 8, "blocks": [4096] * 8}, "family": "unet"}
        edit(folder, BASE.name, lambda record: record["recipe"].update(absurd))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(checkpoint, "build", None)  # refused before anything is built
            refused(folder, r"the record .*\.json cannot be read: .*settings .* no network that can be built")

    def test_the_name_of_another_recipe(self, folder):
        for ending in ("json", "safetensors"):
            (folder / f"{BASE.name}.{ending}").rename(folder / f"another.{ending}")
        refused(folder, f"it is of '{BASE.name}'", name="another")

    @pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "a b", "é"])
    def test_file_names_that_are_no_names(self, folder, name):
        for ending in ("json", "safetensors"):
            (folder / f"{BASE.name}.{ending}").rename(folder / f"{name}.{ending}")
        assert trained(folder) == []
        assert list_models(folder) == list(FILTERS)
        assert misnamed(folder) == [f"{name}.safetensors"]
        refused(folder, "no trained model", name=name)

    @pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/b", "", ".", "a\0b", "a" * 300])
    def test_names_that_leave_the_folder(self, folder, name):
        with pytest.raises(CheckpointError, match="no trained model"):
            load_model(name, folder=folder)

    @pytest.mark.parametrize("year", ["<b>2016</b>", 2016.5, True, None])
    def test_a_source_whose_year_is_no_number(self, folder, year):
        source = {"title": "A paper", "year": year, "address": ""}
        edit(folder, BASE.name, lambda record: record["recipe"].update(source=source))
        refused(folder, "the record .* cannot be read: .*source")

    def test_weights_that_are_no_safetensors_though_the_hash_is_right(self, folder):
        (folder / f"{BASE.name}.safetensors").write_bytes(b"not weights")
        edit(folder, BASE.name, lambda record: record.update(sha256=sha256(b"not weights")))
        refused(folder, "do not fit")

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "null", "{}", '{"recipe": {}, "sha256": ""}', '{"recipe": 3, "sha256": ""}', "\ud800"],
    )
    def test_a_record_that_is_none(self, folder, text):
        (folder / f"{BASE.name}.json").write_bytes(text.encode("utf-8", "surrogatepass"))
        refused(folder, r"the record .*\.json cannot be read")

    @pytest.mark.parametrize(
        "change",
        [
            {"settings": [1]},
            {"network": ["dense"]},
            {"task": None},
            {"grown_from": 3},
            {"refinements": [{"epochs": "many", "learning_rate": 1}]},
            {"settings": {"depth": 2}},
            {"network": "of another version"},
            {"epochs": None},
        ],
    )
    def test_a_record_with_values_of_another_type(self, folder, change):
        edit(folder, BASE.name, lambda record: record["recipe"].update(change))
        refused(folder, r"the record .*\.json cannot be read")


class TestList:
    """Names of what can denoise or reconstruct."""

    def test_trained_ones_in_the_order_of_the_recipes_then_the_filters(self, tmp_path):
        names = [name for name, recipe in RECIPES.items() if recipe.task in PICTURE_TASKS]
        for name in ("of-another-day", *reversed(names)):
            save(tmp_path, name=name)
        assert list_models(tmp_path) == [*names, "of-another-day", *FILTERS]
        assert trained(tmp_path) == sorted([*names, "of-another-day"])

    def test_what_reads_is_listed_apart(self, tmp_path):
        save(tmp_path)
        model = build(READER.network, READER.settings)
        save_model(model, Record(READER), tmp_path)
        assert READER.name in trained(tmp_path)
        assert list_models(tmp_path) == [BASE.name, *FILTERS]
        assert load_model(READER.name, folder=tmp_path)[0](torch.zeros(2, 1, SIDE, SIDE)).shape == (2, 10)

    def test_half_a_checkpoint_is_not_listed(self, tmp_path):
        save(tmp_path)
        (tmp_path / f"{BASE.name}.safetensors").unlink()
        (tmp_path / "evaluation.json").write_text("{}")
        assert list_models(tmp_path) == list(FILTERS)

    def test_one_damaged_record_does_not_hide_the_others(self, tmp_path):
        save(tmp_path)
        for name in ("of-another-day", READER.name):
            save(tmp_path, name=name)
            (tmp_path / f"{name}.json").write_text("{")
        assert list_models(tmp_path) == [BASE.name, "of-another-day", *FILTERS]
        refused(tmp_path, "cannot be read", name="of-another-day")

    def test_without_checkpoints_the_filters_are_left(self, tmp_path):
        assert list_models(tmp_path / "nothing here") == list(FILTERS)

    @pytest.mark.parametrize("name", FILTERS)
    def test_filters_are_loaded_like_models(self, name, tmp_path):
        model, record = load_model(name, folder=tmp_path)
        assert not model.training
        assert record.recipe.name == name
        assert record.recipe.task == "denoise"


class TestCommitted:
    """The checkpoints in the repository."""

    def test_there_are_some_and_each_has_its_recipe(self):
        assert trained()
        assert set(trained()) <= set(RECIPES)
        assert set(list_models()) == {n for n in trained() if RECIPES[n].task in PICTURE_TASKS} | set(FILTERS)

    @pytest.mark.parametrize("name", trained())
    def test_its_record_says_how_it_was_trained(self, name):
        model, record = load_checkpoint(name)
        written = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        assert fingerprint(written["recipe"]) == record.fingerprint == RECIPES[name].fingerprint()
        assert record.recipe == RECIPES[name]
        assert up_to_date(RECIPES[name])
        assert json.loads(json.dumps(record.as_dict() | {"recipe": 0})).items() >= (written | {"recipe": 0}).items()
        history = record.history
        assert [entry.epoch for entry in history] == list(range(1, RECIPES[name].total_epochs + 1))
        for entry in history:
            assert np.isfinite([entry.train, entry.validation]).all()
            assert entry.seconds > 0
        # The training losses of a recipe whose stages have different ones cannot be compared; validation has the first.
        same = len({stage.loss for stage in RECIPES[name].stages}) == 1
        first, last = ((entry.train if same else entry.validation) for entry in (history[0], history[-1]))
        assert last < first
        assert record.seconds == pytest.approx(sum(entry.seconds for entry in history), abs=0.1)
        assert record.parameters == parameter_count(model)
        assert record.device
        assert record.precision in ("float32", "bfloat16")
        assert {"python", "torch"} <= record.versions.keys()
        assert all(record.versions.values())
        assert record.bytes == (FOLDER / f"{name}.safetensors").stat().st_size < LIMIT
        assert all(bool(torch.isfinite(value).all()) for value in model.state_dict().values())

    @pytest.mark.parametrize("name", trained())
    @torch.inference_mode()
    def test_it_denoises_any_number_of_digits(self, name):
        model, record = load_model(name)
        x = torch.rand(3, 1, SIDE, SIDE)
        if record.recipe.task == "read":
            assert model(x).shape == (3, 10)
        else:
            assert model(x).shape == x.shape
            assert model(x).min() >= 0
            assert model(x).max() <= 1

    @pytest.mark.slow
    @pytest.mark.parametrize("name", trained())
    def test_its_weights_reach_the_loss_that_its_record_claims(self, name, mnist_train):
        model, record = load_checkpoint(name)
        _, held_out = split_validation(mnist_train)
        recipe = RECIPES[name]
        teacher = load_checkpoint(recipe.teacher)[0] if recipe.teacher else None
        read = teacher and (lambda noisy: torch.softmax(teacher(noisy), dim=1))
        # A tenth of the validation digits: enough to tell these weights from others.
        with torch.no_grad():
            loss = validation_loss(model, NoisyBatches(held_out[:500], recipe, read), "float32")
        slack = 0.03 if record.recipe.task == "read" else 0.005
        assert loss == pytest.approx(record.history[-1].validation, rel=0.06, abs=slack)

    def test_together_they_are_small(self):
        size = sum(path.stat().st_size for path in FOLDER.iterdir())
        assert size < LIMIT_TOGETHER, (
            f"checkpoints/ has {size / 1e6:.1f} MB, at most {LIMIT_TOGETHER / 1e6:.0f}: move trials elsewhere "
            "($DENOISER_CHECKPOINTS), make the new network smaller, or remove a model together with its recipe"
        )

    def test_there_are_no_pickles(self):
        for path in FOLDER.iterdir():
            assert path.suffix in (".json", ".safetensors", ".npz"), path
            if path.suffix == ".npz":
                with np.load(path, allow_pickle=False) as arrays:
                    assert all(arrays[key].dtype != object for key in arrays)
            elif path.suffix == ".safetensors":
                assert path.read_bytes()[8:9] == b"{"
            else:
                json.loads(path.read_text(encoding="utf-8"))

    def test_hashes_are_of_the_files(self):
        from hashlib import sha256

        for name in trained():
            weights = (FOLDER / f"{name}.safetensors").read_bytes()
            assert load_record(name).sha256 == sha256(weights).hexdigest()
