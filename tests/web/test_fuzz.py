"""Anything at all, to whatever takes something from strangers: an answer or one of our errors, and never a crash.

`python -m pytest tests/web/test_fuzz.py -m "not slow"` tries a few hundred cases, `-m slow` more than ten thousand.
They
are the same every time; DENOISER_FUZZ=N in the environment draws others, N times as many.
"""

import base64
import gzip
import hashlib
import io
import json
import math
import os
import signal
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lying_files import LYING_FILES
from PIL import Image

from denoiser import images
from denoiser.checkpoint import CheckpointError, load_checkpoint, save_model
from denoiser.data import SIDE
from denoiser.data.examples import EXAMPLES
from denoiser.errors import DenoiserError
from denoiser.filters import FILTERS
from denoiser.image_decoder import BROKE_DOWN, UPLOADS, DamagedImage, decode_all
from denoiser.ink import digit_from_image, digit_from_strokes, framed_from_image
from denoiser.latent import Codes, CodesError, load_codes
from denoiser.models import Denoiser, build
from denoiser.noise import NOISES
from denoiser.recipes import RECIPES
from denoiser.record import Epoch, Record
from denoiser.web.api import ENDPOINTS, Endpoints, Failure, attempt
from denoiser.web.components import static_files
from denoiser.web.denoise import handlers as denoise
from denoiser.web.endpoint import shown_error, unqueued
from denoiser.web.i18n import english
from denoiser.web.latent import handlers as latent
from denoiser.web.models import handlers as models
from denoiser.web.server.limits import Refused, check_json, parsed_body
from denoiser.web.serving import digits, live_training
from denoiser.web.serving.latent_map import LatentMap
from denoiser.web.serving.model_pool import ModelPool
from denoiser.web.serving.training_queue import TrainingQueue
from denoiser.web.serving.user_models import UserModelStore
from denoiser.web.train import handlers as train

TIMES = int(os.environ.get("DENOISER_FUZZ", 0))
settings.register_profile(
    "fuzz",
    deadline=None,  # a hang is met by `within`, a slow machine by nothing
    derandomize=not TIMES,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)
CRASHED = "That went wrong on the server"
SILENCE = 60  # seconds for a single case; on a quiet machine the slowest takes less than one
LINKS = 5_000


@contextmanager
def within(seconds: int):
    """TimeoutError in whatever takes longer."""

    def stop(*_):
        raise TimeoutError(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def unless(kind: type[Exception]):
    """What stands within may raise an error of that kind, if that is a sentence and owns up to no crash."""
    said = "nothing"
    try:
        yield
    except kind as error:
        said = str(error)
    assert said
    assert "\n" not in said
    assert "Traceback" not in said
    assert CRASHED not in said


def is_digit(x: torch.Tensor) -> bool:
    fits = x.shape == (1, 1, SIDE, SIDE) and x.dtype == torch.float32
    return fits and bool(x.isfinite().all()) and 0 <= float(x.min()) <= float(x.max()) <= 1


# ---------- what strangers send ----------

ODD = [0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 1e308, -1e308, 5e-324, -0.0, math.nan, math.inf, -math.inf]
NUMBERS = st.one_of(st.sampled_from(ODD), st.integers(), st.floats(), st.floats(0, 1), st.integers(0, 40))
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "unet", "tiny", "median", "gaussian", "../../etc/passwd", "\ud800", "\0", "NaN", "x" * 5000]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)

COORDINATES = st.one_of(st.floats(-1, 2), st.floats(0, 1), st.sampled_from([0, 1, 0.5, 1e-9, 0.3333]))
POINTS = st.one_of(
    st.tuples(COORDINATES, COORDINATES),
    st.tuples(COORDINATES, COORDINATES, st.floats(0, 9)),
    st.tuples(COORDINATES, COORDINATES, st.floats(0, 9), st.floats(0, 1)),
)
STROKES = st.lists(st.lists(POINTS.map(list), max_size=20), max_size=4)
ANY_STROKES = st.one_of(
    STROKES,
    STROKES,
    st.lists(st.lists(st.lists(st.one_of(COORDINATES, SCALARS), max_size=5), max_size=6), max_size=3),
    st.lists(st.lists(JSON, max_size=4), max_size=3),
    JSON,
)


