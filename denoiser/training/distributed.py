"""Data-parallel training: the processes that torchrun starts, each with its shard of every batch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from ..data import Batch
from .errors import TrainingError

TIMEOUT = timedelta(minutes=5)  # without a message, after which a process counts as dead
RANK_SEED = 7_919  # between the seeds of two processes


class ProcessGroup:
    """The processes of one training: a single one, or those that torchrun describes in the environment."""

    def __init__(self) -> None:
        self.size, self.rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
        self._local_generator: torch.Generator | None = None

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def device(self, device: str) -> str:
        """The device of this process: with several of them, a GPU of its own instead of plain "cuda"."""
        return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and self.size > 1 else device

    @contextmanager
    def connected(self, device: torch.device) -> Iterator[None]:
        """A context in which the processes can talk to each other: NCCL between GPUs, else Gloo."""
        if self.size == 1:
            yield
            return
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
        try:
            yield
            dist.barrier()  # a process that exits while another still talks to it takes that one down
        finally:
            dist.destroy_process_group()

    def shard(self, batch: Batch) -> Batch:
        """This process's part of a `batch` that all of them hold; the parts of all are the batch."""
        if self.size == 1:
            return batch
        noisy, clean, labels, soft_labels = batch

        def part(values: Tensor) -> Tensor:
            return values.tensor_split(self.size)[self.rank]

        return Batch(part(noisy), part(clean), part(labels), None if soft_labels is None else part(soft_labels))

    def local_generator(self, generator: torch.Generator) -> torch.Generator:
        """The generator a model samples from: `generator` itself, or with several processes one of this process.

        Shards differ in size, so sampling from the shared generator would leave it in another state in each process.
        """
        if self.size == 1:
            return generator
        seed = generator.initial_seed() + RANK_SEED * (self.rank + 1)
        if self._local_generator is None or self._local_generator.initial_seed() != seed:  # another epoch
            self._local_generator = torch.Generator(generator.device).manual_seed(seed)
        return self._local_generator

    def all_reduce(self, values: list[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, in one message. TrainingError where one has died."""
        if self.size == 1:
            return
        flat = torch.cat([value.flatten() for value in values])
        try:
            dist.all_reduce(flat)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise TrainingError(f"another process of this training is gone, so this one ends too ({reason})") from error
        for value, total in zip(values, flat.split([value.numel() for value in values]), strict=True):
            value.copy_(total.view_as(value))
