"""The digits that a model restores best and worst, as pictures."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ..data import Digits
from ..errors import DenoiserError
from ..metrics import psnr
from .measure import noisy_batches
from .subjects import Subject

SHOWN = 6  # of the best and of the worst digits
LOOKED_AT = 200  # digits they are chosen from
GAP = 2  # pixels between pictures


@dataclass(frozen=True)
class Gallery:
    """The best and worst of a model's outputs: PNG pictures as data addresses, and their PSNR in dB.

    Each picture has three rows: clean digits, the same with noise, and the outputs.
    """

    name: str
    best: str
    worst: str
    best_psnr: tuple[float, ...]
    worst_psnr: tuple[float, ...]


@torch.inference_mode()
def galleries(subjects: Iterable[Subject], digits: Digits, kind: str, factor: float) -> list[Gallery]:
    """A gallery for each subject, from the first LOOKED_AT digits under that noise; without those that fail."""
    digits = digits[:LOOKED_AT]
    clean, noisy = digits.floats(), torch.cat(list(noisy_batches(digits, kind, factor)))
    found = []
    for subject in subjects:
        try:
            x_hat = subject.module(kind, factor)(noisy).clamp(0, 1)
        except DenoiserError:  # the evaluation has said so
            continue
        quality = psnr(x_hat, clean)
        order = quality.argsort(descending=True)
        best, worst = order[:SHOWN], order[-SHOWN:].flip(0)
        sheets = [_address(torch.stack([part[index] for part in (clean, noisy, x_hat)])) for index in (best, worst)]
        values = [tuple(quality[index].tolist()) for index in (best, worst)]
        found.append(Gallery(subject.name, sheets[0], sheets[1], values[0], values[1]))
    return found


def _address(rows: Tensor) -> str:
    """Pictures (rows, columns, 1, H, W) in [0, 1] as one PNG in a data address."""
    count, columns, _, height, width = rows.shape
    sheet = torch.full((count * (height + GAP), columns * (width + GAP)), 0.25)
    for row, pictures in enumerate(rows[:, :, 0].cpu()):
        for column, picture in enumerate(pictures):
            top, left = row * (height + GAP), column * (width + GAP)
            sheet[top : top + height, left : left + width] = picture
    content = io.BytesIO()
    Image.fromarray(sheet.mul(255).round().byte().numpy()).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