class Change(NamedTuple):
    """How bytes are damaged: at shares of their length, what stands there, and where they end."""

    places: list[float]
    values: bytes
    end: float
    insert: bytes

    def of(self, content: bytes) -> bytes:
        changed = bytearray(content)
        for place, value in zip(self.places, self.values, strict=False):
            if changed:
                changed[int(place * (len(changed) - 1))] = value
        if self.insert:
            at = int((self.places or [0.5])[0] * len(changed))
            changed[at:at] = self.insert
        return bytes(changed[: math.ceil(self.end * len(changed))])


SHARES = st.one_of(st.floats(0, 1), st.floats(0, 0.1))  # headers come first
CHANGES = st.builds(
    Change,
    st.lists(SHARES, max_size=6),
    st.binary(min_size=6, max_size=6),
    st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1)),
    st.one_of(st.just(b""), st.just(b""), st.binary(max_size=8)),
)


@cache
def files() -> list[bytes]:
    """A small picture in every format and depth, and things that are none."""
    grey = Image.fromarray((1 - digit_from_strokes(EXAMPLES["5"])[0, 0]).mul(255).byte().numpy()).resize((40, 36))
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    found = [b"", b"not a picture", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"%!PS-Adobe-3.0", b"<svg/>"]
    kinds = {
        "PNG": ("1", "L", "P", "LA", "RGB", "RGBA"),
        "JPEG": ("L", "RGB", "CMYK"),
        "GIF": ("L", "P"),
        "BMP": ("1", "L", "RGB"),
        "TIFF": ("1", "L", "P", "RGB", "RGBA", "CMYK", "LAB", "F", "I"),
        "WEBP": ("RGB", "RGBA"),
        "PPM": ("1", "L", "RGB"),
        "TGA": ("L", "RGBA"),
        "PCX": ("L", "RGB"),
        "SGI": ("L", "RGB"),
        "JPEG2000": ("L", "RGB"),
        "AVIF": ("RGB",),
        "QOI": ("RGB",),
    }
    for kind, modes in kinds.items():
        for mode in modes:
            if kind not in Image.SAVE and not Image.init():
                continue
            picture = Image.new("LAB", grey.size) if mode == "LAB" else grey.convert(mode)
            options = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "TIFF") else {}
            content = io.BytesIO()
            try:
                picture.save(content, kind, **options)
            except (OSError, KeyError):  # Pillow was built without it
                continue
            found.append(content.getvalue())
    for kind in ("PNG", "TIFF"):
        content = io.BytesIO()
        deep.save(content, kind)
        found.append(content.getvalue())
    return found


def array_of(seed: int, what: str, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """A picture as an array: of noise, of lines, of one shade, or with values that are no pixels."""
    rng = np.random.default_rng(seed)
    array = np.full(shape, rng.random())
    rows, columns = shape[:2] if len(shape) > 1 else (1, 1)
    if not array.size:
        return array.astype(kind)
    if what == "noise":
        array = rng.random(shape)
    elif what == "lines" and len(shape) > 1:
        for _ in range(rng.integers(1, 5)):
            row, column = rng.integers(rows), rng.integers(columns)
            array[row : row + rng.integers(1, rows + 1), column : column + 3] = rng.random()
    elif what == "slope" and len(shape) > 1:
        array += np.linspace(-0.5, 0.5, rows).reshape(-1, *[1] * (len(shape) - 1))
    elif what == "odd":
        array = rng.choice([0.0, 1.0, np.nan, np.inf, -1e30, 1e300, 1e-300], shape)
    full = {"uint8": 255, "uint16": 65535, "int32": 1000, "bool": 1}.get(kind, 1)
    with np.errstate(all="ignore"):
        return np.nan_to_num(array * full).astype(kind) if kind not in ("float32", "float64") else array.astype(kind)


ARRAYS = st.builds(
    array_of,
    st.integers(0, 2**32 - 1),
    st.sampled_from(["noise", "lines", "lines", "slope", "shade", "odd"]),
    st.one_of(
        st.tuples(st.integers(1, 60), st.integers(1, 60)),
        st.just((SIDE, SIDE)),
        st.tuples(st.integers(4, 40), st.integers(4, 40), st.sampled_from([1, 2, 3, 4])),
        st.sampled_from([(4, 300), (300, 4), (0, 9), (9,), (3, 3, 3, 3), ()]),
    ),
    st.sampled_from(["uint8", "uint16", "float32", "float64", "bool", "int32"]),
)

# ---------- small models, and a page of them ----------

NETWORKS = {  # of a recipe each: settings as small as they get
    "dense-32-noisy": {"widths": (4,)},
    "conv-32": {"filters": 2},
    "vae-2d": {"latent_dim": 2, "hidden": 4},
    "lstm": {"latent_dim": 2, "hidden": 4},
    "unet": {"widths": (2, 2), "blocks": (1, 1)},
    "referee": {"width": 1},
}
CODES = Codes(np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32), np.arange(60, dtype=np.uint8) % 10, 0.5)


