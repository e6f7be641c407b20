"""The Latent space tab: the plane of a two-dimensional VAE as a map to walk.

What a map needs is prepared once per checkpoint and sent once per visit; the pointer is then answered in the browser.
"""

import base64
import io
import json
import logging
import threading
import zlib
from functools import cached_property, partial

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .. import latent
from ..checkpoint import FOLDER
from ..errors import DenoiserError
from .component import BadRequest, component
from .denoise import digit_of, encode, noise_of
from .zoo import Zoo

ATLAS_SIDE = 61  # every 0.2 of the plane; tiles between are interpolated
TILE_LEVELS = 63  # greys of the atlas: six bits, an error of at most 0.008
READ_EVERY = 2  # the referee reads every second tile
GRID_SIZES = (10, 15, 20, 30)
GRID_AREAS = {"quantiles": "Prior quantiles", "2": "Plane to 2σ", "3": "Plane to 3σ", "4": "Plane to 4σ"}
DOZEN = 12
HIGHEST_SEED = 2**31 - 1
FILMS = {"gif": "image/gif", "png": "image/png"}


class Chart:
    """One model's map: everything about it that no visitor changes, computed when first asked for."""

    def __init__(self, zoo: Zoo, name: str):
        self.name, self.model, self.record, self.referee = name, zoo.models[name], zoo.records[name], zoo.referee
        self.codes: latent.Codes | None = None
        self.problem = ""
        self.lock = threading.Lock()
        try:
            self.codes = latent.load_codes(latent.codes_path(name), self.record["sha256"])
        except latent.CodesError as error:
            self.problem = str(error)

    @cached_property
    def land(self) -> latent.Countries | None:
        """Where the classes live; None without codes."""
        return latent.countries(self.codes) if self.codes else None

    def figures(self) -> dict:
        """How good this map is: from its codes, and from the evaluation where that was of these very weights."""
        found = {"accuracy": self.codes.accuracy} if self.codes else {}
        try:
            report = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))["models"][self.name]
            if report["sha256"] == self.record["sha256"]:
                found |= {key: float(report[key]) for key in ("negative_elbo", "kl")}
        except (OSError, ValueError, KeyError, TypeError):
            pass  # never evaluated
        return found

    def reply(self) -> dict:
        """What the browser needs to draw and to decode; one thread prepares it, the others wait."""
        with self.lock:
            return self._reply

    @cached_property
    def _reply(self) -> dict:
        tiles = latent.atlas(self.model, ATLAS_SIDE)
        reply = {
            "name": self.name,
            "reach": latent.REACH,
            "side": ATLAS_SIDE,
            "top": TILE_LEVELS,
            "tiles": pack_tiles(tiles),
            "readings": None,
            "codes": None,
            "problem": self.problem,
        }
        if self.referee is not None:
            some = tiles[::READ_EVERY, ::READ_EVERY].reshape(-1, *tiles.shape[2:])
            reply["readings"] = text(np.rint(latent.read(self.referee, some).numpy() * 255).astype(np.uint8))
            reply["readingSide"] = len(range(0, ATLAS_SIDE, READ_EVERY))
        if self.codes is not None and self.land is not None:
            places = np.rint(self.codes.mu / latent.REACH * 32767).clip(-32767, 32767).astype("<i2")
            reply["codes"] = {
                "places": text(places),
                "labels": text(self.codes.labels),
                # densities span decades: their fourth roots fit a byte
                "density": text(zlib.compress(np.rint(self.land.density**0.25 * 255).astype(np.uint8).tobytes(), 9)),
                "densitySide": self.land.density.shape[1],
                "levels": (self.land.levels**0.25 * 255).round(2).tolist(),
                "centres": self.land.centres.round(3).tolist(),
            }
        return reply


def pack_tiles(tiles: Tensor) -> str:
    """Pictures (n, n, 28, 28) in [0, 1] for the wire: six bits a pixel, pixel after pixel over the whole plane, each
    value less its left neighbour's, deflated, base64. The plane is smooth, so the differences are small."""
    n = len(tiles)
    planes = (tiles * TILE_LEVELS).round().to(torch.uint8).numpy().reshape(n, n, -1).transpose(2, 0, 1)
    differences = planes.copy()
    differences[:, :, 1:] -= planes[:, :, :-1]
    return text(zlib.compress(differences.tobytes(), 9))


def text(content: bytes | np.ndarray) -> str:
    """Bytes for JSON."""
    return base64.b64encode(content if isinstance(content, bytes) else content.tobytes()).decode()


# ---------- what the browser may ask ----------

Charts = dict[str, Chart]


def chart_of(charts: Charts, request: dict) -> Chart:
    """The map that the request names."""
    name = request.get("name")
    if not isinstance(name, str) or name not in charts:
        raise BadRequest("There is no such map.")
    return charts[name]


def place_of(value: object) -> Tensor:
    """A place (2,) from the request; PlaceError where it is none, or off the map."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(v) in (int, float) for v in value):
        raise latent.PlaceError("A place on the map is two numbers.")
    return latent.as_places([value])[0]


def chart(charts: Charts, request: dict) -> dict:
    """The whole map."""
    return chart_of(charts, request).reply()


def point(charts: Charts, request: dict) -> dict:
    """The place `z`, decoded exactly, with the referee's reading and the nearest test digit."""
    here = chart_of(charts, request)
    z = place_of(request.get("z"))
    picture = latent.decode(here.model, z.unsqueeze(0))
    reply = {"picture": encode(picture[0]), "reading": readings(here, picture)[0], "nearest": None}
    if here.codes is not None:
        distance = np.hypot(*(here.codes.mu - z.numpy()).T)
        nearest = int(distance.argmin())
        reply["nearest"] = {"digit": int(here.codes.labels[nearest]), "distance": float(distance[nearest])}
    return reply


