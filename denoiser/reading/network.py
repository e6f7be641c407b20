"""The network that says what a segment of a row is: a digit, a point, a hyphen, something else, or no whole mark."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import DenoiserError
from ..files import read_regular
from ..models.networks import classifier
from .calibration import Platt
from .segments import FEATURES

POINT, HYPHEN, OTHER, FRAGMENT = 10, 11, 12, 13  # after the ten digits
CLASSES = 14
WIDTH = 32  # as of the referee, from whose weights it starts
HIDDEN = 64
WEIGHTS = Path(__file__).with_name("reader.safetensors")
ABOUT = Path(__file__).with_name("reader.json")  # its temperature, its hash, and how it was trained
LARGEST = 2**24  # bytes
BATCH_SIZE = 256


class ReadingError(DenoiserError, RuntimeError):
    """The network's file is missing or damaged; the message names it."""


class SegmentReader(nn.Module):
    """Logits (N, CLASSES) of segments: frames (N, 2, 28, 28) and features (N, FEATURES), as `Segments` has them.

    The referee's convolutions, which see the surrounding ink too, and two dense layers that know size and position.
    Divided by `temperature`, the logits give calibrated probabilities of segments; `digits` and `numbers` calibrate
    what the lattice makes of them.
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
        self.digits, self.numbers = Platt(), Platt()

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
    from safetensors.torch import load

    try:
        about = json.loads(read_regular(ABOUT, LARGEST))
        content = read_regular(WEIGHTS, LARGEST)
        if hashlib.sha256(content).hexdigest() != about["sha256"]:
            raise ReadingError(f"{WEIGHTS} is damaged: its SHA-256 is not that in {ABOUT.name}")
        reader = SegmentReader()
        reader.load_state_dict(load(content))
        reader.temperature = float(about["temperature"])
        reader.digits, reader.numbers = Platt(*about["digits"]), Platt(*about["numbers"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if isinstance(error, ReadingError):
            raise
        raise ReadingError(f"{WEIGHTS} or {ABOUT.name} cannot be read: {error}") from error
    return reader.eval()