class Small:
    """Checkpoints of untrained networks in a folder of their own."""

    def __init__(self, folder: Path):
        self.folder = folder
        torch.manual_seed(0)
        for name, shape in NETWORKS.items():
            recipe = replace(RECIPES[name], settings=shape, **({"grown_from": None} if name == "unet" else {}))
            history = (Epoch(1, train=0.5, validation=0.4, seconds=1.0),)
            record = Record(recipe, parameters=9, history=history, seconds=1.5, device="cpu")
            save_model(build(recipe.network, shape), record, folder)
        self.records = {name: json.loads((folder / f"{name}.json").read_text()) for name in NETWORKS}
        self.weights = {name: (folder / f"{name}.safetensors").read_bytes() for name in NETWORKS}


class SmallPool(ModelPool):
    """The page's models, but small ones."""

    def __init__(self, small: Small):
        loaded = {name: load_checkpoint(name, folder=small.folder) for name in NETWORKS}
        self.missing, self.problems, self.failing, self.user_models = [], [], set(), UserModelStore()
        self.referee = loaded.pop("referee")[0]
        self.models = {name: model for name, (model, _) in loaded.items()} | {"median": FILTERS["median"].build()}
        self.records = {name: record for name, (_, record) in loaded.items()} | {"median": FILTERS["median"].record()}

    @classmethod
    def of(cls, models, records):
        """A page's models, given."""
        pool = cls.__new__(cls)
        pool.models, pool.records = models, records
        return pool


