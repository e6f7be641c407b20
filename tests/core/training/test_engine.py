"""The tricks that make training fast change nothing but its speed; several processes train what one trains."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import NETWORKS, short
from torch import nn

from denoiser.data import Batch, Digits
from denoiser.models import build
from denoiser.recipes import RECIPES
from denoiser.runtime.precision import default_precision
from denoiser.training import EMA, Engine, ProcessGroup, Trainer, TrainingError, distributed, fit, trainer
from denoiser.training.loop import device_errors
from denoiser.training.step import make_optimizer

ROOT = Path(__file__).resolve().parents[3]
SLOW, FAST = Engine(), Engine.fastest(torch.device("cpu"), "float32")


def losses(outcome):
    return [value for epoch in outcome["history"] for value in (epoch["train"], epoch["validation"])]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_the_tricks_leave_the_losses_as_they_are(name, tiny_digits):
    recipe, digits = short(NETWORKS[name], epochs=2), tiny_digits[:48]  # rounding grows with every step
    assert losses(fit(recipe, digits, engine=FAST)[1]) == pytest.approx(
        losses(fit(recipe, digits, engine=SLOW)[1]), rel=2e-3
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_bfloat16_leaves_the_losses_nearly_as_they_are(name, tiny_digits):
    recipe, digits = short(NETWORKS[name], epochs=2), tiny_digits[:48]  # rounding grows with every step
    rough = replace(SLOW, precision="bfloat16")
    try:
        found = losses(fit(recipe, digits, engine=rough)[1])
    except TrainingError as error:  # not every processor has an LSTM in bfloat16
        if default_precision(torch.device("cpu")) == "bfloat16" or "cannot be trained in bfloat16" not in str(error):
            raise
    else:
        assert found == pytest.approx(losses(fit(recipe, digits, engine=SLOW)[1]), rel=0.05)


def test_an_error_of_torch_is_explained_only_where_it_is_about_the_precision():
    for precision, words in (("float32", "could not create a primitive"), ("bfloat16", "mat1 and mat2")):
        with pytest.raises(RuntimeError, match=words) as error, device_errors(NETWORKS["lstm"], precision):
            raise RuntimeError(words)
        assert not isinstance(error.value, TrainingError)
    with pytest.raises(TrainingError, match="train it in float32"), device_errors(NETWORKS["lstm"], "bfloat16"):
        raise RuntimeError("could not create a primitive descriptor for the LSTM forward propagation primitive")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a CUDA device; there is none here")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_captured_step_gives_the_losses_of_an_eager_one(name, tiny_digits):
    recipe, digits = short(NETWORKS[name], epochs=4), Digits(tiny_digits.images.cuda(), tiny_digits.labels.cuda())
    captured = replace(FAST, cuda_graph=True)
    assert losses(fit(recipe, digits, engine=captured)[1]) == pytest.approx(
        losses(fit(recipe, digits, engine=FAST)[1]), rel=5e-3
    )


def test_only_cuda_captures():
    assert not FAST.cuda_graph
    assert Engine.fastest(torch.device("cuda"), "float32").cuda_graph
    recipe = next(iter(RECIPES.values()))
    model = build(recipe.network, recipe.settings)
    rate = make_optimizer(model, recipe, replace(SLOW, cuda_graph=True)).param_groups[0]["lr"]
    assert isinstance(rate, torch.Tensor)  # a graph reads it anew at each replay


class TestEMA:
    """The moving average of the weights."""

    def model(self):
        model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(model.weight, 1.0)
        return model

    def test_it_follows_its_formula(self):
        model, expected = self.model(), 1.0
        ema = EMA(model, 0.9)
        for step, weight in enumerate([2.0, -1.0, 5.0]):
            nn.init.constant_(model.weight, weight)
            ema.update(step)
            decay = min(0.9, (1 + step) / (10 + step))
            expected = decay * expected + (1 - decay) * weight
        assert ema.averages[0].item() == pytest.approx(expected)

    def test_it_stands_in_for_the_weights_and_goes_again(self):
        model = self.model()
        ema = EMA(model, 0.9)
        nn.init.constant_(model.weight, 3.0)
        with ema.average_parameters():
            assert model.weight.item() == 1.0
        assert model.weight.item() == 3.0
        with pytest.raises(ValueError, match="stop"), ema.average_parameters():
            raise ValueError("stop")
        assert model.weight.item() == 3.0

    def test_without_a_decay_there_is_none(self):
        model = self.model()
        ema = EMA(model, 0.0)
        nn.init.constant_(model.weight, 3.0)
        ema.update(0)
        with ema.average_parameters():
            assert model.weight.item() == 3.0

    def test_a_trained_model_has_its_mean_weights(self, tiny_digits, monkeypatch):
        recipe = short(next(r for r in RECIPES.values() if r.network == "dense"), ema=0.5)
        kept = []

        class Watched(EMA):
            def __init__(self, *args):
                super().__init__(*args)
                kept.append(self)

        monkeypatch.setattr(trainer, "EMA", Watched)
        model, _ = fit(recipe, tiny_digits[:48])
        plain, _ = fit(replace(recipe, ema=0.0), tiny_digits[:48])
        assert all(torch.equal(a, b) for a, b in zip(kept[0].averages, plain.parameters(), strict=True))
        assert not any(torch.equal(a, b) for a, b in zip(model.parameters(), plain.parameters(), strict=True))


def test_memory_that_is_too_small_is_a_sentence_with_the_batch_size_to_try(tiny_digits, monkeypatch):
    def step(*args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate much.")

    monkeypatch.setattr(Trainer, "step", step)
    recipe = short(next(iter(RECIPES.values())))
    with pytest.raises(TrainingError, match=r"batches of 16 .* try a batch_size of 8"):
        fit(recipe, tiny_digits[:48])


# ---------- several processes ----------


def test_the_parts_of_a_batch_are_the_batch(monkeypatch):
    batch = Batch(torch.arange(10.0), torch.arange(10.0) + 1, torch.arange(10), torch.arange(10.0) + 2)
    parts, without_teacher = [], []
    for rank in range(3):
        monkeypatch.setenv("WORLD_SIZE", "3")
        monkeypatch.setenv("RANK", str(rank))
        parts.append(ProcessGroup().shard(batch))
        without_teacher.append(ProcessGroup().shard(batch._replace(soft_labels=None)).soft_labels)
    assert without_teacher == [None, None, None]
    assert all(
        torch.equal(torch.cat(values), whole) for values, whole in zip(zip(*parts, strict=True), batch, strict=True)
    )


def test_processes_draw_apart_and_the_shared_generator_stays_shared(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    shared, drawn = torch.Generator().manual_seed(5), []
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        group = ProcessGroup()
        drawn += [torch.rand(4, generator=group.local_generator(shared)) for _ in range(2)]
    assert len({tuple(values.tolist()) for values in drawn}) == 4
    assert torch.equal(torch.rand(4, generator=shared), torch.rand(4, generator=torch.Generator().manual_seed(5)))


PROGRAM = """
import json, os, sys
from dataclasses import replace
import torch
torch.set_num_threads(1)
from denoiser.data import Digits
from denoiser.recipes import RECIPES
from denoiser.training import Engine, ProcessGroup, TrainingError, fit
from safetensors.torch import load_file

