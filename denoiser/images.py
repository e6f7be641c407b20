"""Grey pictures in files: single ones in any format Pillow knows, and stacks as .npy, .npz or IDX (also .gz).

Knows nothing of models. Nothing is unpickled, nothing is read that its header does not fit, and what a file claims is
checked before memory is taken for it.
"""

import gzip
import io
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .errors import DenoiserError
from .files import write_atomically
from .image_decoder import FILES, FORMATS, DamagedImage, RefusedImage, decode_all

MOST_PIXELS = 2**25  # of one picture: 8K video has as many
MOST_BYTES = 2**30  # of a stack
TOGETHER, SMALL = 64, 2**16  # how many small files, of up to how many bytes, are decoded in one go
UNCLIPPED = 16  # times the range: as far as unclipped noise takes floats, and no further
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
GZIP = b"\x1f\x8b"


class PictureError(DenoiserError, ValueError):
    """A file that cannot be read or written as a picture or stack; the message names it."""


# ---------- single pictures ----------


def read_picture(path: Path) -> Tensor:
    """A picture file as it is, in grey: float (1, 1, H, W) in [0, 1]; PictureError where it cannot be read."""
    return next(read_pictures([path]))


def read_pictures(paths: Iterable[Path]) -> Iterator[Tensor]:
    """What `read_picture` returns of each file, in their order; much faster where there are many small files."""
    group: list[tuple[Path, bytes]] = []
    for path in paths:
        with _reading(path, "a picture"), path.open("rb") as file:
            group.append((path, file.read(FILES.file + 1)))
        if len(group) == TOGETHER or len(group[-1][1]) > SMALL:
            yield from _decoded(group)
            group = []
    if group:
        yield from _decoded(group)


def _decoded(group: Sequence[tuple[Path, bytes]]) -> Iterator[Tensor]:
    """The pictures of files, given with their content."""
    limits = FILES._replace(pixels=MOST_PIXELS)
    images = decode_all([content for _, content in group], "grey", limits)
    for (path, _), image in zip(group, images, strict=True):
        if isinstance(image, RefusedImage):
            raise PictureError(f"{path}: {image}")
        if isinstance(image, DamagedImage):
            raise PictureError(f"{path} cannot be read as a picture: {image}")
        pixels = image.astype(np.float32) / (255 if image.dtype == np.uint8 else 65535)
        yield torch.from_numpy(pixels.clip(0, 1)).view(1, 1, *pixels.shape)


def write_picture(x: Tensor, path: Path) -> None:
    """`x` (1, 1, H, W) in [0, 1] as a picture of 8 bits; PictureError where that format or place is none."""
    write_pixels(x[0, 0].mul(255).round().byte().cpu().numpy(), path)


def write_pixels(pixels: np.ndarray, path: Path) -> None:
    """uint8 (H, W) or (H, W, 3) as a picture; PictureError where that format or place is none."""
    content, format = io.BytesIO(), picture_format(path)
    try:
        Image.fromarray(pixels).save(content, format=format)
        write_atomically(path, content.getvalue())
    except (OSError, KeyError, ValueError) as error:
        raise PictureError(f"{path} cannot be written: {error}") from error


def picture_format(path: Path) -> str:
    """Pillow's name of the format that the ending of `path` names; PictureError where it names none."""
    format = Image.registered_extensions().get(path.suffix.lower())
    if format not in FORMATS:
        raise PictureError(f"{path}: {path.suffix or 'no ending'!r} names no picture format; try .png")
    return format


def is_picture_name(path: Path) -> bool:
    """Whether a file's ending is that of a picture."""
    return Image.registered_extensions().get(path.suffix.lower()) in FORMATS


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """PictureError for whatever goes wrong while a file is read as `what`."""
    try:
        yield
    except DenoiserError:
        raise
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}") from None
    except Exception as error:  # decoders raise whatever their formats' parsers happen to
        reason = " ".join(f"{error}".split()) or type(error).__name__
        raise PictureError(f"{path} cannot be read as {what}: {reason}") from error