@pytest.fixture(scope="module", autouse=True)
def small():
    """Small checkpoints, small limits, and no MNIST, so that a case is quick."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "MOST_BYTES", 2**20)
        patch.setattr(digits, "mnist_test", lambda: None)
        patch.setattr(denoise, "mnist_test", lambda: None)
        patch.setattr(digits, "SPECTRUM_DIGITS", 10)
        patch.setattr(live_training, "training_data", lambda: None)
        for cached in (page, files):
            cached.cache_clear()
        Small.here = Small(Path(folder))
        yield


class Page(NamedTuple):
    """Everything on the page that takes a request, and a request it answers."""

    handlers: dict[str, Callable[[dict], dict]]
    usual: dict[str, dict]
    endpoints: Endpoints


@cache
def page() -> Page:
    pool = SmallPool(Small.here)
    chart = LatentMap(pool, "vae-2d")
    chart.codes = CODES
    charts, handler = {"vae-2d": chart}, models.ModelsHandler(pool)
    digit = base64.b64encode(bytes(range(196)) * 4).decode()
    noise = {"kind": "gaussian", "seed": 1}
    of_maps = {"names": ["vae-2d"]}
    asked = {
        denoise.read_picture: {"content": base64.b64encode(files()[8]).decode()},
        denoise.test_digit: {},
        partial(denoise.compare, pool): noise | {"strokes": EXAMPLES["1"], "factors": [0.5], "models": ["conv-32"]},
        partial(latent.point, charts): {"places": {"vae-2d": [0, 1]}},
        partial(latent.own, charts): of_maps | noise | {"picture": digit},
        partial(latent.morph, charts): {"ends": {"vae-2d": [[0, 0], [1, 1]]}},
        partial(latent.film, charts): {"ends": {"vae-2d": [[0, 0], [1, 1]]}, "kind": "png"},
        partial(latent.grid, charts): of_maps | {"n": 10, "area": "2"},
        partial(latent.dozen, charts): of_maps | {"seed": 1},
        handler.inside: noise | {"model": "unet", "digit": digit, "factor": 0.5, "step": None},
        handler.weights: {"model": "conv-32"},
        handler.ten: {"models": ["conv-32"], "turn": 0},
        handler.spectrum: {"model": "dense-32-noisy"},
        partial(train.wait, TrainingQueue(60.0)): {"ticket": None},
        partial(train.stop, TrainingQueue(60.0)): {"ticket": "x"},
        train.preview: {"settings": CHOSEN},
        partial(train.checkpoint, pool.user_models): {
            "id": pool.user_models.add(pool.models["conv-32"], pool.records["conv-32"])
        },
    }
    name = {f: (f.func if isinstance(f, partial) else f).__name__ for f in asked}
    return Page({name[f]: f for f in asked}, {name[f]: usual for f, usual in asked.items()}, Endpoints(pool))


CHOSEN = live_training.DEFAULTS | live_training.FAMILY_DEFAULTS["dense"]  # on the Train page
MODELS = st.sampled_from([*NETWORKS, "median"])
PLACES = st.one_of(st.lists(st.floats(-6, 6), min_size=2, max_size=2), st.lists(NUMBERS, max_size=3), JSON)
SETTINGS = st.sampled_from([*CHOSEN])
BY_MAP = partial(st.dictionaries, st.one_of(st.just("vae-2d"), TEXTS), max_size=2)
BYTES = st.one_of(
    st.builds(
        lambda b: base64.b64encode(b).decode(), st.one_of(st.binary(max_size=40), st.binary(min_size=784, max_size=784))
    ),
    TEXTS,
)
FIELDS = {
    "content": BYTES,
    "is_noisy_input": st.one_of(st.booleans(), JSON),
    "clean_reader": st.one_of(st.booleans(), JSON),
    "non_digit": st.one_of(st.sampled_from(["blank", "noise"]), JSON),
    "strokes": ANY_STROKES,
    "picture": st.one_of(BYTES, JSON),
    "digit": st.one_of(BYTES, JSON),
    "kind": st.one_of(st.sampled_from([*NOISES, "gif", "png"]), JSON),
    "seed": st.one_of(st.integers(0, 9), JSON),
    "factors": st.one_of(st.none(), st.lists(st.one_of(st.floats(0, 1), SCALARS), max_size=4), JSON),
    "factor": st.one_of(st.floats(0, 1), JSON),
    "models": st.one_of(st.lists(st.one_of(MODELS, SCALARS), max_size=3), JSON),
    "model": st.one_of(MODELS, JSON),
    "names": st.one_of(st.just(["vae-2d"] * 3), JSON),
    "places": st.one_of(BY_MAP(PLACES), JSON),
    "ends": st.one_of(BY_MAP(st.lists(PLACES, max_size=3)), JSON),
    "along": st.one_of(st.booleans(), JSON),
    "n": st.one_of(st.sampled_from([10, 15, 10.0]), JSON),
    "area": st.one_of(st.sampled_from(["quantiles", "2", "4"]), JSON),
    "step": st.one_of(st.integers(-1, 20), JSON),
    "turn": st.one_of(st.integers(-1, 20), JSON),
    "user_model_ids": st.one_of(st.dictionaries(TEXTS, SCALARS, max_size=2), JSON),
    "settings": st.one_of(st.builds(lambda key, value: CHOSEN | {key: value}, SETTINGS, JSON), JSON),
    "ticket": JSON,
    "id": JSON,
}
SOME_FIELDS = st.lists(st.sampled_from(list(FIELDS)), max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)
ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "image": st.one_of(BYTES, JSON),
        "model": FIELDS["model"],
        "models": FIELDS["models"],
        "noise_kind": FIELDS["kind"],
        "noise_factor": FIELDS["factor"],
        "seed": FIELDS["seed"],
        "framed": FIELDS["is_noisy_input"],
        "place": PLACES,
    },
)

# ---------- what must come of it ----------


def try_strokes(strokes):
    with unless(DenoiserError):
        assert is_digit(digit_from_strokes(strokes))


def try_picture(picture):
    for take in (digit_from_image, framed_from_image):
        with unless(DenoiserError):
            assert is_digit(take(picture))


def try_file(case):
    which, change = case
    try_picture(change.of(files()[which % len(files())]))


def try_lying_file(case):
    """Through the process that decodes uploads, which must not break down over it."""
    content, change, task = case
    (found,) = decode_all([change.of(content)], task, UPLOADS._replace(pixels=2**22))
    if isinstance(found, np.ndarray):
        assert found.ndim == (3 if task == "working" else 2)
        assert np.isfinite(found).all()
    else:
        assert str(found) not in ("", BROKE_DOWN)
        assert isinstance(found, DamagedImage) or str(found).endswith(".")


def strict(text: str) -> object:
    """JSON as browsers read it: without NaN and Infinity."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} in JSON"))


