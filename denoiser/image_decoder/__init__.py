"""Image files decoded in processes of their own, whose memory and processor time are limited.

Decoders are written in C or read whatever directories a file has: a file of 0.3 MB can ask them for gigabytes or for
minutes. Here it gets neither: the process that decodes it is refused the memory or ended, and replaced. Where the
system has no `resource` module (Windows) what remains is the limit on pixels and the time after which it is ended.
"""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from ..errors import DenoiserError
from .pool import Pool, Reply, WorkerEnded
from .worker import PAGE, SMALLEST, TOO_LONG, WORKING, Refused, array_pixels, working_pixels

__all__ = [
    "FILES",
    "FORMATS",
    "PAGE",
    "SMALLEST",
    "TOO_LARGE",
    "UPLOADS",
    "WORKING",
    "DamagedImage",
    "Limits",
    "Refused",
    "RefusedImage",
    "array_pixels",
    "decode",
    "decode_all",
    "start_workers",
    "working_pixels",
]

# Only formats that are pixels and nothing else: no PostScript, nothing that starts another program, no icons, which
# hold pictures of another size than they say.
WEB_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "AVIF")
FORMATS = (*WEB_FORMATS, "MPO", "TIFF", "JPEG2000", "PPM", "TGA", "PCX", "SGI", "QOI", "PSD")


class Limits(NamedTuple):
    """What a file may be, and what decoding it may take.

    `formats` are Pillow's names. `file` and `memory` are in bytes, the latter beyond the 30 MB of an idle worker;
    `pixels` are width times height as the file says; `cpu` is in seconds of processor time, `wall` in seconds from when
    it is its turn. `wait` is how many seconds it may wait for its turn, None for as long as it takes; `niceness` how
    far it yields the processor to other processes.
    """

    formats: tuple[str, ...]
    file: int
    pixels: int
    memory: int
    cpu: float
    wall: float
    wait: float | None
    niceness: int


UPLOADS = Limits(WEB_FORMATS, 24_000_000, 40_000_000, 240 * 2**20, cpu=4, wall=30, wait=20, niceness=5)
FILES = Limits(FORMATS, 2**28, 175_000_000, 2**30, cpu=60, wall=180, wait=None, niceness=0)

TOO_LARGE = "That file is larger than {0} MB. Try a smaller picture."
TOO_MANY = "Too many large pictures are being read. Try again, or try a smaller one."
BROKE_DOWN = "its decoder broke down"


class RefusedImage(DenoiserError, ValueError):
    """An image that goes beyond the limits; the message is a sentence for people."""


class DamagedImage(DenoiserError, ValueError):
    """No image, a damaged one, or one of another format; the message is the decoder's reason."""


def decode(content: bytes, task: str = "working", limits: Limits = FILES) -> np.ndarray:
    """The pixels of an image file's bytes, upright.

    `task` "working": (h, w, 1, 3 or 4), no side above 800, uint8, or float32 in [0, 1] from more than 8 bits; "page":
    the same with no side above PAGE. "grey": (H, W), uint8, or int32 from 0 to 65535 from 16 bits. Raises RefusedImage
    for what goes beyond `limits`, DamagedImage for what is no such image, OSError where no process can be started.
    """
    (found,) = decode_all([content], task, limits)
    try:
        if isinstance(found, np.ndarray):
            return found
        raise found
    finally:
        del found  # the error refers to this frame: the cycle would hold the file until Python collects garbage


def decode_all(
    contents: Sequence[bytes], task: str = "working", limits: Limits = FILES
) -> list[np.ndarray | RefusedImage | DamagedImage]:
    """What `decode` returns or raises for each of several small files, in one exchange with a worker.

    For a few hundred files of a few kilobytes: they and their pixels are held in memory together.
    """
    request = {"task": task, "formats": limits.formats, "pixels": limits.pixels}
    request |= {"memory": limits.memory, "cpu": limits.cpu, "niceness": limits.niceness}
    results: list[np.ndarray | RefusedImage | DamagedImage] = []
    while rest := contents[len(results) :]:
        if len(rest[0]) > limits.file:
            results.append(RefusedImage(TOO_LARGE, limits.file // 1_000_000))
            continue
        fitting = list(takewhile(lambda content: len(content) <= limits.file, rest))
        try:
            results += map(_result, _pool.ask(request, fitting, limits.wall, limits.wait))
        except WorkerEnded as end:
            results += map(_result, end.replies)
            results.append(RefusedImage(TOO_LONG) if end.out_of_time else DamagedImage(BROKE_DOWN))
        except TimeoutError:
            results += [RefusedImage(TOO_MANY)] * len(fitting)
    return results


def _result(reply: Reply) -> np.ndarray | RefusedImage | DamagedImage:
    header, pixels = reply
    if pixels is not None:
        return pixels
    return RefusedImage(*header["refused"]) if "refused" in header else DamagedImage(header.get("damaged", ""))


def start_workers() -> None:
    """Start all processes now, so that the first images need not wait 0.1 s for them."""
    _pool.start()


_pool = Pool()
