"""Classical rivals behind the models' contract: they see only the noisy picture and estimate the noise themselves."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Filter:
    """A classical filter: how it is built, and what its record says."""

    name: str
    title: str
    build: Callable[[], nn.Module]

    def record(self) -> dict:
        """A record like a checkpoint's, of what applies to a filter."""
        return {
            "recipe": {"name": self.name, "title": self.title, "family": "filter", "task": "denoise"},
            "parameters": 0,
        }


class MedianFilter(nn.Module):
    """The median of each pixel's 3 x 3 neighbourhood, borders repeated."""

    def forward(self, x: Tensor) -> Tensor:
        padded = nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
        return padded.unfold(2, 3, 1).unfold(3, 3, 1).flatten(-2).median(dim=-1).values


FILTERS: dict[str, Filter] = {f.name: f for f in (Filter("median", "Median of 3 x 3 pixels", MedianFilter),)}
