"""bench gpu: all that waits for a GPU, in one command of at most nine minutes, whose results lie in one folder.

In turn: the tests that need CUDA; `bench training`; every recipe but the two large ones, trained anew; then `unet` and
`sampler`, trained on from their present weights for the time that is left. A part that fails does not stop the others.
The results are written after each part, so that little is lost if the command is killed.
"""

import json
import subprocess
import sys
import tarfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn

from ..checkpoint import load_checkpoint, load_record, save_model, trained
from ..data import Digits, load_mnist, split_validation
from ..files import make_folder, write_atomically
from ..recipe import Recipe
from ..recipes import RECIPES, get_recipe
from ..record import Epoch
from ..runtime.versions import versions
from ..settings import PACKAGE
from ..training import (
    Engine,
    NoisyBatches,
    ProcessGroup,
    Trainer,
    steps_per_epoch,
    train_steps,
    trained_record,
    validation_loss,
)
from . import BenchError, training

ROOT = PACKAGE.parent
RATES = {"unet": 1e-3, "sampler": 3e-4}  # the large models, and the learning rate at which they are trained on
RESERVE = 0.05  # share of the time kept for packing
SHARES = {"tests": 0.12, "training": 0.35, "zoo": 0.5, "unet": 0.5, "sampler": 1.0}  # of the time that is then left
PROBE = 0.08  # share of a large model's time in which its steps are timed
FIRST_STEPS = 10  # that are not timed
PACKED = 15 * 2**20  # bytes of checkpoints in one archive
RESULTS, LOG, ERRORS = "figures.json", "tests.txt", "errors.txt"


@dataclass(frozen=True)
class Plan:
    """What is run: on which device and training digits, with which turns of `bench training`, and which recipes.

    Trainings have at most so many `epochs`, as many as their recipe or their time allows if that is None.
    """

    device: torch.device
    digits: Digits
    turn: float
    zoo: tuple[str, ...]
    epochs: int | None = None

    @property
    def engine(self) -> Engine:
        """The fastest one on the device."""
        return Engine.fastest(self.device)


def full_plan() -> Plan:
    """Everything, on CUDA; BenchError without."""
    if not torch.cuda.is_available():
        raise BenchError("there is no CUDA device; --rehearse runs every part briefly on the CPU")
    device = torch.device("cuda")
    seconds = {name: load_record(name).seconds or 0.0 for name in trained() if name in RECIPES}
    zoo = sorted((name for name in RECIPES if name not in RATES), key=lambda name: seconds.get(name, 0.0))
    return Plan(device, load_mnist("train", device), 0.5, tuple(zoo))


def rehearsal() -> Plan:
    """Every part on the CPU, with few digits and short trainings."""
    return Plan(torch.device("cpu"), load_mnist("train")[:64], 0.05, ("dense-32", "conv-8"), epochs=2)


def measure(minutes: float = 9.0, out: Path = Path("gpu"), rehearse: bool = False) -> dict:
    """Run every part within so many minutes; the figures, tests' output and checkpoints are written to `out`.

    With `rehearse` all of it is tiny and on the CPU. Raises BenchError without a GPU, and WriteError where `out`
    cannot be written.
    """
    if not minutes > 0:
        raise BenchError(f"--minutes is {minutes:g}, not above 0")
    start = time.monotonic()
    end = start + 60 * minutes * (1 - RESERVE)
    plan = rehearsal() if rehearse else full_plan()
    make_folder(out)
    (out / ERRORS).unlink(missing_ok=True)
    figures: dict = {"minutes": minutes, "rehearsal": rehearse, "versions": versions()}
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        parts: dict[str, Callable[[float], dict]] = {
            "tests": lambda seconds: run_tests(seconds, out / LOG),
            "training": lambda seconds: compare_ways(plan, seconds),
            "zoo": lambda seconds: train_zoo(plan, seconds, folder),
            "unet": lambda seconds: train_on("unet", plan, seconds, folder),
            "sampler": lambda seconds: train_on("sampler", plan, seconds, folder),
        }
        for name, part in parts.items():
            print(f"{name} ...", flush=True)
            begin = time.monotonic()
            try:
                found = part((end - begin) * SHARES[name])
            except Exception as error:  # whatever it is, the other parts go on
                found = {"failed": f"{type(error).__name__}: {error}".partition("\n")[0]}
                with (out / ERRORS).open("a", encoding="utf-8") as file:
                    file.write(f"{name}\n{traceback.format_exc()}\n")
            figures[name] = found | {"part_seconds": round(time.monotonic() - begin, 1)}
            write_atomically(out / RESULTS, json.dumps(figures, indent=1) + "\n")
            figures["archives"] = pack(folder, out)
    figures["seconds"] = round(time.monotonic() - start, 1)
    write_atomically(out / RESULTS, json.dumps(figures, indent=1) + "\n")
    return figures