folder, name, victim = sys.argv[1:]
digits = load_file(f"{folder}/digits.safetensors")
recipe = replace(RECIPES[name], epochs=2, batch_size=16)
group = ProcessGroup()
bar = None
if victim == str(group.rank):
    class bar:
        def __getattr__(self, name):
            os._exit(9)
    bar = bar()
try:
    with group.connected(torch.device("cpu")):
        model, outcome = fit(recipe, Digits(**digits), engine=Engine(), group=group, bar=bar)
except TrainingError as error:
    print("TrainingError:", error, flush=True)
    sys.exit(3)
if group.is_main:
    print(json.dumps([outcome["history"], [p.flatten()[:3].tolist() for p in model.parameters()]]), flush=True)
"""


def together(tmp_path, digits, name, processes, victim=""):
    """What PROGRAM prints and its exit code, run by torchrun in so many processes."""
    from safetensors.torch import save_file

    save_file({"images": digits.images, "labels": digits.labels}, tmp_path / "digits.safetensors")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, program, tmp_path, name, victim], capture_output=True, text=True, env=environment, timeout=240
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dense-16", "conv-flat-sparse"])
def test_two_processes_train_what_one_trains(name, tiny_digits, tmp_path):
    digits = Digits(tiny_digits.images[:49].contiguous(), tiny_digits.labels[:49].contiguous())
    found = []
    for processes in (1, 2):
        code, out, err = together(tmp_path, digits, name, processes)
        assert code == 0, err
        found.append(json.loads(out.strip().splitlines()[-1]))
    (one, weights), (two, others) = found
    assert losses({"history": two}) == pytest.approx(losses({"history": one}), rel=1e-3)
    for mine, theirs in zip(weights, others, strict=True):
        assert theirs == pytest.approx(mine, abs=2e-3)


@pytest.mark.slow
def test_when_a_process_dies_the_others_end_with_an_error(tiny_digits, tmp_path):
    assert together(tmp_path, tiny_digits[:49], "dense-16", 2, victim="1")[0] != 0  # and soon: it has a time limit


def test_a_lost_connection_is_a_sentence(monkeypatch):
    def all_reduce(values):
        raise RuntimeError("Connection closed by peer [127.0.0.1]:4711\nmore")

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed.dist, "all_reduce", all_reduce)
    with pytest.raises(TrainingError, match=r"another process of this training is gone.*4711\)$"):
        ProcessGroup().all_reduce([torch.ones(2)])
