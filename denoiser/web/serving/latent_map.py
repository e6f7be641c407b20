"""The map of a model with a 2-D latent space as the browser gets it, the same for all visitors."""

import hashlib
import json
import threading
import zlib
from functools import cached_property
from typing import cast

import numpy as np
import torch
from torch import Tensor

from ... import latent
from ...checkpoint import FOLDER
from ...data.examples import EXAMPLES
from ...ink import digit_from_strokes
from ...models import VAE
from ...referee import class_probabilities
from ..i18n import Text, error_text
from ..wire import to_base64
from .model_pool import ModelPool

ATLAS_SIDE = 49  # decoded tiles along each axis, 0.07 sigma apart in the middle and 0.7 at the edge
TILE_LEVELS = 31  # greys of a tile: five bits, an error of at most 0.016
READ_EVERY = 2  # the referee, which is slower than the decoder, reads every second tile along each axis
FIGURES = ("negative_elbo", "nll", "neighbour_accuracy", "coverage")


class LatentMap:
    """The map of one model of the pool; everything that takes long is computed when it is first needed.

    `problem` says why the test digits cannot be shown on it, if they cannot.
    """

    def __init__(self, pool: ModelPool, name: str):
        self.name, self.record, self.referee = name, pool.records[name], pool.referee
        self.model = cast(VAE, pool.models[name])  # has_plane says so
        self.codes: latent.Codes | None = None
        self.problem: Text = ""
        self.lock = threading.Lock()
        try:
            self.codes = latent.load_codes(latent.codes_path(name), self.record.sha256)
        except latent.CodesError as error:
            self.problem = error_text(error)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that the map is computed from, except for this code."""
        digest = hashlib.sha256(self.record.sha256.encode())
        if self.referee is not None:
            for name, value in sorted(self.referee.state_dict().items()):
                digest.update(name.encode() + value.numpy().tobytes())
        for path in (latent.codes_path(self.name), FOLDER / "evaluation.json"):
            digest.update(path.read_bytes() if path.exists() else b"")
        return digest.hexdigest()

    @cached_property
    def class_density(self) -> latent.ClassDensity | None:
        """How densely each class lies; None without codes."""
        return latent.class_density(self.codes) if self.codes is not None else None

    @cached_property
    def figures(self) -> dict[str, float]:
        """How good this map is: from the evaluation if that was of these weights, else what can be computed here."""
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
        """The latent points of our own example digits, two coordinates each, by their names."""
        digits = {name: digit_from_strokes(strokes) for name, strokes in EXAMPLES.items() if name.isdigit()}
        mu, _ = latent.posterior(self.model, torch.cat(list(digits.values())))
        return dict(zip(digits, mu.clamp(-latent.REACH, latent.REACH).tolist(), strict=True))

    def reply(self) -> dict:
        """All that the browser needs, as JSON. One thread prepares it, the others wait for it."""
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
            read = tiles[::READ_EVERY, ::READ_EVERY]
            reply["readings"] = pack(class_probabilities(self.referee, read.flatten(0, 1)).numpy())
            reply["readingSide"] = len(read)
        if self.codes is not None and self.class_density is not None:
            points = np.rint(self.codes.mu / latent.REACH * 32767).clip(-32767, 32767).astype("<i2")
            reply["codes"] = {
                "places": to_base64(points),
                "labels": to_base64(self.codes.labels),
                "density": pack(self.class_density.density**0.25),  # densities span decades
                "densitySide": self.class_density.density.shape[1],
                "levels": (self.class_density.levels**0.25 * 255).round(2).tolist(),
                "centres": self.class_density.centres.round(3).tolist(),
            }
        return reply


def pack_tiles(tiles: Tensor) -> str:
    """Pictures (n, n, 28, 28) in [0, 1], five bits a pixel, deflated, base64.

    Each pixel of the picture is a plane of n x n values. These change slowly, so their differences along both axes,
    modulo 256, are small.
    """
    n = len(tiles)
    planes = (tiles * TILE_LEVELS).round().to(torch.uint8).numpy().reshape(n, n, -1).transpose(2, 0, 1)
    for axis in (1, 2):
        planes = np.diff(planes, axis=axis, prepend=np.uint8(0))
    return to_base64(zlib.compress(planes.tobytes(), 9))


def pack(values: np.ndarray) -> str:
    """Values in [0, 1], a byte each, deflated, base64."""
    return to_base64(zlib.compress(np.rint(values * 255).astype(np.uint8).tobytes(), 9))