def run_tests(seconds: float, log: Path) -> dict:
    """Run the tests marked `gpu`, whose output goes to `log`; its last line and the exit code, None if time ran out."""
    files = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "mark.gpu" in path.read_text("utf-8")]
    if not files:
        raise BenchError("this is not a checkout of the repository: there are no tests")
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", *map(str, files)]
    with log.open("w", encoding="utf-8") as output:
        try:
            code = subprocess.run(command, cwd=ROOT, stdout=output, stderr=output, timeout=seconds).returncode
        except subprocess.TimeoutExpired:
            code = None
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return {"exit_code": code, "summary": next((line for line in reversed(lines) if line.strip()), "")}


def compare_ways(plan: Plan, seconds: float) -> dict:
    """`bench training`, as far as there is time, in the form of docs/training.json."""
    end = time.monotonic() + seconds
    found: dict = training.about(plan.device) | {"recipes": {}}
    for name in training.SUBJECTS:
        left = end - time.monotonic()
        if left <= 0:
            break
        found["recipes"][name] = training.measure_subject(name, plan.digits.to("cpu"), plan.device, plan.turn, left)
    return found


def train_zoo(plan: Plan, seconds: float, folder: Path) -> dict:
    """Train the recipes of the plan anew and save them in `folder`: seconds and losses of each.

    The one in which time runs out is given up, and those after it are not begun.
    """
    end = time.monotonic() + seconds
    found: dict[str, dict] = {}
    for name in plan.zoo:
        recipe = get_recipe(name)
        if plan.epochs:
            recipe = replace(recipe, epochs=plan.epochs)
        steps = train_steps(recipe, plan.digits, engine=plan.engine)
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                model, outcome = stop.value
                break
            if time.monotonic() > end:
                steps.close()
                found[name] = {"given_up_after_epoch": len(step.history), "of": recipe.total_epochs}
                return {"models": found}
        record = trained_record(recipe, model, outcome, plan.digits, command="python -m denoiser bench gpu")
        save_model(model, record, folder)
        before = load_record(name) if name in trained() else None
        found[name] = {
            "seconds": record.seconds,
            "seconds_before": before and before.seconds,
            "device_before": before and before.device,
            "validation": record.history[-1].validation,
            "validation_before": before and before.history[-1].validation,
        }
    return {"models": found}


def train_on(name: str, plan: Plan, seconds: float, folder: Path) -> dict:
    """Train a model on from its present weights for about so many seconds and save it in `folder`.

    The learning rate falls from RATES to 0; how many epochs that takes is found by timing some steps first.
    """
    end = time.monotonic() + seconds
    model, record = load_checkpoint(name, plan.device)
    digits, held_out = split_validation(plan.digits)
    stages = zip(record.recipe.stages[1:], record.recipe.refinements, strict=True)
    last = [record.recipe.stages[0], *(stage for stage, refinement in stages if not refinement.frozen)][-1]
    changes: dict = {"warm_start": "", "schedule": "cosine", "learning_rate": RATES[name]}
    recipe = replace(last, settings=record.recipe.settings, **changes)
    validation, precision = NoisyBatches(held_out, recipe), plan.engine.precision
    before = validation_loss(_trainer(recipe, digits, plan.engine, model).model, validation, precision)
    epochs = plan.epochs
    if epochs is None:
        per_second = _steps_per_second(_trainer(recipe, digits, plan.engine, model), PROBE * seconds)
        left = (end - time.monotonic()) * (1 - PROBE)
        epochs = max(1, int(left * per_second / steps_per_epoch(recipe, len(digits))))
    trainer = _trainer(replace(recipe, epochs=epochs), digits, plan.engine, model)
    history, done, start = [], 0, time.monotonic()
    for number in range(epochs):
        begin, losses = time.monotonic(), []
        for loss in trainer.epoch(number):
            losses.append(loss)
            done += 1
            if time.monotonic() > end:
                break
        mean = torch.stack(losses).mean().item()  # waits for the device
        with trainer.ema.average_parameters():
            now = validation_loss(trainer.model, validation, precision)
        epoch = len(record.history) + number + 1
        history.append(Epoch(epoch, mean, now, round(time.monotonic() - begin, 3)))
        if time.monotonic() > end:
            break
    trainer.ema.swap()
    spent = time.monotonic() - start
    about = training.about(plan.device)
    note = f"{record.recipe.note} Trained on for {done:,} steps by `denoiser bench gpu`."
    longer = replace(
        record,
        recipe=replace(record.recipe, note=note),
        fingerprint=f"{record.fingerprint} and {done} steps more",
        versions=versions(),
        command="python -m denoiser bench gpu",
        history=(*record.history, *history),
        steps=done,
        seconds=round((record.seconds or 0) + spent, 1),
        device=f"{record.device}, then {about['device']}",
        precision=precision,
    )
    save_model(trainer.model.eval(), longer, folder)
    return {
        "epochs": len(history),
        "planned": epochs,
        "steps": done,
        "seconds": round(spent, 1),
        "validation_before": before,
        "validation": history[-1].validation,
    }


