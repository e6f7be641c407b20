"""The network that reads a whole row, and its file."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...models.networks import two_convolutions
from ..network import load_files

BLANK = 12  # after the ten digits, the point and the hyphen: no mark has its middle in this frame
CLASSES = 13
WIDTH = 24
HIDDEN = 128
DROPOUT = 0.15
WEIGHTS = Path(__file__).with_name("ctc.safetensors")
ABOUT = Path(__file__).with_name("ctc.json")  # its hash, and how it was trained


class RowReader(nn.Module):
    """Logits (N, w / 2, CLASSES) of strips (N, 1, 40, w): which mark has its middle in each frame of two columns."""

    def __init__(self) -> None:
        super().__init__()

        def along(inputs: int) -> list[nn.Module]:
            return [
                nn.Conv2d(inputs, HIDDEN, (1, 5), padding=(0, 2), bias=False),
                nn.BatchNorm2d(HIDDEN),
                nn.ReLU(),
                nn.Dropout(DROPOUT),
            ]

        self.body = nn.Sequential(
            *two_convolutions(1, WIDTH),  # c x 40 x w
            nn.MaxPool2d(2),  # c x 20 x w/2
            *two_convolutions(WIDTH, 2 * WIDTH),  # 2c x 20 x w/2
            nn.MaxPool2d((2, 1)),  # 2c x 10 x w/2
            *two_convolutions(2 * WIDTH, 4 * WIDTH),  # 4c x 10 x w/2
            nn.MaxPool2d((2, 1)),  # 4c x 5 x w/2
            nn.Conv2d(4 * WIDTH, HIDDEN, (5, 1), bias=False),  # 128 x 1 x w/2
            nn.BatchNorm2d(HIDDEN),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            *along(HIDDEN),
            *along(HIDDEN),
            nn.Conv2d(HIDDEN, CLASSES, 1),  # CLASSES x 1 x w/2
        )

    def forward(self, strips: Tensor) -> Tensor:
        return self.body(strips)[:, :, 0].transpose(1, 2)


@torch.inference_mode()
def frame_log_probabilities(reader: RowReader, strip: Tensor) -> Tensor:
    """Log-probabilities (w / 2, CLASSES) of a strip (40, w)."""
    return torch.log_softmax(reader(strip[None, None])[0].float(), dim=1)


@lru_cache(maxsize=1)
def load_row_reader() -> RowReader:
    """The trained network, in eval mode; ReadingError where its files are missing or damaged."""
    return load_files(WEIGHTS, ABOUT, _built)


def _built(_about: dict[str, Any], weights: dict[str, Tensor]) -> RowReader:
    """The network with its weights."""
    reader = RowReader()
    reader.load_state_dict(weights)
    return reader.eval()
