"""One model's map as the browser gets it: everything about it that no visitor changes."""

import base64
import json
import threading
import zlib
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ... import latent
from ...checkpoint import FOLDER
from ...examples import EXAMPLES
from ...ink import digit_from_strokes
from ...referee import class_probabilities
from .model_pool import ModelPool

ATLAS_SIDE = 49  # 0.07 sigma apart in the middle, 0.7 at the edge; between them is interpolated
TILE_LEVELS = 31  # greys of the atlas: five bits, an error of at most 0.016; at rest comes the exact picture
READ_EVERY = 2  # the referee, slower than the decoder, reads every second tile
FIGURES = ("negative_elbo", "nll", "neighbour_accuracy", "coverage")


class LatentMap:
    """One model's map; what is costly of it is computed when first asked for."""

    def __init__(self, pool: ModelPool, name: str):
        self.name, self.model, self.record, self.referee = name, pool.models[name], pool.records[name], pool.referee
        self.codes: latent.Codes | None = None
        self.problem = ""
        self.lock = threading.Lock()
        try:
            self.codes = latent.load_codes(latent.codes_path(name), self.record.sha256)
        except latent.CodesError as error:
            self.problem = str(error)

    @cached_property
    def land(self) -> latent.ClassDensity | None:
        """Where the classes live; None without codes."""
        return latent.class_density(self.codes) if self.codes is not None else None

    @cached_property
    def figures(self) -> dict[str, float]:
        """How good this map is: from the evaluation where that was of these very weights, else what is known here."""
        found = {}
        if self.codes is not None:
            found["neighbour_accuracy"] = self.codes.accuracy
        if self.referee is not None:
            found["coverage"] = latent.coverage(self.model, self.referee)
        try:
            report = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))["models"][self.name]
            if report["sha256"] == self.record.sha256:
                found |= {key: float(report[key]) for key in FIGURES if report.get(key) is not None}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # never evaluated
        return found

    @cached_property
    def examples(self) -> dict[str, list[float]]:
        """Where our own example digits lie."""
        digits = {name: digit_from_strokes(strokes) for name, strokes in EXAMPLES.items() if name.isdigit()}
        mu, _ = latent.posterior(self.model, torch.cat(list(digits.values())))
        return dict(zip(digits, mu.clamp(-latent.REACH, latent.REACH).tolist(), strict=True))

    def reply(self) -> dict:
        """What the browser needs to draw and to decode; one thread prepares it, the others wait."""
        with self.lock:
            return self._reply

    @cached_property
    def _reply(self) -> dict:
        tiles = latent.atlas(self.model, ATLAS_SIDE)
        reply = {
            "name": self.name,
            "figures": self.figures,
            "examples": self.examples,
            "reach": latent.REACH,
            "crowding": latent.CROWDING,
            "side": ATLAS_SIDE,
            "top": TILE_LEVELS,
            "tiles": pack_tiles(tiles),
            "readings": None,
            "codes": None,
            "problem": self.problem,
        }
        if self.referee is not None:
            some = tiles[::READ_EVERY, ::READ_EVERY]
            reply["readings"] = pack(class_probabilities(self.referee, some.flatten(0, 1)).numpy())
            reply["readingSide"] = len(some)
        if self.codes is not None and self.land is not None:
            places = np.rint(self.codes.mu / latent.REACH * 32767).clip(-32767, 32767).astype("<i2")
            reply["codes"] = {
                "places": text(places),
                "labels": text(self.codes.labels),
                "density": pack(self.land.density**0.25),  # densities span decades
                "densitySide": self.land.density.shape[1],
                "levels": (self.land.levels**0.25 * 255).round(2).tolist(),
                "centres": self.land.centres.round(3).tolist(),
            }
        return reply


def pack_tiles(tiles: Tensor) -> str:
    """Pictures (n, n, 28, 28) in [0, 1] for the wire: five bits a pixel, pixel after pixel over the whole plane, its
    differences along both axes modulo 256, deflated, base64. The plane is smooth, so the differences are small."""
    n = len(tiles)
    planes = (tiles * TILE_LEVELS).round().to(torch.uint8).numpy().reshape(n, n, -1).transpose(2, 0, 1)
    for axis in (1, 2):
        planes = np.diff(planes, axis=axis, prepend=np.uint8(0))
    return text(zlib.compress(planes.tobytes(), 9))


def pack(values: np.ndarray) -> str:
    """Values in [0, 1] for the wire: a byte each, deflated, base64."""
    return text(zlib.compress(np.rint(values * 255).astype(np.uint8).tobytes(), 9))


def text(content: bytes | np.ndarray) -> str:
    """Bytes for JSON."""
    return base64.b64encode(content if isinstance(content, bytes) else content.tobytes()).decode()
