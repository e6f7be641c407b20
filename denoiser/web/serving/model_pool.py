"""The models the page serves: loaded once, read only, shared by all visitors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import torch
from torch import nn

from ...checkpoint import CheckpointError, list_models, load_checkpoint, load_model
from ...data import SIDE
from ...filters import FILTERS
from ...models import Autoencoder
from ...models.inference import prepare
from ...posterior import find_sampler
from ...recipe import Method, Recipe
from ...recipes import RECIPES
from ...record import Record
from ...referee import CLEAN_READER, FAST_REFEREE, REFEREE
from ...runtime.precision import serving_precision
from ...styles import FAMILY_LABELS, Style, family_style, line_styles
from ...sweeps import Comparison, SweepRequest, sweep_all
from ..i18n import Text, find_text
from ..server import logging as log
from .sampling import SamplingService
from .user_models import UserModelStore

MAX_USER_MODELS = 4  # of a visitor, on the page at once


class ModelPool:
    """Every model with its record, by name. `missing` are those that cannot be loaded, and `problems` says why.

    `user_models` are those that visitors trained. `referee`, `clean_reader` and `sampling` are None if they cannot be
    loaded; the referee is the fast one, where it is there. Cards and sweeps use the copies in `fast` and
    `fast_referee`, which compute the same within rounding.
    """

    fast: Mapping[str, nn.Module] = MappingProxyType({})
    fast_referee: nn.Module | None = None
    referee_name = REFEREE

    def __init__(self) -> None:
        torch.set_num_threads(1)  # requests run side by side; these networks gain little from a second core
        self.models: dict[str, nn.Module] = {}
        self.records: dict[str, Record] = {}
        self.missing: list[str] = []
        self.problems: list[str] = []
        self.user_models = UserModelStore()
        precision = serving_precision()
        self.failing: set[str] = set()
        for name in list_models():
            try:
                self.models[name], self.records[name] = load_model(name)
            except CheckpointError as error:
                self.missing.append(name)
                self.problems.append(str(error))
        self.referee: nn.Module | None = None
        for self.referee_name in (FAST_REFEREE, REFEREE):
            try:
                self.referee = load_checkpoint(self.referee_name)[0]
                break
            except CheckpointError as error:
                self.problems.append(str(error))
        self.clean_reader: nn.Module | None = None
        try:
            network = load_checkpoint(CLEAN_READER)[0].to(memory_format=torch.channels_last)
            self.clean_reader = prepare(network, precision)
        except CheckpointError as error:
            self.problems.append(str(error))
        for network in filter(None, (*self.models.values(), self.referee)):
            network.to(memory_format=torch.channels_last)  # a sweep in 0.7 of the time
        self.sampling: SamplingService | None = None
        try:
            self.sampling = SamplingService(*find_sampler(), self.referee)
        except CheckpointError as error:
            self.problems.append(str(error))
        self.fast = {name: prepare(model, precision) for name, model in self.models.items()}
        self.fast_referee = self.referee and prepare(self.referee, precision)
        for problem in self.problems:
            log.warning("a model is missing", problem=problem)
        self.warm_up()

    def warm_up(self) -> None:
        """Run every featured model once, at all noise factors, so that the first visitor does not wait for kernels."""
        featured = {name: self.models[name] for name in self.featured}
        self.sweep([SweepRequest(torch.zeros(1, 1, SIDE, SIDE), "gaussian", 0)], featured)

    def sweep(
        self, requests: Sequence[SweepRequest], models: Mapping[str, nn.Module], clean_reader: bool = False
    ) -> list[Comparison]:
        """The models' answers to each request, as `sweep_all` gives them; a model that fails is logged and left out.

        With `clean_reader` the classifier that never saw noise reads the pictures instead of the referee.
        """

        def on_error(name: str, error: Exception) -> None:
            write = log.debug if name in self.failing else log.error  # as an error only the first time
            self.failing.add(name)
            write("a model failed", model=name, **log.about(error))

        fast = {name: self.fast.get(name, model) for name, model in models.items()}
        reader = self.clean_reader if clean_reader else self.fast_referee or self.referee
        return sweep_all(requests, fast, reader, on_error)

    @property
    def featured(self) -> list[str]:
        """The names of the models whose cards are shown at first, in their order."""
        everything = RECIPES | FILTERS
        return [name for name in self.models if name in everything and everything[name].featured]

    @cached_property
    def styles(self) -> dict[str, Style]:
        """The line style of every model, by name."""
        return line_styles({name: record.recipe.family for name, record in self.records.items()}, self.featured)

    @cached_property
    def user_model_styles(self) -> dict[str, list[dict[str, str]]]:
        """By family, the next line styles: for the models that a visitor trains, in their order."""
        counts = Counter(style.family for style in self.styles.values())
        return {
            family: [family_style(family, counts[family] + number).css() for number in range(MAX_USER_MODELS)]
            for family in FAMILY_LABELS
        }

    def gap(self, name: str) -> dict:
        """What the page says of a model that is missing, of which only the recipe is known."""
        recipe = RECIPES.get(name)
        return {
            "name": name,
            "label": label_of(recipe) if recipe else name,
            "featured": recipe is not None and recipe.featured,
        }

    def card(self, name: str) -> dict:
        """What a card, or a mark on the slider, says of a model; `latent` is the size of its code, None without one."""
        network, latent = self.models[name], None
        if isinstance(network, Autoencoder):
            with torch.inference_mode():
                latent = network.encode(torch.zeros(1, 1, SIDE, SIDE)).numel()
        return card(name, self.records[name]) | {"style": self.styles[name].css(), "latent": latent}


def label_of(method: Method) -> Text:
    """What a card calls a model: by its family, or by its title where it has a family of its own."""
    family = FAMILY_LABELS.get(method.family)
    return title_of(method) if family is None else find_text("family", family)


def title_of(method: Method) -> Text:
    """The title of a recipe."""
    return find_text("recipe", method.title)


def card(name: str, record: Record) -> dict:
    """What a card, or a mark on the slider, says of the model of a record.

    `trained` is the lowest and the highest noise factor it was trained on: 0 and 0 for clean digits, None for a filter.
    """
    recipe = record.recipe
    trained = isinstance(recipe, Recipe)
    return {
        "name": name,
        "label": label_of(recipe),
        "detail": name,
        "title": title_of(recipe),
        "family": recipe.family,
        "noise": list(dict.fromkeys(recipe.noise)) if trained else [],
        "trained": list(recipe.noise_range) if trained else None,
    }
