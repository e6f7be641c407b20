"""The record of a training that has ended."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from ..data import Digits, training_words
from ..models import parameter_count
from ..recipe import Recipe
from ..record import Epoch, Record
from ..runtime.versions import versions


def trained_record(
    recipe: Recipe,
    model: nn.Module,
    outcome: Mapping[str, Any],
    digits: Digits,
    software: Mapping[str, str] | None = None,
    command: str = "",
) -> Record[Recipe]:
    """The record of what `fit(recipe, digits)` returned, (model, outcome).

    `software` is what `versions()` said before the training, by default what it says now; `command` is the command
    line that trained.
    """
    rest = {key: value for key, value in outcome.items() if key != "history"}
    return Record(
        recipe,
        fingerprint=recipe.fingerprint(),
        parameters=parameter_count(model),
        data=training_words(recipe.data, digits),
        versions=versions() if software is None else software,
        command=command,
        history=tuple(Epoch(**epoch) for epoch in outcome["history"]),
        **rest,
    )
