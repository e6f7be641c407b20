"""Denoising files: one picture, a folder or a glob of them, or stacks of thousands.

Pictures of one size go through the network together. A file that fails is reported, and the others are still done.
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

from ..checkpoint import FOLDER, CheckpointError, list_models, load_model
from ..data import SIDE
from ..errors import DenoiserError
from ..images import (
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
from ..ink import InkError, digit_from_image
from ..metrics import psnr
from ..noise import NOISES, add_noise, draw_noise
from ..recipe import PICTURE_TASKS
from .pages import restore_page
from .tiles import BATCH_PIXELS, representative, takes


class BatchError(DenoiserError, ValueError):
    """A request for files that cannot be fulfilled; the message says why."""


class Job(NamedTuple):
    """A file to read and the file to write."""

    source: Path
    target: Path


def find_jobs(source: Path, target: Path) -> tuple[list[Job], bool]:
    """The jobs for IN (`source`) and OUT (`target`), and whether IN is a single file.

    A single file is written to OUT, or into it where OUT is a folder. The files directly in a folder, or those that
    match a glob, are written into the folder OUT under their own names. Raises BatchError if IN does not exist, if a
    file would overwrite one that is read, or if two would be written to the same place.
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
    """How to denoise files. Raises BatchError for an unknown noise kind or a factor outside [0, 1].

    `model` is the name of a model, None for the best one that takes the size. `noise` is the kind of noise to add
    first, with `factor` and `seed`, None for none. With `fit` a digit is found in each picture and framed as MNIST
    does. `precision` is "float32" or "bfloat16", None for the faster one.
    """

    model: str | None = None
    noise: str | None = None
    factor: float = 0.5
    seed: int = 0
    fit: bool = False
    device: str = "cpu"
    precision: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.factor <= 1:
            raise BatchError(f"noise factor {self.factor:g} is not within 0 to 1")
        if self.noise and self.noise not in NOISES:
            raise BatchError(f"unknown noise kind {self.noise!r}; there are {', '.join(NOISES)}")


@dataclass
class Outcome:
    """The result: how many files and pictures were written, by which models, and each failure as a line of text.

    `before` and `after` are the PSNR (dB) of each picture before and after denoising, where noise was added; `size` is
    the height and width of the last picture.
    """

    files: int = 0
    pictures: int = 0
    size: Sequence[int] = ()
    models: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


class Pending(NamedTuple):
    """A picture that was read, `x` (1, 1, H, W) in [0, 1], and the seed of its noise."""

    job: Job
    x: Tensor
    seed: int


