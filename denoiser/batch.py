"""Files denoised: one picture, a folder or a glob of them, or stacks of thousands.

Pictures of one size go through the network together. What fails is named and left out, and the rest is done.
"""

import glob
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .checkpoint import FOLDER, CheckpointError, list_models, load_model
from .data import SIDE
from .errors import DenoiserError
from .ink import InkError, digit_from_image
from .metrics import psnr
from .noise import NOISES, add_noise, draw_noise
from .pictures import (
    flat,
    from_unit,
    full_ink,
    is_stack,
    picture_format,
    read_picture,
    read_stack,
    refuse_ending,
    shaped_like,
    to_unit,
    write_picture,
    write_stack,
)
from .recipes import PICTURE_TASKS
from .tiles import BATCH_PIXELS, alike, restore, takes


class BatchError(DenoiserError, ValueError):
    """Files that cannot be denoised as they were asked for; the message says why."""


class Job(NamedTuple):
    """A file to denoise and the file to write."""

    source: Path
    target: Path


def find_jobs(source: Path, target: Path) -> tuple[list[Job], bool]:
    """What to do for IN and OUT, and whether IN is one file.

    One file is written to OUT, or into it where that is a folder. The files right in a folder, or those that a glob
    matches, are written into the folder OUT under their own names. Raises BatchError where there is no IN, where a
    file would be written over one that is read, or two would become one.
    """
    single = source.exists() and not source.is_dir()
    if single:
        found = [source]
    elif source.is_dir():
        found = [file for file in source.iterdir() if not file.name.startswith(".")]
    elif glob.has_magic(str(source)):
        found = [Path(file) for file in glob.glob(str(source), recursive=True)]
    else:
        raise BatchError(f"there is no file {source}")
    files = sorted(file for file in found if file.is_file())
    if single and not files:
        raise BatchError(f"{source} is no regular file")
    if not single and target.exists() and not target.is_dir():
        raise BatchError(f"{target} is a file; what several files become is a folder")
    jobs = [Job(file, target if single and not target.is_dir() else target / file.name) for file in files]
    taken: dict[Path, Path] = {}
    for job in jobs:
        if job.target.exists() and job.target.samefile(job.source):
            raise BatchError(f"{job.target} is the file that is read, and would be lost; choose another OUT")
        if job.target in taken:
            raise BatchError(f"{taken[job.target]} and {job.source} would both be written to {job.target}")
        taken[job.target] = job.source
    if overwritten := taken.keys() & set(files):
        raise BatchError(f"{min(overwritten)} is read and would be written; choose another OUT")
    return jobs, single


@dataclass(frozen=True)
class Request:
    """How to denoise: by which model (None: the best for each size), on noise added first (kind, factor, seed) or as
    it is (None), `fit` to find a digit in each picture first, on which device, in which precision (None: the faster).
    """

    model: str | None = None
    noise: str | None = None
    factor: float = 0.5
    seed: int = 0
    fit: bool = False
    device: str = "cpu"
    precision: str | None = None

    def __post_init__(self):
        if not 0 <= self.factor <= 1:
            raise BatchError(f"noise factor {self.factor:g} is not within 0 to 1")
        if self.noise and self.noise not in NOISES:
            raise BatchError(f"unknown noise kind {self.noise!r}; there are {', '.join(NOISES)}")


@dataclass
class Outcome:
    """What came of it: how many files and pictures were written, by which models, and each failure in a line.

    `before` and `after` are the PSNR (dB) of each picture, where noise was added to what was known; `size` is the
    height and width of the last picture.
    """

    files: int = 0
    pictures: int = 0
    size: Sequence[int] = ()
    models: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


class Waiting(NamedTuple):
    """A picture that was read, float (1, 1, H, W) in [0, 1], and the seed of its noise."""

    job: Job
    x: Tensor
    seed: int


