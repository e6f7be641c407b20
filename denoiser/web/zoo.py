"""The models the page serves: loaded once, read only, shared by all visitors."""

import torch
from torch import nn

from ..checkpoint import CheckpointError, list_models, load_checkpoint, load_model


class Zoo:
    """Every model with its record, by name; what cannot be loaded is left out and said in `problems`."""

    def __init__(self):
        torch.set_num_threads(1)  # requests run side by side; these networks gain little from a second core
        self.models: dict[str, nn.Module] = {}
        self.records: dict[str, dict] = {}
        self.problems: list[str] = []
        for name in list_models():
            try:
                self.models[name], self.records[name] = load_model(name)
            except CheckpointError as error:
                self.problems.append(str(error))
        try:
            self.referee: nn.Module | None = load_checkpoint("referee")[0]
        except CheckpointError as error:
            self.referee = None
            self.problems.append(str(error))
