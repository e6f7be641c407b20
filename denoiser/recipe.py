"""Recipe: how a model is trained, checked when it is created, and identified by a fingerprint.

Knows nothing of files or pages, nor which recipes there are; recipes.py has the table.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from inspect import signature
from typing import Any

import torch

from .data import Augmentation
from .errors import DenoiserError
from .models import NETWORKS, TASK_CONTRACTS, VAE, contract
from .noise import NOISES

OPTIMIZERS = {"adadelta": torch.optim.Adadelta, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "cosine")
NOISE_DRAWN = ("once", "each batch")
FAMILIES = ("dense", "conv", "unet", "recurrent", "vae", "referee", "sampler")
PICTURE_TASKS = ("denoise", "reconstruct")  # one picture in, one picture out
TASKS = (*PICTURE_TASKS, "read", "sample")
PRESENTATION = ("title", "source", "headline", "headline_bce", "note", "featured")  # trains the same whatever they say
VERSION = 1  # of networks, noise and training; another once the same recipe gives other weights
NAME = re.compile("[A-Za-z0-9-]{1,100}")  # of a recipe, and so of its checkpoint's files
LARGEST_SETTING = 4096  # of a network: widths, filters, latent dimensions
LARGEST_BLOCKS, MOST_SIZES = 32, 8  # blocks at one size of a network, and sizes or layers in a list
LARGEST = {"batch_size": 2**20, "epochs": 100_000, "seed": 2**32 - 1}  # seeds of epochs are to fit into 64 bits
UNTRAINED_FACTOR = 0.5  # noise factor at which a filter is shown


class RecipeError(DenoiserError, ValueError):
    """A recipe whose settings contradict each other, or a name that no recipe has."""


@dataclass(frozen=True)
class Source:
    """Where a recipe comes from."""

    title: str
    year: int
    address: str

    def __post_init__(self) -> None:
        if not (isinstance(self.title, str) and isinstance(self.address, str) and type(self.year) is int):
            raise RecipeError("a source has a title and an address, which are text, and a year, a whole number")


@dataclass(frozen=True)
class Refinement:
    """A further training that starts from the weights the one before ended with; only these settings are others.

    `loss` and `schedule` are the recipe's own unless given. With `frozen` only the blocks learn that the network grows
    by, and what it learned before stays as it is.
    """

    epochs: int
    learning_rate: float
    noise: tuple[str, ...]
    loss: str | None = None
    schedule: str | None = None
    frozen: bool = False

    @property
    def changes(self) -> dict[str, Any]:
        """The settings of the recipe that it changes."""
        return {name: value for name, value in vars(self).items() if value is not None and name != "frozen"}


@dataclass(frozen=True)
class Method:
    """Anything that is compared on the page: a trained model, whose method is a Recipe, or a classical filter."""

    name: str
    title: str
    family: str
    task: str
    source: Source | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe(Method):
    """How a model is built and trained.

    `noise_factor` is one number or the (low, high) from which each picture draws its own; `noise` names a kind,
    or several, each taking an equal share of every batch; `noise_drawn` says whether the training noise is one
    frozen field for all epochs or fresh for each batch. `data` are the pictures to train on: a name in data.DATASETS,
    or words about a folder. `penalty_warmup` is the number of epochs over which the
    penalties' weights climb from 0. `clip` is the norm to which a step's gradient is cut, and `ema` the decay, at each
    step, of the running mean of the weights that is kept in their stead; 0 for neither. `refinements` follow, in turn,
    once all epochs are done. `grown_from` are those of the network's settings that are smaller until the last of
    them, which grows it to `settings`. `warm_start` names the trained model whose weights the network starts from,
    and `teacher` the classifier whose readings are its soft labels, which the loss "distillation" uses.
    `headline` is the source's own figure, in words, and `headline_bce` the
    validation BCE (nats per pixel) it gives or implies. A `featured` recipe has a card on the page's first board.
    """

    network: str
    settings: Mapping[str, Any]
    headline: str = ""
    headline_bce: float | None = None
    note: str = ""
    noise: tuple[str, ...] = ()
    noise_factor: float | tuple[float, float] = 0.0
    noise_drawn: str = "each batch"
    data: str = "mnist"
    augmentation: Augmentation | None = None
    loss: str = "bce"
    penalties: Mapping[str, float] = field(default_factory=dict)
    penalty_warmup: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    optimizer_settings: Mapping[str, float] = field(default_factory=dict)
    schedule: str = "constant"
    batch_size: int = 128
    epochs: int = 50
    clip: float = 0.0
    ema: float = 0.0
    seed: int = 0
    refinements: tuple[Refinement, ...] = ()
    grown_from: Mapping[str, Any] | None = None
    warm_start: str = ""
    teacher: str = ""
    featured: bool = False

    def __post_init__(self) -> None:
        self._refuse(self._kinds())
        low, high = self.noise_range
        self._refuse(
            {
                f"unknown family {self.family!r}": self.family in FAMILIES,
                f"unknown task {self.task!r}": self.task in TASKS,
                f"unknown network {self.network!r}": self.network in NETWORKS,
                f"unknown optimizer {self.optimizer!r}": self.optimizer in OPTIMIZERS,
                f"unknown schedule {self.schedule!r}": self.schedule in SCHEDULES,
                f"noise_drawn is {self.noise_drawn!r}, not one of {NOISE_DRAWN}": self.noise_drawn in NOISE_DRAWN,
                f"unknown noise in {self.noise!r}": set(self.noise) <= set(NOISES),
                f"the noise factors {low} to {high} are not within 0 to 1": 0 <= low <= high <= 1,
                "epochs, batch_size and learning_rate must be above 0": (
                    self.epochs > 0 and self.batch_size > 0 and self.learning_rate > 0
                ),
            }
        )
        model, has_noise = contract(self.network), bool(self.noise)
        self._refuse(
            {
                f"network {self.network!r} does not take the settings {dict(self.settings)}": (
                    _takes(NETWORKS[self.network], self.settings)
                ),
                f"optimizer {self.optimizer!r} does not take the settings {dict(self.optimizer_settings)}": (
                    _takes(OPTIMIZERS[self.optimizer], {"params": (), "lr": 0} | dict(self.optimizer_settings))
                ),
                f"family {self.family!r} and task {self.task!r} do not go together": (
                    (self.family == "referee") == (self.task == "read")
                    and (self.family == "sampler") == (self.task == "sample")
                ),
                f"network {self.network!r} is not made for task {self.task!r}": (
                    issubclass(model, TASK_CONTRACTS[self.task])
                ),
                f"network {self.network!r} is not of family {self.family!r}": (
                    (self.family == "vae") == issubclass(model, VAE)
                ),
                f"network {self.network!r} has no loss {self.loss!r}": self.loss in model.criteria,
                f"network {self.network!r} has not all of the penalties {dict(self.penalties)}": (
                    set(self.penalties) <= set(model.penalties)
                ),
                f"penalties that climb for {self.penalty_warmup} epochs need penalties": (
                    self.penalty_warmup == 0 or (self.penalty_warmup > 0 and bool(self.penalties))
                ),
                f"network {self.network!r} cannot start from the weights of {self.warm_start!r}": (
                    not self.warm_start or hasattr(model, "warm_start")
                ),
                "a teacher and the loss 'distillation' need each other": (
                    bool(self.teacher) == (self.loss == "distillation")
                ),
                f"a gradient cannot be cut to {self.clip}": self.clip >= 0,
                f"the decay {self.ema} of the mean of the weights is not from 0 to below 1": 0 <= self.ema < 1,
                f"it is to {self.task}, but has no noise": self.task not in ("denoise", "sample") or has_noise,
                "it is to reconstruct clean digits, but adds noise": self.task != "reconstruct" or not has_noise,
                "noise kinds and a noise factor above 0 need each other": has_noise == (high > 0),
                "noise drawn once, but no noise": self.noise_drawn == "each batch" or has_noise,
                "noise drawn once cannot follow pictures that augmentation changes at each epoch": (
                    self.noise_drawn == "each batch" or self.augmentation is None
                ),
            }
        )
        self._refuse({"it cannot grow without a refinement": bool(self.refinements) or not self.grown_from})
        frozen = [each.frozen for each in self.refinements]
        self._refuse(
            {
                "only the last refinement of a network that grows can be frozen": (
                    not any(frozen[:-1]) and (bool(self.grown_from) or not any(frozen))
                )
            }
        )
        if self.refinements:
            _ = self.stages  # refuses what contradicts itself

    def _kinds(self) -> dict[str, bool]:
        """Whether each value is of the kind and within the bounds that training relies on."""
        whole = {name: getattr(self, name) for name in LARGEST}
        texts = {name: getattr(self, name) for name in ("title", "note", "headline", "data", "warm_start", "teacher")}
        numbers = {name: getattr(self, name) for name in ("learning_rate", "clip", "ema", "penalty_warmup")}
        numbers |= {"headline_bce": self.headline_bce} if self.headline_bce is not None else {}
        numbers |= asdict(self.augmentation) if isinstance(self.augmentation, Augmentation) else {}
        numbers |= {
            name: value for name in ("penalties", "optimizer_settings") for name, value in getattr(self, name).items()
        }
        return {
            f"{self.name!r} is no name: letters, digits and hyphens": bool(NAME.fullmatch(self.name)),
            **{
                f"{name} is {value!r}, not a whole number up to {LARGEST[name]:,}": (
                    type(value) is int and value <= LARGEST[name] and (value >= 0 or name != "seed")
                )
                for name, value in whole.items()
            },
            **{f"{name} is {value!r}, not text": isinstance(value, str) for name, value in texts.items()},
            **{
                f"{name} is {value!r}, not a number": type(value) in (int, float) and math.isfinite(value)
                for name, value in numbers.items()
            },
            f"featured is {self.featured!r}, not true or false": isinstance(self.featured, bool),
            "source is no Source": isinstance(self.source, Source | None),
            "augmentation is no Augmentation": isinstance(self.augmentation, Augmentation | None),
            "refinements are no Refinements": all(
                isinstance(each, Refinement) and isinstance(each.frozen, bool) for each in self.refinements
            ),
            f"the settings {dict(self.settings)} are of no network that can be built": sane_settings(self.settings),
            f"the settings {self.grown_from} are of no network that can be built": sane_settings(self.grown_from or {}),
        }

    def _refuse(self, checks: Mapping[str, bool]) -> None:
        """RecipeError naming each problem that is not fine."""
        wrong = [problem for problem, fine in checks.items() if not fine]
        if wrong:
            raise RecipeError(f"recipe {self.name!r}: {'; '.join(wrong)}")

    @property
    def noise_range(self) -> tuple[float, float]:
        """The lowest and highest noise factor of the training noise."""
        return self.noise_factor if isinstance(self.noise_factor, tuple) else (self.noise_factor,) * 2

    @property
    def stages(self) -> tuple["Recipe", ...]:
        """The trainings this consists of, each from the weights of the one before, as recipes without refinements."""
        small = {**self.settings, **(self.grown_from or {})}
        stages = [replace(self, settings=small, refinements=(), grown_from=None)]
        stages += [replace(stages[0], penalty_warmup=0, **refinement.changes) for refinement in self.refinements]
        stages[-1] = replace(stages[-1], settings=self.settings)
        return tuple(stages)

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)

    def stage_after(self, epochs: int) -> "Recipe":
        """The stage in which the last of so many epochs was."""
        return next(stage for stage in self.stages if (epochs := epochs - stage.epochs) <= 0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe of plain values as read from JSON; settings that this version does not know are left out.

        Raises RecipeError if values are missing, of the wrong type or contradict each other.
        """
        known = {f.name for f in fields(cls)}
        try:
            given = {key: _tuples(value) for key, value in values.items() if key in known}
            if given.get("source") is not None:
                given["source"] = Source(**given["source"])
            if given.get("augmentation") is not None:
                given["augmentation"] = Augmentation(**given["augmentation"])
            given["refinements"] = tuple(Refinement(**each) for each in given.get("refinements", ()))
            return cls(**given)
        except RecipeError:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise RecipeError(f"a recipe has a value of the wrong type: {error}") from error

    def fingerprint(self) -> str:
        """What decides the weights, as a hash."""
        return fingerprint(self.as_dict())