class Batch:
    """Denoises files as a request says; `step` is told each share of a file that is done, `say` each failure, and
    `warn` each model that is left out because it is damaged.
    """

    def __init__(
        self,
        request: Request,
        step: Callable[[float], object] = lambda share: None,
        say: Callable[[str], object] = lambda line: None,
        warn: Callable[[str], object] = lambda line: None,
    ):
        self.request, self.step, self.say = request, step, say
        self.choice = Choice(request.model, request.device, warn)
        self.outcome = Outcome()

    def run(self, jobs: Iterable[Job]) -> Outcome:
        """Denoise all of them."""
        waiting: list[Waiting] = []
        for place, job in enumerate(jobs):
            try:
                if is_stack(job.source):
                    self._stack(job)
                else:
                    waiting.append(Waiting(job, self._read(job), self.request.seed + place))
            except DenoiserError as error:
                self._fail(job.source, error)
                self.step(1)
            if sum(picture.x.numel() for picture in waiting) >= BATCH_PIXELS:
                self._pictures(waiting)
                waiting = []
        self._pictures(waiting)
        return self.outcome

    def _read(self, job: Job) -> Tensor:
        x = digit_from_image(job.source) if self.request.fit else read_picture(job.source)
        picture_format(job.target)  # refused before the work
        return x

    def _pictures(self, waiting: list[Waiting]) -> None:
        """Denoise and write single pictures, those of one size together."""
        for _, same in groupby(sorted(waiting, key=_size), key=_size):
            group = list(same)
            try:
                clean = torch.cat([picture.x for picture in group])
                x_hat = self._restored(clean, [picture.seed for picture in group], len(group))
            except DenoiserError as error:
                for picture in group:
                    self._fail(picture.job.source, error)
                self.step(len(group))
                continue
            for picture, x in zip(group, x_hat.split(1), strict=True):
                try:
                    write_picture(x, picture.job.target)
                    self.outcome.files += 1
                except DenoiserError as error:
                    self._fail(picture.job.source, error)

    def _stack(self, job: Job) -> None:
        """Denoise the pictures of a stack, some at a time, and write a stack like it."""
        stack = read_stack(job.source)
        refuse_ending(stack, job.target)
        arrays = dict(stack.arrays)
        total = sum(len(arrays[name]) for name in stack.pictures)
        for name in stack.pictures:
            array = arrays[name]
            pictures, full = flat(array), full_ink(array)
            height, width = (SIDE, SIDE) if self.request.fit else pictures.shape[1:]
            written = np.empty((len(pictures), height, width), array.dtype)
            count = max(1, BATCH_PIXELS // (height * width))
            for start in range(0, len(pictures), count):
                clean = to_unit(pictures[start : start + count], full)
                if self.request.fit:
                    clean = self._fitted(clean, job.source, name, start)
                seeds = range(self.request.seed + start, self.request.seed + start + len(clean))
                x_hat = self._restored(clean, seeds, len(clean) / total)
                written[start : start + count] = from_unit(x_hat, full, array.dtype)
            arrays[name] = shaped_like(written, array)
        write_stack(stack._replace(arrays=arrays), job.target)
        self.outcome.files += 1

    def _fitted(self, x: Tensor, source: Path, name: str, start: int) -> Tensor:
        """The digit in each picture of a part of a stack; black, and named, where there is none."""
        digits = torch.zeros(len(x), 1, SIDE, SIDE)
        for place, picture in enumerate(x[:, 0].numpy()):
            try:
                digits[place] = digit_from_image(picture)[0]
            except InkError as error:
                self._fail(source, error, f", picture {start + place}{name and ' of ' + name} (left black)")
        return digits

    def _restored(self, clean: Tensor, seeds: Sequence[int], share: float) -> Tensor:
        """Pictures of one size (B, 1, H, W), made noisy where that is asked for, through the model for their size."""
        request, outcome = self.request, self.outcome
        name, model = self.choice.of(*clean.shape[2:])
        noisy = clean = clean.to(request.device)
        if request.noise:
            noisy = add_noise(clean, draw_noise(request.noise, clean.shape, seeds, request.device), request.factor)
        x_hat = restore(model, noisy, request.precision, lambda done: self.step(done * share))
        if request.noise:
            outcome.before += psnr(noisy, clean).tolist()
            outcome.after += psnr(x_hat, clean).tolist()
        outcome.pictures += len(clean)
        outcome.size = clean.shape[2:]
        if name not in outcome.models:
            outcome.models.append(name)
        return x_hat

    def _fail(self, source: Path, error: DenoiserError, place: str = "") -> None:
        """Note in one line why a file failed, or one picture of it."""
        words = " ".join(str(error).split())
        line = words if str(source) in words else f"{source}{place}: {words}"
        self.outcome.failures.append(line)
        self.say(line)


def _size(picture: Waiting) -> tuple[int, int]:
    return picture.x.shape[2], picture.x.shape[3]


class Choice:
    """The models for pictures of each size: the named one, or the best; what was loaded is kept.

    A damaged model is named to `warn` once and left out, unless it is the one that was asked for. Best is the highest
    PSNR under Gaussian noise of 0.5 in checkpoints/evaluation.json; without that file, the first that denoises.
    """

    def __init__(self, name: str | None, device: str, warn: Callable[[str], object] = lambda line: None):
        self.name, self.device, self.warn = name, device, warn
        self.load = cache(lambda name: load_model(name, device))
        self.is_whole = cache(self._is_whole)
        self.others = cache(lambda height, width: [name for name in list_models() if self._takes(name, height, width)])
        self.best = cache(self._best)
        if name and self.load(name)[1]["recipe"]["task"] not in PICTURE_TASKS:
            raise BatchError(f"{name!r} reads or samples pictures and denoises none")

    def of(self, height: int, width: int) -> tuple[str, nn.Module]:
        """Name and model for pictures of this size; BatchError where the named one does not take it."""
        like = alike(height), alike(width)
        name = self.name or self.best(*like)
        if not self._takes(name, *like):
            others = ", ".join(self.others(*like))
            raise BatchError(f"{name} takes 28 x 28 only, this is {width} x {height}: use --fit, or one of {others}")
        return name, self.load(name)[0]

    def _takes(self, name: str, height: int, width: int) -> bool:
        return self.is_whole(name) and takes(self.load(name)[0], height, width, self.device)

    def _is_whole(self, name: str) -> bool:
        """Whether a model can be loaded."""
        try:
            self.load(name)
        except CheckpointError as error:
            self.warn(f"{name} is left out: {error}")
            return False
        return True

    def _best(self, height: int, width: int) -> str:
        try:
            rows = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))["results"]
            quality = {r["model"]: r["psnr"] for r in rows if (r["noise"], r["noise_factor"]) == ("gaussian", 0.5)}
        except (OSError, ValueError, KeyError, TypeError):
            quality = {}
        for name in sorted(list_models(), key=lambda name: -(quality.get(name) or 0)):
            if self._takes(name, height, width) and self.load(name)[1]["recipe"]["task"] == "denoise":
                return name
        raise BatchError("no model takes pictures of this size")
