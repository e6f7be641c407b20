"""The recorded answers of a first visit: a 7 draws itself while its noise grows, and the models answer.

They stand in the page itself, so that something happens before any script or server is asked. `record` computes them;
scripts/record_first_visit.py writes them to recording.json.
"""

import base64
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ....checkpoint import load_checkpoint, load_model
from ....data import SIDE
from ....data.examples import EXAMPLES, Stroke
from ....ink import digit_from_strokes
from ....models import Autoencoder
from ....referee import REFEREE
from ....sweeps import NOISE_FACTORS, Comparison, SweepRequest, sweep_all
from ...wire import to_base64
from ..handlers import CODE, reply_of

FILE = Path(__file__).with_name("recording.json")
DIGIT = "7"
KIND, SEED = "gaussian", 4271
FACTOR = 0.5  # where the noise slider comes to rest
MODELS = ("dense-16", "conv-64", "vae-2d-best", "unet")
MOMENTS = 12
SCALE, RISE = 0.7, 0.09  # the example on the pad: smaller, and above the button
SHEET_LEVELS, FILM_LEVELS = 32, 16  # grey levels of the recorded pictures


def strokes() -> list[Stroke]:
    """The drawing, in units of the pad's side."""
    return [
        [(round((x - 0.5) * SCALE + 0.5, 4), round((y - 0.5) * SCALE + 0.5 - RISE, 4)) for x, y in stroke]
        for stroke in EXAMPLES[DIGIT]
    ]


def partial(drawing: list[Stroke], share: float) -> list[Stroke]:
    """The first `share` (0 to 1) of a drawing, by the length of its strokes."""
    lengths = [[math.dist(a, b) for a, b in pairwise(stroke)] for stroke in drawing]
    left = share * sum(map(sum, lengths))
    drawn: list[Stroke] = []
    for stroke, steps in zip(drawing, lengths, strict=True):
        points = [stroke[0]]
        for (x0, y0), (x1, y1), length in zip(stroke, stroke[1:], steps, strict=False):
            part = min(1.0, left / length)
            points.append((x0 + part * (x1 - x0), y0 + part * (y1 - y0)))
            left -= length
            if left <= 0:
                return [*drawn, points]
        drawn.append(points)
    return drawn


def record() -> dict:
    """The recording, as recording.json has it: pictures as PNG sheets, readings, codes, and the last reply in full."""
    models = {name: load_model(name)[0] for name in MODELS}
    encoder = models[CODE]
    assert isinstance(encoder, Autoencoder)
    referee = load_checkpoint(REFEREE)[0]
    drawing = strokes()
    moments = [moment(models, referee, drawing, i) for i in range(MOMENTS)]
    digit = digit_from_strokes(drawing)
    sweep = sweep_all([SweepRequest(digit, KIND, SEED, NOISE_FACTORS)], {}, referee)[0]
    last = moments[-1]
    return {
        "digit": int(DIGIT),
        "kind": KIND,
        "seed": SEED,
        "factor": FACTOR,
        "code": CODE,
        "strokes": drawing,
        "sheet": png(torch.cat([one.pictures for one in moments], dim=1), SHEET_LEVELS),
        "film": png(sweep.pictures, FILM_LEVELS),
        "moments": [
            {
                "factor": one.factors[0],
                "reads": [int(row[0][0]) for row in reply_of(one).reads or []],
                "code": [round(value, 2) for value in code(encoder, one)],
            }
            for one in moments
        ],
        "reply": asdict(reply_of(last)),
    }


def moment(models: Mapping[str, nn.Module], referee: nn.Module, drawing: list[Stroke], index: int) -> Comparison:
    """What the models make of the drawing at one moment: so much of it is there, under so much noise."""
    digit = digit_from_strokes(partial(drawing, (index + 1) / MOMENTS))
    factor = min(FACTOR, NOISE_FACTORS[index])
    return sweep_all([SweepRequest(digit, KIND, SEED, (factor,))], models, referee)[0]


@torch.inference_mode()
def code(model: Autoencoder, comparison: Comparison) -> list[float]:
    """What the encoder makes of the noisy picture, at the comparison's only noise factor."""
    return model.encode(comparison.pictures[0].view(1, 1, SIDE, SIDE))[0].tolist()


def png(pictures: Tensor, levels: int) -> str:
    """Pictures (rows, columns, 28, 28) in [0, 1] side by side, as a PNG of so many grey levels, as base64."""
    rows, columns = pictures.shape[:2]
    sheet = (pictures.clamp(0, 1) * (levels - 1)).round().to(torch.uint8).permute(0, 2, 1, 3)
    image = Image.fromarray(sheet.reshape(rows * SIDE, columns * SIDE).numpy(), "P")
    image.putpalette([value for level in range(levels) for value in (round(255 * level / (levels - 1)),) * 3])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, bits=4 if levels <= 16 else 8)
    return to_base64(file.getvalue())


def pixels(sheet: str) -> np.ndarray:
    """The grey values (0 to 255) of a PNG sheet in base64."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet))).convert("L"))


def write() -> int:
    """Record, write recording.json, and return its size in bytes."""
    return FILE.write_text(json.dumps(record(), separators=(",", ":")) + "\n", encoding="utf-8")


@cache
def recording() -> dict:
    """The recording as it is stored."""
    return json.loads(FILE.read_text(encoding="utf-8"))