def own(charts: Charts, request: dict) -> dict:
    """Where the visitor's digit lands, and where noise takes it."""
    here = chart_of(charts, request)
    kind, seed, factors = noise_of(request | {"factors": None})
    x, _ = digit_of({"picture": request.get("picture")}, seed)
    path = latent.drift(here.model, x, kind, seed, factors, here.referee)
    noisy, decoded = path.comparison.pictures
    read = path.comparison.readings
    return {
        "factors": list(factors),
        "mu": path.mu.tolist(),
        "sigma": path.sigma.tolist(),
        "noisy": [encode(picture) for picture in noisy],
        "decoded": [encode(picture) for picture in decoded],
        "crossing": path.crossing,
        "reads": None if read is None else read[1].argmax(dim=1).tolist(),
        "drawn": None if read is None else int(path.comparison.clean_reading.argmax()),
    }


def walk(charts: Charts, request: dict) -> tuple[Chart, Tensor, Tensor]:
    """The morph that the request describes: its map, places and pictures."""
    here = chart_of(charts, request)
    a, b = place_of(request.get("a")), place_of(request.get("b"))
    along = request.get("along") is True
    if along and here.land is None:
        raise DenoiserError("Without the test digits there is no data to go along.")
    return here, *latent.morph(here.model, a, b, land=here.land if along else None)


def morph(charts: Charts, request: dict) -> dict:
    """The places and pictures from `a` to `b`, with the referee's readings."""
    here, places, pictures = walk(charts, request)
    return {
        "places": places.tolist(),
        "pictures": [encode(picture) for picture in pictures],
        "readings": readings(here, pictures),
    }


def film(charts: Charts, request: dict) -> dict:
    """The same as a file: an animated GIF there and back, or a PNG strip."""
    kind = request.get("kind")
    if kind not in FILMS:
        raise BadRequest("A morph can be saved as GIF or PNG.")
    _, _, pictures = walk(charts, request)
    levels = (pictures * 255).round().to(torch.uint8).numpy()
    if kind == "png":
        return {"type": FILMS[kind], "content": save([enlarge(np.concatenate(list(levels), axis=1), 3)], "PNG")}
    frames = [enlarge(level, 8) for level in [*levels, *levels[-2:0:-1]]]
    return {"type": FILMS[kind], "content": save(frames, "GIF")}


def grid(charts: Charts, request: dict) -> dict:
    """The classic picture of n x n decoded digits, as PNG."""
    here = chart_of(charts, request)
    n, area = request.get("n"), request.get("area")
    if n not in GRID_SIZES or area not in GRID_AREAS:
        raise BadRequest("There is no such grid.")
    places = latent.quantile_lattice(n) if area == "quantiles" else latent.lattice(n, float(area))
    sheet = latent.contact_sheet(latent.decode(here.model, places))
    return {"content": save([Image.fromarray(sheet)], "PNG"), "pixels": len(sheet)}


def dozen(charts: Charts, request: dict) -> dict:
    """Twelve digits drawn from the prior."""
    here = chart_of(charts, request)
    seed = request.get("seed")
    if type(seed) is not int or not 0 <= seed <= HIGHEST_SEED:
        raise BadRequest(f"The seed must be a whole number from 0 to {HIGHEST_SEED}.")
    places, pictures = latent.sample(here.model, DOZEN, seed)
    return {
        "places": places.tolist(),
        "pictures": [encode(picture) for picture in pictures],
        "readings": readings(here, pictures),
    }


def readings(here: Chart, pictures: Tensor) -> list:
    """The referee's probabilities of each picture (B, 28, 28), or Nones without a referee."""
    if here.referee is None:
        return [None] * len(pictures)
    return [[round(p, 4) for p in row] for row in latent.read(here.referee, pictures).tolist()]


def enlarge(level: np.ndarray, times: int) -> Image.Image:
    """A picture whose pixels are squares of `times` x `times`."""
    return Image.fromarray(level.repeat(times, axis=0).repeat(times, axis=1))


def save(frames: list[Image.Image], kind: str) -> str:
    """The frames as one file, base64."""
    file = io.BytesIO()
    options = {"save_all": True, "append_images": frames[1:], "duration": 130, "loop": 0} if kind == "GIF" else {}
    frames[0].save(file, kind, optimize=kind == "PNG", **options)
    return text(file.getvalue())


# ---------- the tab ----------


def build(zoo: Zoo) -> None:
    """Lay out the tab inside the current gr.Blocks."""
    charts = {name: Chart(zoo, name) for name, model in zoo.models.items() if latent.has_plane(model)}
    if not charts:
        gr.Markdown(
            "There is no map yet: it needs a model with two latent dimensions. `python -m denoiser train vae-2d`"
        )
        return
    threading.Thread(target=prepare, args=(charts,), daemon=True).start()

    def bound(function):
        return partial(function, charts)

    with gr.Column(elem_id="latent"):
        component("map", bound(chart), names=list(charts))
        component("latent_reading", bound(point), bound(own), referee=zoo.referee is not None)
        component("latent_morph", bound(morph), bound(film))
        component("latent_new", bound(dozen))
        component("latent_figures", figures={name: here.figures() for name, here in charts.items()})
        component("latent_grid", bound(grid), sizes=list(GRID_SIZES), areas=GRID_AREAS)
        component("latent_text")


def prepare(charts: Charts) -> None:
    """Compute every map before the first visitor asks."""
    for here in charts.values():
        try:
            here.reply()
        except Exception:
            logging.getLogger(__name__).exception("the map of %s could not be prepared", here.name)