def sane_settings(settings: object) -> bool:
    """Whether building a network with these settings would take no absurd time or memory, whatever they mean to it."""
    return (
        isinstance(settings, Mapping)
        and all(
            type(number) is not int or 0 <= number <= (LARGEST_BLOCKS if key == "blocks" else LARGEST_SETTING)
            for key, value in settings.items()
            for number in (value if isinstance(value, list | tuple) else [value])
        )
        and all(len(value) <= MOST_SIZES for value in settings.values() if isinstance(value, list | tuple))
    )


def _tuples(value: object) -> Any:
    """`value` with tuples for JSON's lists, at any depth."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _takes(function: Callable[..., object], settings: Mapping[str, Any]) -> bool:
    """Whether `function` can be called with these keywords."""
    try:
        signature(function).bind(**settings)
    except TypeError:
        return False
    return True


def fingerprint(recipe: Mapping[str, Any], version: int | None = None) -> str:
    """A hash of all that decides the weights: the recipe (of a record) but for its presentation, and the code.

    What is null or as it is by default does not count, so that a setting which older recipes did not have changes no
    hash. `version` is that of the code, by default the present one.
    """
    defaults = {f.name: json.dumps(f.default) for f in fields(Recipe) if f.default is not MISSING}
    recipe = {**recipe, "refinements": [_changed(each) for each in recipe.get("refinements", ())]}
    settings = {key: json.dumps(value, sort_keys=True) for key, value in recipe.items() if key not in PRESENTATION}
    decisive = sorted((key, text) for key, text in settings.items() if text not in (defaults.get(key), "null"))
    return hashlib.sha256(json.dumps([VERSION if version is None else version, decisive]).encode()).hexdigest()


def _changed(refinement: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a refinement that are not as they are by default."""
    defaults = {f.name: f.default for f in fields(Refinement)}
    return {name: value for name, value in refinement.items() if value != defaults.get(name, MISSING)}


def trained_noise(method: Method) -> tuple[str, float]:
    """Kind and factor of the strongest noise a model was trained on; Gaussian of 0 for clean digits.

    A filter, which was not trained, gets Gaussian noise of 0.5.
    """
    if not isinstance(method, Recipe):
        return "gaussian", UNTRAINED_FACTOR
    return (method.noise or ("gaussian",))[0], method.noise_range[1]
