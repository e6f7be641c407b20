"""Pictures of any kind to pixels: files, bytes, PIL images and arrays, upright and on an opaque ground."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..image_decoder import (
    FILES,
    PAGE,
    SMALLEST,
    WORKING,
    DamagedImage,
    Limits,
    Refused,
    RefusedImage,
    array_pixels,
    decode,
    working_pixels,
)
from ..image_decoder.worker import TOO_LARGE, TOO_MUCH_MEMORY, TOO_SMALL
from .errors import NO_PICTURE, InkError, UnreadablePicture

TOO_SMALL_ONCE_READ = "That picture is {0} x {1} pixels once read; there is nothing to see in so few."
LARGEST = FILES.pixels  # of an array or an image that is open already


def pixels_of(picture: Any, limits: Limits, page: bool = False) -> np.ndarray:
    """Any picture as float32 (h, w, 3) in [0, 1], upright, ink visible on an opaque ground.

    No side is above WORKING pixels, or PAGE pixels of a page with many digits.
    """
    longest = PAGE if page else WORKING
    if isinstance(picture, Image.Image):
        array = _readable(lambda: _from_pil(picture, longest))
    elif isinstance(picture, np.ndarray) or (hasattr(picture, "__array__") and not isinstance(picture, memoryview)):
        array = _readable(lambda: _from_array(np.asarray(picture), longest))
    else:
        content = _readable(lambda: _content(picture, limits.file + 1))
        try:
            array = decode(content, "page" if page else "working", limits)
        except RefusedImage as error:
            raise UnreadablePicture(error.template, *error.params) from error
        except DamagedImage as error:
            raise UnreadablePicture(NO_PICTURE) from error
    if min(array.shape[:2]) < SMALLEST:
        raise UnreadablePicture(TOO_SMALL_ONCE_READ, *_size(array))
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / 255
    if array.shape[2] == 1:
        return np.repeat(array, 3, axis=2)
    return _composited(array) if array.shape[2] == 4 else array


def _size(array: np.ndarray) -> tuple[int, int]:
    """Width and height."""
    return array.shape[1], array.shape[0]


def _content(source: Any, most: int) -> bytes:
    """The first `most` bytes of a file, given as its path, its bytes, or open."""
    if isinstance(source, (str, Path)):
        with open(source, "rb") as file:
            return file.read(most)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if hasattr(source, "read"):
        if hasattr(source, "seek"):
            source.seek(0)
        return bytes(source.read(most))
    raise InkError("A picture is an image, an array, a file or its bytes, not {0}.", type(source).__name__)


def _readable(read: Callable[[], Any]) -> Any:
    """What `read` returns; whatever Pillow or the file system raises becomes UnreadablePicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except InkError:
        raise
    except Refused as error:
        raise UnreadablePicture(error.template, *error.params) from None
    except MemoryError:
        raise UnreadablePicture(TOO_MUCH_MEMORY) from None
    except FileNotFoundError as error:
        raise UnreadablePicture("There is no file {0}.", error.filename) from None
    except Exception as error:  # an image that is open may be decoded only now, and its decoder raises anything
        raise UnreadablePicture(NO_PICTURE) from error


def _refuse_size(width: int, height: int) -> None:
    if width * height > LARGEST:
        raise UnreadablePicture(TOO_LARGE, LARGEST // 1_000_000)


def _from_pil(image: Image.Image, longest: int) -> np.ndarray:
    """What `decode` gives, of a PIL image's first or current frame."""
    _refuse_size(*image.size)
    return working_pixels(image, longest)


def _from_array(array: np.ndarray, longest: int) -> np.ndarray:
    """What `decode` gives, of an array; InkError for arrays that are no picture."""
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.dtype.kind not in "buif":
        raise InkError("An array of a picture has the shape (H, W), (H, W, 3) or (H, W, 4), and numbers in it.")
    if min(array.shape[:2]) < SMALLEST:
        raise UnreadablePicture(TOO_SMALL, *_size(array))
    _refuse_size(*array.shape[1::-1])
    return array_pixels(array, longest)


def _composited(array: np.ndarray) -> np.ndarray:
    """(h, w, 4) laid on a ground on which the ink can be seen, as (h, w, 3).

    Where the opaque part is a sheet with ink on it, the ground is that sheet's colour; where it is the ink itself,
    the ground is white for dark ink and black for light.
    """
    colour, alpha = array[:, :, :3], array[:, :, 3:]
    solid = alpha[:, :, 0] > 0.5
    if not solid.any():
        ground = np.float32(1)
    else:
        usual = np.median(colour[solid], axis=0)
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        share = solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].mean()
        varied = np.ptp(np.percentile(colour[solid], (1, 99), axis=0), axis=0).max() > 0.2
        ground = usual if varied and share > 0.6 else np.float32(usual.mean() < 0.5)
    return alpha * colour + (1 - alpha) * ground