class FileDenoiser:
    """Denoises files as a request says.

    `progress` is called with each share of a file that is done, `on_failure` with a line about each file that fails,
    and `on_warning` with a line about each model that is left out because it is damaged.
    """

    def __init__(
        self,
        request: Request,
        progress: Callable[[float], object] = lambda share: None,
        on_failure: Callable[[str], object] = lambda line: None,
        on_warning: Callable[[str], object] = lambda line: None,
    ) -> None:
        self.request, self.progress, self.on_failure = request, progress, on_failure
        self.choice = ModelChoice(request.model, request.device, on_warning)
        self.outcome = Outcome()

    def run(self, jobs: Iterable[Job]) -> Outcome:
        """Do all jobs; what fails is in the outcome."""
        pending: list[Pending] = []
        for number, job in enumerate(jobs):
            try:
                if is_stack(job.source):
                    self._denoise_stack(job)
                else:
                    pending.append(Pending(job, self._read(job), self.request.seed + number))
            except DenoiserError as error:
                self._fail(job.source, error)
                self.progress(1)
            if sum(picture.x.numel() for picture in pending) >= BATCH_PIXELS:
                self._denoise_pictures(pending)
                pending = []
        self._denoise_pictures(pending)
        return self.outcome

    def _read(self, job: Job) -> Tensor:
        x = digit_from_image(job.source) if self.request.fit else read_picture(job.source)
        picture_format(job.target)  # raises before the work is done
        return x

    def _denoise_pictures(self, pending: list[Pending]) -> None:
        """Denoise and write single pictures, those of one size in one batch."""
        for _, same in groupby(sorted(pending, key=_size), key=_size):
            group = list(same)
            try:
                clean = torch.cat([picture.x for picture in group])
                x_hat = self._denoise(clean, [picture.seed for picture in group], len(group))
            except DenoiserError as error:
                for picture in group:
                    self._fail(picture.job.source, error)
                self.progress(len(group))
                continue
            for picture, x in zip(group, x_hat.split(1), strict=True):
                try:
                    write_picture(x, picture.job.target)
                    self.outcome.files += 1
                except DenoiserError as error:
                    self._fail(picture.job.source, error)

    def _denoise_stack(self, job: Job) -> None:
        """Denoise the pictures of a stack, some at a time, and write a stack of the same format."""
        stack = read_stack(job.source)
        refuse_ending(stack, job.target)
        arrays = dict(stack.arrays)
        total = sum(len(arrays[name]) for name in stack.pictures)
        for name in stack.pictures:
            array = arrays[name]
            pictures, full = flat(array), full_ink(array)
            assert pictures is not None, "read_stack lists only arrays of pictures"
            height, width = (SIDE, SIDE) if self.request.fit else pictures.shape[1:]
            written = np.empty((len(pictures), height, width), array.dtype)
            count = max(1, BATCH_PIXELS // (height * width))
            for start in range(0, len(pictures), count):
                clean = to_unit(pictures[start : start + count], full)
                if self.request.fit:
                    clean = self._fit(clean, job.source, name, start)
                seeds = range(self.request.seed + start, self.request.seed + start + len(clean))
                x_hat = self._denoise(clean, seeds, len(clean) / total)
                written[start : start + count] = from_unit(x_hat, full, array.dtype)
            arrays[name] = shaped_like(written, array)
        write_stack(stack._replace(arrays=arrays), job.target)
        self.outcome.files += 1

    def _fit(self, x: Tensor, source: Path, name: str, start: int) -> Tensor:
        """The digit in each picture of `x`, the part from `start` of the array `name`; black if there is none."""
        digits = torch.zeros(len(x), 1, SIDE, SIDE)
        for number, picture in enumerate(x[:, 0].numpy()):
            try:
                digits[number] = digit_from_image(picture)[0]
            except InkError as error:
                self._fail(source, error, f", picture {start + number}{name and ' of ' + name} (left black)")
        return digits

    def _denoise(self, clean: Tensor, seeds: Sequence[int], share: float) -> Tensor:
        """Pictures of one size (B, 1, H, W), with noise if it was requested, through the model for that size.

        `share` is what `progress` is told in all.
        """
        request, outcome = self.request, self.outcome
        name, model = self.choice.of(*clean.shape[2:])
        noisy = clean = clean.to(request.device)
        if request.noise:
            noisy = add_noise(clean, draw_noise(request.noise, clean.shape, seeds, request.device), request.factor)
        x_hat = restore_page(model, noisy, request.precision, lambda done: self.progress(done * share))
        if request.noise:
            outcome.before += psnr(noisy, clean).tolist()
            outcome.after += psnr(x_hat, clean).tolist()
        outcome.pictures += len(clean)
        outcome.size = clean.shape[2:]
        if name not in outcome.models:
            outcome.models.append(name)
        return x_hat

    def _fail(self, source: Path, error: DenoiserError, part: str = "") -> None:
        """Report in one line why a file, or a `part` of it, failed."""
        message = " ".join(str(error).split())
        line = message if str(source) in message else f"{source}{part}: {message}"
        self.outcome.failures.append(line)
        self.on_failure(line)


def _size(picture: Pending) -> tuple[int, int]:
    return picture.x.shape[2], picture.x.shape[3]


class ModelChoice:
    """Which model denoises pictures of a size: the one called `name`, or with None the best; each is loaded once.

    The best has the highest PSNR under Gaussian noise of 0.5 in checkpoints/evaluation.json; without that file it is
    the first that denoises. A damaged model is reported to `on_warning` and left out, unless it is `name`. Raises
    BatchError if `name` denoises no pictures and CheckpointError if it cannot be loaded.
    """

    def __init__(self, name: str | None, device: str, on_warning: Callable[[str], object] = lambda line: None) -> None:
        self.name, self.device, self.on_warning = name, device, on_warning
        self.load = cache(lambda name: load_model(name, device))
        self.is_loadable = cache(self._is_loadable)
        self.others = cache(lambda height, width: [name for name in list_models() if self._takes(name, height, width)])
        self.best = cache(self._best)
        if name and self.load(name)[1].recipe.task not in PICTURE_TASKS:
            raise BatchError(f"{name!r} reads or samples pictures and denoises none")

    def of(self, height: int, width: int) -> tuple[str, nn.Module]:
        """The name and the model for pictures of this size; BatchError if the requested one does not take it."""
        size = representative(height), representative(width)
        name = self.name or self.best(*size)
        if not self._takes(name, *size):
            others = ", ".join(self.others(*size))
            raise BatchError(f"{name} takes 28 x 28 only, this is {width} x {height}: use --fit, or one of {others}")
        return name, self.load(name)[0]

    def _takes(self, name: str, height: int, width: int) -> bool:
        return self.is_loadable(name) and takes(self.load(name)[0], height, width, self.device)

    def _is_loadable(self, name: str) -> bool:
        """Whether a model can be loaded."""
        try:
            self.load(name)
        except CheckpointError as error:
            self.on_warning(f"{name} is left out: {error}")
            return False
        return True

    def _best(self, height: int, width: int) -> str:
        try:
            rows = json.loads((FOLDER / "evaluation.json").read_text(encoding="utf-8"))["results"]
            quality = {r["model"]: r["psnr"] for r in rows if (r["noise"], r["noise_factor"]) == ("gaussian", 0.5)}
        except (OSError, ValueError, KeyError, TypeError):
            quality = {}
        for name in sorted(list_models(), key=lambda name: -(quality.get(name) or 0)):
            if self._takes(name, height, width) and self.load(name)[1].recipe.task == "denoise":
                return name
        raise BatchError("no model takes pictures of this size")
