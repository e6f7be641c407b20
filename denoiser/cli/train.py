"""denoiser train"""

import argparse
import json
from collections.abc import Mapping
from contextlib import ExitStack

from tqdm import tqdm

from .. import recipes, settings
from ..checkpoint import load_checkpoint, save_model, training_lock, up_to_date
from ..data import Digits, split_validation, training_words
from ..errors import DenoiserError
from ..files import remove_leftovers
from ..latent import has_plane, write_codes
from ..recipe import Recipe
from ..runtime.versions import versions
from ..training import Engine, ProcessGroup, fit, steps_per_epoch, trained_record
from .interrupts import Stopped
from .machine import pick_device
from .pictures import flags, load_pictures


def run(options: argparse.Namespace) -> int:
    """Train the recipes that are named, or all that are not up to date, and save their checkpoints."""
    _check(options)
    group = ProcessGroup()
    plan = {name: recipes.get_recipe(name) for name in options.recipes or recipes.RECIPES}
    data, digits = load_pictures(options, "train", group.device(pick_device(options.device)))
    engine = Engine.fastest(digits.images.device, options.precision)
    other_data = options.data is not None or options.dataset != "mnist"
    if options.set or other_data:
        changes = read_settings(options.set or [])
        plan = {
            name: recipes.variation(recipe, options.name or f"{name}-{data}", changes, data)
            for name, recipe in plan.items()
        }
    if not digits.labelled and (reading := [name for name, recipe in plan.items() if recipe.task == "read"]):
        raise DenoiserError(f"{reading[0]} learns to read, which takes labels, and the pictures of a folder have none")
    if options.all:
        folder = settings.current.checkpoints
        plan = {name: recipe for name, recipe in plan.items() if not up_to_date(recipe, folder)}
        if not plan:
            print("every recipe is trained as it stands")
    if other_data and group.is_main:
        print(training_words(data, digits))
    with ExitStack() as stack:
        if group.is_main:
            for recipe in plan.values():
                stack.enter_context(training_lock(recipe.name, settings.current.checkpoints))
            remove_leftovers(settings.current.runs)
        stack.enter_context(group.connected(digits.images.device))
        train_each(plan, digits, engine, group, options.resume or options.all, flags(options))
    return 0


def _check(options: argparse.Namespace) -> None:
    """DenoiserError for options that contradict each other."""
    if options.all == bool(options.recipes):
        raise DenoiserError("name the recipes to train, or --all; `python -m denoiser list` names them")
    other_data = options.data is not None or options.dataset != "mnist"
    incomplete = bool(options.set) != bool(options.name) and not (other_data and options.name)
    if incomplete or (options.name and (options.all or len(options.recipes) > 1)):
        raise DenoiserError("--set and --as go together, and change one recipe")
    if options.data and not options.name:
        raise DenoiserError("what is trained on --data needs a name: --as NAME")


def read_settings(words: list[str]) -> dict[str, object]:
    """The settings in KEY=VALUE words: JSON values, else text; lists become tuples."""
    found: dict[str, object] = {}
    for word in words:
        key, _, text = word.partition("=")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = text
        found[key] = tuple(value) if isinstance(value, list) else value
    return found


def train_each(
    plan: Mapping[str, Recipe], digits: Digits, engine: Engine, group: ProcessGroup, resume: bool, options: str
) -> None:
    """Train and save one recipe after the other, under one progress bar.

    `plan` has the recipes by the names they have on the command line, and `options` the rest of it. Raises Stopped,
    which says how to continue, on Ctrl-C.
    """
    steps = {
        name: recipe.total_epochs * steps_per_epoch(recipe, len(split_validation(digits)[0]))
        for name, recipe in plan.items()
    }
    with tqdm(total=sum(steps.values()), unit="step", smoothing=0.01, disable=not group.is_main) as bar:
        for index, (name, recipe) in enumerate(plan.items()):
            state = settings.current.runs / f"{recipe.name}.state.safetensors"
            if resume and not state.exists() and up_to_date(recipe, settings.current.checkpoints):
                bar.write(f"{recipe.name}: is trained already; without --resume it is trained again")
                bar.update(steps[name])
                continue
            software = versions()
            try:
                weights = (
                    load_checkpoint(recipe.warm_start, folder=settings.current.checkpoints)[0].state_dict()
                    if recipe.warm_start
                    else None
                )
                teacher = (
                    load_checkpoint(recipe.teacher, folder=settings.current.checkpoints)[0] if recipe.teacher else None
                )
                model, outcome = fit(
                    recipe,
                    digits,
                    state_file=state,
                    resume=resume,
                    engine=engine,
                    bar=bar,
                    group=group,
                    warm_start=weights,
                    teacher=teacher,
                )
                if not group.is_main:
                    continue
                command = f"python -m denoiser train {name}{options}"
                record = trained_record(recipe, model, outcome, digits, software, command)
                save_model(model, record, settings.current.checkpoints)
            except KeyboardInterrupt:
                rest = " ".join(list(plan)[index:])
                kept = "kept" if state.exists() else "no epoch of it is done"
                again = f"python -m denoiser train {rest}{options} --resume"
                raise Stopped(f"stopped in {recipe.name}, {kept}; to go on: {again}") from None
            state.unlink(missing_ok=True)
            if has_plane(model) and recipe.data == "mnist":  # the map shows MNIST's test digits
                write_codes(recipe.name, settings.current.checkpoints)
            last, seconds = record.history[-1], record.seconds
            bar.write(f"{recipe.name}: validation {last.validation:.4f}, {seconds:.0f} s")