def _trainer(recipe: Recipe, digits: Digits, engine: Engine, model: nn.Module) -> Trainer:
    """A training of `recipe` that starts from the weights of `model`."""
    trainer = Trainer(recipe, digits, engine, ProcessGroup())
    trainer.model.load_state_dict(model.state_dict())
    trainer.start_stage(0)  # so that the mean of the weights starts from them too
    return trainer


def _steps_per_second(trainer: Trainer, seconds: float) -> float:
    """How many steps a training makes in a second, once kernels are chosen and a CUDA graph is captured."""
    steps = (loss for number in range(trainer.recipe.epochs) for loss in trainer.epoch(number))
    for _ in range(FIRST_STEPS):
        next(steps).item()  # waits for the device
    start, count = time.monotonic(), 0
    for loss in steps:
        loss.item()
        count += 1
        if time.monotonic() - start > seconds:
            break
    return count / (time.monotonic() - start)


def pack(folder: Path, out: Path) -> list[str]:
    """Write the files of `folder` to archives in `out` of at most PACKED bytes each, or one file; returns their names.

    Files of one model are in one archive.
    """
    groups: list[list[Path]] = []
    room = 0
    for weights in sorted(folder.glob("*.safetensors")):
        files = [weights, weights.with_suffix(".json")]
        size = sum(file.stat().st_size for file in files)
        if size > room or not groups:
            groups.append([])
            room = PACKED
        groups[-1] += files
        room -= size
    names = [f"checkpoints-{number}.tar" for number in range(1, len(groups) + 1)]
    for name, files in zip(names, groups, strict=True):
        with tarfile.open(out / name, "w") as archive:
            for file in files:
                archive.add(file, file.name)
    return names


def show(figures: dict) -> None:
    """Print what each part found."""
    for name in SHARES:
        if "failed" in figures[name]:
            print(f"\n{name} failed: {figures[name]['failed']}")
    print(f"\ntests: {figures['tests'].get('summary', '-')}")
    if figures["training"].get("recipes"):
        training.show(figures["training"])
    print(f"\n{'':20}{'seconds':>10}{'before':>10}{'validation':>12}{'before':>10}")
    for name, row in figures["zoo"].get("models", {}).items():
        if "of" in row:
            print(f"{name:20}given up after epoch {row['given_up_after_epoch']} of {row['of']}")
            continue
        cells = (row["seconds"], row["seconds_before"], row["validation"], row["validation_before"])
        formats = (">10.1f", ">10.1f", ">12.4f", ">10.4f")
        print(f"{name:20}" + "".join(_cell(v, f) for v, f in zip(cells, formats, strict=True)))
    for name in RATES:
        if "steps" in (row := figures[name]):
            print(
                f"{name}: {row['steps']:,} steps in {row['seconds']:.0f} s, "
                f"validation {row['validation_before']:.4f} -> {row['validation']:.4f}"
            )
    print(f"{figures['seconds']:.0f} s in all; {', '.join(figures['archives']) or 'no checkpoints'}")


def _cell(value: float | None, form: str) -> str:
    return format("-", f">{form[1:].partition('.')[0]}") if value is None else format(value, form)
