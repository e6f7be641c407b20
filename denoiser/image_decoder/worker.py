"""The process that decodes image files: bytes come in through a pipe, an array of pixels goes out.

`pool.py` runs this file by its path, so that nothing else of the package (least of all PyTorch) is imported: only the
standard library, numpy and Pillow. It starts in about 0.1 s and holds about 30 MB.

Each message is four bytes of length, a JSON header of that length, and what the header describes. A request names a
task of `TASKS`, the limits, and carries files, whose lengths are its "sizes". For each of them there is a reply. It
carries the pixels of an array of a "shape" and "dtype", or has "refused" (a sentence for
people: its template and what is filled in) or "damaged" (the
decoder's reason) in their place. That to the last file says in "last" whether the worker should be replaced.
"""

import io
import json
import math
import mmap
import os
import re
import signal
import struct
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO

if __name__ == "__main__":
    with suppress(ValueError, OSError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the parent, which ends this process
    sys.path += [folder for folder in sys.argv[1:] if folder not in sys.path]

import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin, UnidentifiedImageError
from PIL.ExifTags import Base

try:
    import resource
except ImportError:  # Windows: the parent's time limit and the limits on pixels remain
    resource = None  # type: ignore[assignment]

WORKING = 800  # pixels on the longer side of a picture while its ink is looked for
PAGE = 1200  # the same of a page with many digits
SMALLEST = 4  # pixels on the shorter side
LARGE = 2**24  # pixels; above that a picture is turned upright only once it is reduced
BAND = 512  # rows that are converted at a time

# A real JPEG has at most about 20 scans and a few hundred segments, a real PNG a few thousand chunks.
MOST_SCANS, MOST_SEGMENTS, MOST_CHUNKS = 100, 2_000, 50_000
LONGEST_GAP = 2**16  # bytes between two segments of a JPEG's header
LARGEST_RLE = 2**22  # bytes of a run-length encoded BMP, which Pillow decodes in Python
# Bytes that Pillow and its libraries allocate for each pixel of formats that cannot be decoded piece by piece.
BYTES_PER_PIXEL = {"WEBP": 17, "AVIF": 14}
GROWTH = 2**25  # bytes by which a worker may have grown after a picture; one that has grown more is replaced

MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # neither a stuffed zero, nor a fill byte, nor a restart marker

TOO_LARGE = "That picture is too large: {0} million pixels are the most we read."
TOO_SMALL = "That picture is only {0} x {1} pixels; there is nothing to see in so few."
TOO_MUCH_MEMORY = "That picture takes too much memory to read. Try a smaller one."
TOO_LONG = "That picture takes too long to read. Try a smaller one, or another format."
NOT_FINITE = "That array has values in it that are not finite numbers."


class Refused(ValueError):
    """A picture that is not decoded; the message is a sentence for people: `template` with `params` for {0}, {1}."""

    def __init__(self, template: str, *params: object):
        self.template, self.params = template, params
        super().__init__(template.format(*params))


# ---- what is looked at before Pillow decodes anything ----


def opened(content: bytes, formats: list[str], most_pixels: int, memory: int) -> Image.Image:
    """The picture in a file's bytes, not decoded yet.

    `formats` are Pillow's names; `memory` is in bytes. Raises Refused for one with more than `most_pixels` or that
    needs more memory, and for files built to keep a decoder busy; whatever Pillow raises for other files.
    """
    _check_structure(content)
    if size := _webp_size(content):  # opening it would already allocate all of it
        _check_size(*size, most_pixels, (memory - len(content)) // BYTES_PER_PIXEL["WEBP"])
    image = Image.open(io.BytesIO(content), formats=[name for name in formats if name in Image.OPEN])
    affordable = (memory - len(content)) // BYTES_PER_PIXEL.get(image.format or "", 1)
    _check_size(image.width, image.height, most_pixels, affordable)
    if image.format == "BMP" and image.info.get("compression") in (1, 2) and len(content) > LARGEST_RLE:
        raise Refused(TOO_LONG)
    if (coefficients := _coefficients(image)) and coefficients + image.width * image.height + len(content) > memory:
        raise Refused(TOO_MUCH_MEMORY)
    return image


def _check_size(width: int, height: int, *most: int) -> None:
    if width * height > min(most):
        raise Refused(TOO_LARGE, max(0, min(most)) // 1_000_000)


def _coefficients(image: Image.Image) -> int:
    """Bytes of the coefficients that libjpeg holds while it decodes a progressive JPEG, whatever its `draft`."""
    if not image.info.get("progressive"):
        return 0
    sampling = [(across, down) for _, across, down, _ in image.layer]  # type: ignore[attr-defined]
    largest = max(across for across, _ in sampling) * max(down for _, down in sampling)
    return 2 * image.width * image.height * sum(across * down for across, down in sampling) // max(1, largest)


def _check_structure(content: bytes) -> None:
    """Refused for a JPEG or PNG with so many parts that reading them alone would take seconds."""
    if content.startswith(b"\xff\xd8"):
        _check_jpeg(content)
    elif content.startswith(b"\x89PNG"):
        position = 8
        for _ in range(MOST_CHUNKS):
            if position + 8 > len(content):
                return
            position += 12 + int.from_bytes(content[position : position + 4], "big")
        raise Refused(TOO_LONG)


def _check_jpeg(content: bytes) -> None:
    position, scans = 2, 0
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(content, position, position + LONGEST_GAP if not scans else len(content))
        if found is None and not scans and len(content) > position + LONGEST_GAP:
            raise Refused(TOO_LONG)
        if found is None or found[1] == b"\xd9":
            return
        scans += found[1] == b"\xda"
        if scans > MOST_SCANS:
            raise Refused(TOO_LONG)
        position = found.end()
        if found[1] not in b"\x01\xd8":  # all others have a length
            position += int.from_bytes(content[position : position + 2], "big")
    raise Refused(TOO_LONG)


def _webp_size(content: bytes) -> tuple[int, int] | None:
    """The width and height in a WebP file's header; None for other files."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    kind = content[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF


class OrientationOnly(Image.Exif):
    """An EXIF directory of which only the orientation is read.

    Pillow copies what each entry points to, and thousands of entries may point to the same hundreds of kilobytes.
    """

    def load(self, data: bytes) -> None:
        """Read the orientation from the bytes of an EXIF block."""
        if (orientation := exif_orientation(data)) != 1:
            self[Base.Orientation] = orientation


def exif_orientation(data: bytes) -> int:
    """The orientation, 1 to 8, in the bytes of an EXIF block; 1 where there is none."""
    data = data.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(bytes(data[:4]))
    if order is None:
        return 1
    with suppress(struct.error):
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for at in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", data, at)
            if tag == Base.Orientation:
                return value if kind == 3 and 1 <= value <= 8 else 1
    return 1


# ---- tasks: from an open picture to an array ----


def working_pixels(image: Image.Image, longest: int = WORKING) -> np.ndarray:
    """The first or current frame upright, no side above `longest`, as (h, w, 1, 3 or 4).

    uint8, or float32 as from `array_pixels` for pictures of more than 8 bits. Raises Refused for pictures that are
    less than SMALLEST pixels wide or high.
    """
    if min(image.size) < SMALLEST:
        raise Refused(TOO_SMALL, *image.size)
    image.draft(None, (2 * longest, 2 * longest))  # a large JPEG is decoded at a fraction of its size
    image.load()
    if image.mode.startswith(("I", "F")):
        return array_pixels(np.asarray(_upright(image)), longest)
    large = image.width * image.height > LARGE
    image = image if large else _upright(image)
    if (longer := max(image.size)) > longest:
        image = _resized(image, [max(1, round(side * longest / longer)) for side in image.size])
    array = np.asarray(_upright(image) if large else _converted(image))
    return array[:, :, None] if array.ndim == 2 else array


def grey_pixels(image: Image.Image) -> np.ndarray:
    """The first frame upright in grey, (h, w): uint8, or int32 from 0 to 65535 for pictures of 16 bits."""
    image.load()
    image = _upright(image)
    return np.asarray(image).astype(np.int32) if image.mode.startswith("I") else np.asarray(image.convert("L"))


TASKS: dict[str, Callable[[Image.Image], np.ndarray]] = {
    "working": working_pixels,
    "page": partial(working_pixels, longest=PAGE),
    "grey": grey_pixels,
}


def array_pixels(array: np.ndarray, longest: int = WORKING) -> np.ndarray:
    """An array (H, W) or (H, W, C) of numbers as float32 (h, w, C) in [0, 1], no side above `longest`.

    Whole numbers count from 0 to the type's end; other numbers are in [0, 1] or [0, 255], else stretched to it. Raises
    Refused for values that are not finite.
    """
    array = array[:, :, None] if array.ndim == 2 else array
    full = 255 if array.dtype == np.uint8 else 65535 if array.dtype == np.uint16 else 1
    height, width = array.shape[:2]
    if (step := -(-max(height, width) // longest)) > 1:
        rows, columns = max(height // step, 1), max(width // step, 1)
        array = array[: rows * step, : columns * step]  # a remainder at the right and below is dropped
        array = array.reshape(rows, height // rows if rows == 1 else step, columns, -1, array.shape[2])
        array = array.mean((1, 3), dtype=np.float32)
    with np.errstate(over="ignore"):
        array = array.astype(np.float32) / full
    if not np.isfinite(array).all():
        raise Refused(NOT_FINITE)
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 255:
        return (array - low) / max(high - low, 1e-30)
    return array / 255 if high > 1 else array


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF orientation says."""
    oriented = image.getexif().get(Base.Orientation, 1) != 1
    return ImageOps.exif_transpose(image) if oriented else image


def _converted(image: Image.Image) -> Image.Image:
    """The picture in the mode L, RGB or RGBA."""
    if image.has_transparency_data:
        mode = "RGBA"
    elif image.mode == "LAB":  # which Pillow converts to nothing else
        return image.getchannel(0)
    else:
        mode = "L" if image.mode in ("1", "L") else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _resized(image: Image.Image, size: list[int]) -> Image.Image:
    """What `_converted` gives, in another size."""
    if not image.has_transparency_data:
        return _converted(image).resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    # Pillow would convert the whole picture twice on the way. Here it is converted, and resized across, in bands.
    narrow = Image.new("RGBa", (size[0], image.height))
    for top in range(0, image.height, BAND):
        band = image.crop((0, top, image.width, min(top + BAND, image.height)))
        narrow.paste(_converted(band).convert("RGBa").resize((size[0], band.height), Image.Resampling.BOX), (0, top))
    resized = narrow.resize(size, Image.Resampling.BOX).convert("RGBA")
    resized.info = image.info  # the orientation is in it
    return resized


# ---- the process ----


def main() -> None:
    """Answer requests from standard input on standard output until it is closed."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # `opened` knows the limit
    Image.Exif = OrientationOnly  # type: ignore[misc]
    Image.register_open("JPEG", JpegImagePlugin.JpegImageFile, lambda prefix: prefix.startswith(b"\xff\xd8\xff"))
    with suppress(ImportError):  # not in every build of Pillow
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff writes there what it thinks of a file
    idle, niceness = _memory(), 0
    _send(target, {"ready": True})
    target.flush()
    while request := _receive(source):
        with suppress(AttributeError, OSError):  # Windows
            niceness = os.nice(max(0, request["niceness"] - niceness))
        _limit("AS", idle[0] + request["memory"] if idle[0] else None)
        _limit("CORE", 0)
        contents = [source.read(size) for size in request["sizes"]]
        while contents:
            _limit("CPU", math.ceil(sum(os.times()[:2]) + request["cpu"]))  # it counts from the process's start
            reply, pixels = _answer(request, contents.pop(0))
            if not contents:
                reply["last"] = any(now - then > GROWTH for now, then in zip(_memory(), idle, strict=True))
            _send(target, reply, pixels)
        target.flush()


def _answer(request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], np.ndarray | None]:
    try:
        image = opened(content, request["formats"], request["pixels"], request["memory"])
        pixels = np.ascontiguousarray(TASKS[request["task"]](image))
        return {"shape": pixels.shape, "dtype": pixels.dtype.name, "size": pixels.nbytes}, pixels
    except Refused as refusal:
        return {"refused": [refusal.template, *refusal.params]}, None
    except MemoryError:
        return {"refused": [TOO_MUCH_MEMORY]}, None
    except UnidentifiedImageError:
        return {"damaged": "it is of no format that is read here"}, None
    except Exception as error:  # decoders raise whatever their formats' parsers happen to
        return {"damaged": " ".join(f"{error}".split()) or type(error).__name__}, None


def _limit(what: str, most: int | None) -> None:
    """Limit one of the system's resources for this process, as far as the system knows it and allows it."""
    kind = getattr(resource, f"RLIMIT_{what}", None)
    if kind is None or most is None:
        return
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _memory() -> tuple[int, int]:
    """Bytes of address space and of memory that this process takes; zeros where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = file.read().split()
        return int(pages[0]) * mmap.PAGESIZE, int(pages[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return 0, 0


def _receive(source: BinaryIO) -> dict[str, Any] | None:
    length = source.read(4)
    return json.loads(source.read(*struct.unpack(">I", length))) if len(length) == 4 else None


def _send(target: BinaryIO, header: dict[str, Any], pixels: np.ndarray | None = None) -> None:
    text = json.dumps(header).encode()
    target.write(struct.pack(">I", len(text)) + text)
    if pixels is not None:
        target.write(pixels.reshape(-1).view(np.uint8).data)


if __name__ == "__main__":
    main()