def _refuse_size(path: Path, height: int, width: int) -> None:
    if height * width > MOST_PIXELS:
        raise PictureError(f"{path} has {width} x {height} pixels; {MOST_PIXELS:,} are the most")


# ---------- stacks ----------


class Format(NamedTuple):
    """How arrays lie in a file: `read(path)` gives them by name, `dump(arrays, path)` the bytes to write to `path`.

    A format of one array calls it "".
    """

    name: str
    read: Callable[[Path], dict[str, np.ndarray]]
    dump: Callable[[Mapping[str, np.ndarray], Path], bytes]


class Stack(NamedTuple):
    """All arrays of a file by name, the names of those that are pictures, and the file's format."""

    arrays: dict[str, np.ndarray]
    pictures: list[str]
    format: Format


def is_stack(path: Path) -> bool:
    """Whether a file is a stack, by its ending or, for IDX, by its first bytes."""
    return _format(path) is not None


def read_stack(path: Path) -> Stack:
    """A file of pictures: of an .npz those arrays that are some, of the other formats its one array.

    Pictures are numbers of the shape (N, H, W), (N, 1, H, W) or (N, H, W, 1). Raises PictureError where the file is
    damaged, or too large, or holds no pictures.
    """
    format = _format(path)
    if format is None:
        raise PictureError(f"{path} is no .npy, .npz or IDX file")
    with _reading(path, "a stack of pictures"):
        arrays = format.read(path)
    flattened = {name: flat(array) for name, array in arrays.items() if array.dtype.kind in "buif"}
    found = {name: pictures for name, pictures in flattened.items() if pictures is not None}
    names = list(found)
    if not names:
        shapes = ", ".join(f"{array.dtype} {array.shape}" for array in arrays.values()) or "nothing"
        raise PictureError(f"{path} holds {shapes}, no pictures: those are (N, H, W), (N, 1, H, W) or (N, H, W, 1)")
    for name in names:
        count, height, width = found[name].shape
        if not count * height * width:
            raise PictureError(f"{path} holds {count} pictures of {width} x {height} pixels")
        _refuse_size(path, height, width)
    return Stack(arrays, names, format)


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file (also .gz), of any shape; PictureError where it is missing or damaged."""
    with _reading(path, "an IDX file"):
        return IDX.read(path)[""]


def write_stack(stack: Stack, path: Path) -> None:
    """Write `stack` in its own format; WriteError where there is no room, PictureError where `path` names another."""
    refuse_ending(stack, path)
    write_atomically(path, stack.format.dump(stack.arrays, path))


def refuse_ending(stack: Stack, path: Path) -> None:
    """PictureError where the ending of `path` is that of another format."""
    if BY_ENDING.get(path.suffix.lower(), IDX) != stack.format or is_picture_name(path):
        raise PictureError(f"{path}: what is read as {stack.format.name} is written as {stack.format.name}")


def flat(array: np.ndarray) -> np.ndarray | None:
    """A view of pictures as (N, H, W); None where the array has another shape than theirs."""
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[3]):
        return array[:, 0] if array.shape[1] == 1 else array[..., 0]
    return array if array.ndim == 3 else None


def shaped_like(pictures: np.ndarray, array: np.ndarray) -> np.ndarray:
    """The way back from `flat`: (N, H, W) with the channel axis that `array` has, or none."""
    return pictures if array.ndim == 3 else np.expand_dims(pictures, 1 if array.shape[1] == 1 else 3)


def full_ink(array: np.ndarray) -> int:
    """The value of full ink in an array of pictures: 1 of bool, 255 of uint8, else 1, 255 or 65535 by the values.

    Floats may leave their range, as unclipped noise does. PictureError where the values fit no range.
    """
    if array.dtype.kind == "b" or array.dtype == np.uint8:
        return 1 if array.dtype.kind == "b" else 255
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind == "f":
        fits = {full: max(high, -low) <= full * UNCLIPPED for full in (1, 255)}
    else:
        fits = {full: low >= 0 and high <= full for full in (255, 65535)}
    for full, within in fits.items():
        if within:
            return full
    raise PictureError(f"values from {low:g} to {high:g} are not within 0 to {' or 0 to '.join(map(str, fits))}")


def to_unit(pictures: np.ndarray, full: int) -> Tensor:
    """Pictures (N, H, W) of numbers up to `full` as float32 (N, 1, H, W) in [0, 1]."""
    return torch.from_numpy(np.array(pictures, dtype=np.float32)).div_(full).clamp_(0, 1).unsqueeze(1)


def from_unit(x: Tensor, full: int, dtype: np.dtype) -> np.ndarray:
    """The way back from `to_unit`, rounded where `dtype` is not of floats."""
    values = x.squeeze(1).mul(full)
    return (values if dtype.kind == "f" else values.round()).cpu().numpy().astype(dtype)


def _read_npy(path: Path) -> dict[str, np.ndarray]:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("it is an .npz")
    _refuse_bytes(array.nbytes)
    return {"": array}


def _dump_npy(arrays: Mapping[str, np.ndarray], path: Path) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, arrays[""], allow_pickle=False)
    return content.getvalue()


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _refuse_bytes(sum(member.file_size for member in members))
        return {
            member.filename.removesuffix(".npy"): np.lib.format.read_array(
                io.BytesIO(archive.read(member)), allow_pickle=False
            )
            for member in members
        }


def _dump_npz(arrays: Mapping[str, np.ndarray], path: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", _dump_npy({"": array}, path))
    return content.getvalue()


def _read_idx(path: Path) -> dict[str, np.ndarray]:
    with _unpacked(path) as file:
        _, _, kind, dimensions = file.read(4)
        dtype = np.dtype(IDX_TYPES[kind])
        shape = [int.from_bytes(file.read(4), "big") for _ in range(dimensions)]
        size = math.prod(shape) * dtype.itemsize
        _refuse_bytes(size)
        content = file.read(size + 1)
    if len(content) != size:
        raise ValueError(f"its header names {size:,} bytes, and there are {'more' if len(content) > size else 'fewer'}")
    return {"": np.frombuffer(content, dtype).reshape(shape)}


def _dump_idx(arrays: Mapping[str, np.ndarray], path: Path) -> bytes:
    array = arrays[""]
    kind = next(kind for kind, dtype in IDX_TYPES.items() if array.dtype == np.dtype(dtype))
    shape = b"".join(length.to_bytes(4, "big") for length in array.shape)
    content = bytes([0, 0, kind, array.ndim]) + shape + array.tobytes()
    return gzip.compress(content, compresslevel=6, mtime=0) if path.suffix.lower() == ".gz" else content


def _unpacked(path: Path) -> BinaryIO:
    """The content of a file that may be gzipped."""
    with path.open("rb") as file:
        return cast(BinaryIO, gzip.open(path)) if file.read(2) == GZIP else path.open("rb")


def _is_idx(path: Path) -> bool:
    try:
        with _unpacked(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False
    return len(start) == 4 and start[:2] == b"\0\0" and start[2] in IDX_TYPES and 1 <= start[3] <= 4


def _refuse_bytes(count: int) -> None:
    if count > MOST_BYTES:
        raise ValueError(f"it holds {count:,} bytes; {MOST_BYTES:,} are the most")


IDX = Format("IDX", _read_idx, _dump_idx)
BY_ENDING = {".npy": Format(".npy", _read_npy, _dump_npy), ".npz": Format(".npz", _read_npz, _dump_npz)}


def _format(path: Path) -> Format | None:
    return BY_ENDING.get(path.suffix.lower()) or (IDX if _is_idx(path) else None)
