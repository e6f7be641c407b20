"""The network that says what a segment of a row is: a digit, a point, a hyphen, something else, or no whole mark."""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..errors import DenoiserError
from ..files import read_regular
from ..models.networks import classifier
from .calibration import Platt, Weights
from .segments import FEATURES

POINT, HYPHEN, OTHER, FRAGMENT = 10, 11, 12, 13  # after the ten digits
CLASSES = 14
WIDTH = 32  # as of the referee, from whose weights it starts
HIDDEN = 64
WEIGHTS = Path(__file__).with_name("reader.safetensors")
ABOUT = Path(__file__).with_name("reader.json")  # its temperature, its hash, and how it was trained
LARGEST = 2**24  # bytes
BATCH_SIZE = 256
T = TypeVar("T")


class ReadingError(DenoiserError, RuntimeError):
    """The network's file is missing or damaged; the message names it."""


class SegmentReader(nn.Module):
    """Logits (N, CLASSES) of segments: frames (N, 2, 28, 28) and features (N, FEATURES), as `Segments` has them.

    The referee's convolutions, which see the surrounding ink too, and two dense layers that know size and position.
    Divided by `temperature`, the logits give calibrated probabilities of segments; `weights`, `digits` and
    `numbers` calibrate what the lattice makes of them.
    """

    def __init__(self) -> None:
        super().__init__()
        body = classifier(WIDTH).body
        assert isinstance(body, nn.Sequential)
        self.body = body[:-1]  # 4w
        first = self.body[0]
        assert isinstance(first, nn.Conv2d)
        self.body[0] = nn.Conv2d(2, first.out_channels, 3, padding=1, bias=False)
        self.sizes = nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(4 * WIDTH + 32, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
        self.temperature = 1.0
        self.weights, self.digits, self.numbers = Weights(), Platt(), Platt()

    def forward(self, frames: Tensor, features: Tensor) -> Tensor:
        return self.head(torch.cat((self.body(frames), self.sizes(features)), dim=1))


@torch.inference_mode()
def class_log_probabilities(reader: SegmentReader, frames: Tensor, features: Tensor) -> Tensor:
    """Calibrated log-probabilities (N, CLASSES) of segments."""
    batches = zip(frames.split(BATCH_SIZE), features.split(BATCH_SIZE), strict=True)
    logits = [reader(*batch).float() for batch in batches]
    return torch.log_softmax(torch.cat(logits) / reader.temperature, dim=1) if logits else torch.zeros(0, CLASSES)


@lru_cache(maxsize=1)
def load_reader() -> SegmentReader:
    """The trained network, in eval mode; ReadingError where its files are missing or damaged."""
    return load_files(WEIGHTS, ABOUT, _built)


def _built(about: dict[str, Any], weights: dict[str, Tensor]) -> SegmentReader:
    """The network with its weights and calibration."""
    reader = SegmentReader()
    reader.load_state_dict(weights)
    reader.temperature = float(about["temperature"])
    reader.weights = Weights(*about["weights"])
    reader.digits, reader.numbers = Platt(*about["digits"]), Platt(*about["numbers"])
    return reader.eval()


def load_files(weights: Path, about: Path, build: Callable[[dict[str, Any], dict[str, Tensor]], T]) -> T:
    """What `build` makes of the description in the file `about` and of tensors whose hash is in it.

    Raises ReadingError where a file is missing or damaged.
    """
    from safetensors.torch import load

    try:
        description = json.loads(read_regular(about, LARGEST))
        content = read_regular(weights, LARGEST)
        if hashlib.sha256(content).hexdigest() != description["sha256"]:
            raise ReadingError(f"{weights} is damaged: its SHA-256 is not that in {about.name}")
        return build(description, load(content))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if isinstance(error, ReadingError):
            raise
        raise ReadingError(f"{weights} or {about.name} cannot be read: {error}") from error