def try_request(case):
    which, part, raw = case
    handlers = list(page().handlers)
    name = handlers[which % len(handlers)]
    text = raw if raw is not None else json.dumps(page().usual[name] | part)
    reply = strict(unqueued(page().handlers[name])([text]))
    assert isinstance(reply, dict)
    if "error" in reply:
        assert set(reply) == {"error"}
        assert CRASHED not in english(reply["error"])
        assert "\n" not in english(reply["error"])


def try_endpoint(case):
    name, arguments = case
    image = base64.b64encode(files()[8]).decode()
    usual = {"denoise": {"image": image}, "compare": {"image": image, "models": ["unet"]}, "encode": {"image": image}}
    usual |= {"decode": {"place": [0.0, 1.0]}}
    wanted = {
        "denoise": ("image", "model", "noise_kind", "noise_factor", "seed", "framed"),
        "compare": ("image", "models", "noise_kind", "noise_factor", "seed", "framed"),
        "encode": ("image", "model", "framed"),
        "decode": ("place", "model"),
    }.get(name, ())
    given_ = usual.get(name, {}) | {key: value for key, value in arguments.items() if key in wanted}
    reply = attempt(lambda: getattr(page().endpoints, name)(**given_), ())
    if not isinstance(reply, Failure):
        strict(json.dumps(reply))


def try_body(body):
    with unless(Refused):
        check_json(parsed_body(body))


def changed(value: object, path: list[int], new: object, how: str) -> object:
    """JSON with something else at a path, which is wound into whatever is there."""
    if not path or not isinstance(value, dict | list) or not value:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    key = list(copy)[path[0] % len(copy)] if isinstance(copy, dict) else path[0] % len(copy)
    if len(path) == 1 and how == "drop":
        del copy[key]
    else:
        copy[key] = changed(copy[key], path[1:], new, how)
    return copy


def try_checkpoint(name: str, record: bytes, weights: bytes):
    with TemporaryDirectory() as place, unless(CheckpointError):
        folder = Path(place)
        (folder / f"{name}.json").write_bytes(record)
        (folder / f"{name}.safetensors").write_bytes(weights)
        model, found = load_checkpoint(name, folder=folder)
        y = model(torch.zeros(1, 1, SIDE, SIDE))
        assert y.shape == ((1, 1, SIDE, SIDE) if isinstance(model, Denoiser) else (1, 10))
        pool = SmallPool.of({name: model}, {name: found})
        strict(json.dumps([models.entry(name, model, found), pool.card(name), Endpoints(pool).models()]))


def try_record(case):
    name, path, new, how, change = case
    record = changed(Small.here.records[name], path, new, how)
    try:
        content = json.dumps(record).encode()
    except (ValueError, TypeError):
        return
    try_checkpoint(name, change.of(content) if how == "bytes" else content, Small.here.weights[name])


def try_weights(case):
    name, change, header = case
    weights = Small.here.weights[name]
    length = int.from_bytes(weights[:8], "little")
    if header:  # well formed, but for what it says
        about = change.of(weights[8 : 8 + length])
        weights = len(about).to_bytes(8, "little") + about + weights[8 + length :]
    else:
        weights = change.of(weights)
    record = Small.here.records[name] | {"sha256": hashlib.sha256(weights).hexdigest()}
    try_checkpoint(name, json.dumps(record).encode(), weights)


