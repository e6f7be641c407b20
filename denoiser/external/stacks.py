"""Stacks of noisy digits for models that run elsewhere, and the stacks those models return."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from ..files import make_folder
from ..images import PictureError, flat, full_ink, read_stack, to_unit
from ..noise import NOISES
from .contract import ExternalError, to_pictures


def stack_name(kind: str, factor: float) -> str:
    """The name of the file with the digits under that noise: gaussian-0.5.npy."""
    return f"{kind}-{factor:g}.npy"


def write_noisy(folder: Path, kind: str, factor: float, batches: Iterable[Tensor], count: int) -> Path:
    """Write `count` noisy digits, in batches (B, 1, 28, 28), as float32 to the stack of that noise; returns its path.

    Raises WriteError if the folder cannot be made, and ExternalError if the file cannot be written.
    """
    make_folder(folder)
    path = folder / stack_name(kind, factor)
    try:
        whole, start = None, 0
        for batch in batches:
            if whole is None:
                whole = np.lib.format.open_memmap(path, "w+", np.float32, (count, *batch.shape[1:]))
            whole[start : start + len(batch)] = batch.cpu().numpy()
            start += len(batch)
    except OSError as error:
        raise ExternalError(f"{path} could not be written: {error.strerror or error}") from error
    return path


class StackModel(nn.Module):
    """Returns the pictures of a stack, in order, for whatever pictures it is given."""

    def __init__(self, path: Path, count: int) -> None:
        super().__init__()
        try:
            (pictures,) = read_stack(path).arrays.values()
            found = flat(pictures)
        except (PictureError, ValueError) as error:
            raise ExternalError(f"{path.name} cannot be used: {error}") from error
        assert found is not None, "read_stack refuses arrays that are no pictures"
        if len(found) != count:
            raise ExternalError(f"{path.name} has {len(found):,} pictures, and {count:,} are measured")
        self.pictures, self.is_float = found, pictures.dtype.kind == "f"
        self.position = 0

    def forward(self, noisy: Tensor) -> Tensor:
        part = self.pictures[self.position : self.position + len(noisy)]
        self.position += len(noisy)
        output = part if self.is_float else to_unit(part, full_ink(part))
        return to_pictures(output, len(noisy)).to(noisy.device)


class StackFolder:
    """A folder of denoised stacks, named as `write_noisy` names the noisy ones.

    Raises ExternalError if there is no stack in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not any(self.noises()):
            raise ExternalError(f"{folder} has no stacks such as {stack_name('gaussian', 0.5)}")

    def noises(self) -> Iterator[tuple[str, float]]:
        """The noise kinds and factors there is a stack for."""
        for path in sorted(self.folder.glob("*.npy")):
            kind, _, factor = path.stem.rpartition("-")
            try:
                if kind in NOISES and path.name == stack_name(kind, float(factor)):
                    yield kind, float(factor)
            except ValueError:
                continue

    def module(self, kind: str, factor: float, count: int) -> StackModel:
        """What returns the denoised pictures for that noise; ExternalError if there is no stack of `count` pictures."""
        path = self.folder / stack_name(kind, factor)
        if not path.is_file():
            raise ExternalError(f"there is no {path.name} in {self.folder}")
        return StackModel(path, count)