def packed(arrays: dict[str, np.ndarray], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An .npz file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, array in arrays.items():
            file = io.BytesIO()
            np.save(file, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", file.getvalue())
    return content.getvalue()


def try_codes(case):
    array, name, change, compression = case
    sound = {"mu": CODES.mu, "labels": CODES.labels, "accuracy": np.float64(0.5), "sha256": np.array("abc")}
    content = change.of(packed(sound | ({name: array} if name else {}), compression))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.codes.npz"
        path.write_bytes(content)
        with unless(CodesError):
            codes = load_codes(path, "abc")
            assert codes.mu.shape == (len(codes.labels), 2)
            assert np.isfinite(codes.mu).all()
            assert codes.labels.max() < 10


def try_stack(case):
    array, ending, change = case
    if ending == ".npz":
        content = packed({"x": array, "y": np.arange(3), "objects": np.array([{}])[: array.ndim % 2]})
    elif ending == ".npy":
        file = io.BytesIO()
        np.save(file, array)
        content = file.getvalue()
    else:
        kind = {"uint8": 8, "float32": 13, "float64": 14, "int32": 12}.get(str(array.dtype), 8)
        shape = b"".join(length.to_bytes(4, "big") for length in array.shape)
        content = bytes([0, 0, kind, array.ndim]) + shape + array.astype(array.dtype.newbyteorder(">")).tobytes()
    content = change.of(content)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"stack{ending}"
        path.write_bytes(gzip.compress(content) if ending == ".gz" else content)
        with unless(DenoiserError):
            stack = images.read_stack(path)
            for name in stack.pictures:
                found = images.flat(stack.arrays[name])
                full = images.full_ink(found)
                x = images.to_unit(found, full)
                assert x.shape == (len(found), 1, *found.shape[1:])
                assert x.isfinite().all()
                assert 0 <= x.min() <= x.max() <= 1
                assert images.from_unit(x, full, found.dtype).shape == found.shape


NAMES = st.sampled_from(list(NETWORKS))
STACKS = st.builds(
    array_of,
    st.integers(0, 2**32 - 1),
    st.sampled_from(["noise", "lines", "odd"]),
    st.sampled_from([(3, 5, 4), (2, 1, 6, 5), (2, 6, 5, 1), (1, 1, 1), (0, 4, 4), (4, 4), (2, 3, 4, 5)]),
    st.sampled_from(["uint8", "uint16", "float32", "float64", "bool", "int32"]),
)


class Property(NamedTuple):
    """What is drawn, what must hold for it, and how often that is tried in the slow suite."""

    cases: st.SearchStrategy
    holds: Callable
    many: int


PROPERTIES = {
    "strokes": Property(ANY_STROKES, try_strokes, 1_500),
    "arrays": Property(ARRAYS, try_picture, 700),
    "files": Property(st.tuples(st.integers(0, 999), CHANGES), try_file, 1_500),
    "lying files": Property(
        st.tuples(
            LYING_FILES, st.one_of(st.just(Change([], b"", 1.0, b"")), CHANGES), st.sampled_from(["working", "grey"])
        ),
        try_lying_file,
        2_500,
    ),
    "requests": Property(
        st.tuples(st.integers(0, 999), SOME_FIELDS, st.one_of(st.none(), st.none(), st.none(), st.text())),
        try_request,
        2_700,
    ),
    "endpoints": Property(st.tuples(st.sampled_from(ENDPOINTS), ARGUMENTS), try_endpoint, 1_800),
    "bodies": Property(
        st.one_of(
            st.binary(max_size=60),
            st.dictionaries(
                st.one_of(st.sampled_from(["session_hash", "data", "event_id"]), TEXTS), JSON, max_size=3
            ).map(lambda value: json.dumps(value).encode()),
        ),
        try_body,
        1_000,
    ),
    "records": Property(
        st.tuples(
            NAMES, st.lists(st.integers(0, 40), max_size=5), JSON, st.sampled_from(["set", "drop", "bytes"]), CHANGES
        ),
        try_record,
        1_000,
    ),
    "weights": Property(st.tuples(NAMES, CHANGES, st.booleans()), try_weights, 700),
    "codes": Property(
        st.tuples(
            ARRAYS,
            st.sampled_from(["mu", "labels", "accuracy", "sharpness", "sha256", ""]),
            CHANGES,
            st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
        ),
        try_codes,
        700,
    ),
    "stacks": Property(st.tuples(STACKS, st.sampled_from([".npy", ".npz", ".idx", ".gz"]), CHANGES), try_stack, 900),
}
FEW = 30


def fuzz(name: str, cases: int) -> None:
    strategy, holds, _ = PROPERTIES[name]

    @settings(settings.get_profile("fuzz"), max_examples=cases * (TIMES or 1))
    @given(strategy)
    def every(case):
        with within(SILENCE):
            holds(case)

    every()


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_few_cases(name):
    fuzz(name, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROPERTIES)
def test_many_cases(name):
    fuzz(name, PROPERTIES[name].many)


def test_there_are_ten_thousand_of_them():
    assert sum(fuzzed.many for fuzzed in PROPERTIES.values()) >= 10_000


def test_an_error_that_is_not_ours_would_be_seen():
    """What the properties look for is said where something crashes."""
    assert CRASHED in str(shown_error(AttributeError("a mistake of ours"), "compare"))


# ---------- links ----------

LINK_LOOP = """async ([address, count]) => {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  const whole = n => Math.floor(random() * n), pick = list => list[whole(list.length)];
  const encode = text => btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  const digit = encode("x".repeat(784));
  const usual = () => ({ k: "gaussian", e: whole(9), f: 0.5, m: ["unet"], s: [[1, 2, 3, 400, 500, 6]] });
  const odd = () => pick([null, -1, 1e308, 2 ** 53, 0.5, "", "x", digit, [], {}, [[]], [[1]], [[1, 2, 3]],
    [[1, 2, 1e9]], [[NaN, 2, 3]], [["1", 2, 3]], { length: 3 }, "\\u0000", true,
    Array(6000).fill([1, 2, 3]), [Array(18000).fill(1)],
    JSON.parse("[".repeat(500) + "]".repeat(500)), "__proto__", { toString: 1 }]);
  const damaged = text => {
    const letters = [...text];
    for (let n = whole(5); n >= 0; n--) letters[whole(letters.length)] = String.fromCharCode(33 + whole(94));
    return letters.slice(0, random() < 0.3 ? whole(letters.length) : letters.length).join("");
  };
  const hash = () => {
    const facts = usual();
    for (let n = whole(4); n > 0; n--) facts[pick(["k", "e", "f", "m", "s", "p", "o", "n", "__proto__", "x"])] = odd();
    const text = encode(JSON.stringify(facts));
    return "#d=" + pick([() => text, () => text, () => damaged(text), () => encode(damaged(JSON.stringify(facts))),
                         () => pick(["", "%", "null", "W10", "e30", encode("[".repeat(100000))])])();
  };
  const unit = v => Number.isFinite(v) && v >= 0 && v <= 1;
  const text = v => typeof v === "string", drawn = q => q.length === 4 && unit(q[0]) && unit(q[1]) && q[2] >= 0;
  const fine = p => p.strokes.flat().length <= 5000 && p.strokes.flat().every(drawn)
    && (p.picture === null || text(p.picture)) && [null, "letter", "blank", "noise"].includes(p.nonDigit)
    && typeof p.isNoisyInput === "boolean" && text(p.kind) && Number.isInteger(p.seed) && p.seed >= 0
    && p.seed < 2 ** 31 && unit(p.factor) && p.requestedModels.every(text);
  const { parseLink } = await import(new URL(address, document.baseURI));
  const found = { taken: 0, refused: 0, wrong: [] };
  for (let n = 0; n < count; n++) {
    const link = hash();
    let patch;
    try {
      patch = parseLink(link);
    } catch {
      found.refused++;
      continue;
    }
    found.taken++;
    if (!fine(patch)) found.wrong.push(link.slice(0, 300));
  }
  return found;
}"""


@pytest.mark.slow
def test_links(browser, page_url):
    page = browser.new_page()
    page.set_default_timeout(1000 * SILENCE)
    page.goto(page_url)
    found = page.evaluate(LINK_LOOP, [static_files().address("shell/share/share_link.js"), LINKS * (TIMES or 1)])
    page.close()
    assert found["wrong"] == []
    assert min(found["taken"], found["refused"]) > LINKS / 20
