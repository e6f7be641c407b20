"""How improbable the right readings of whole rows are among all readings that the lattice would find.

Trained with this, the network learns to tell cuts apart that compete, as in a graph transformer network (LeCun et al.,
"Gradient-based learning applied to document recognition", 1998).
"""

import torch
from torch import Tensor

from .lattice import RARE
from .network import FRAGMENT, OTHER
from .segments import MOST_PIECES

NEVER = -1e4  # log-probability of what is impossible


def row_losses(scores: Tensor, classes: Tensor, runs: Tensor, whole: Tensor, row: Tensor, pieces: Tensor) -> Tensor:
    """-log(share of the right readings) of each row that has one, (<= R,), from log-probabilities `scores` (N, C).

    The other arguments are those of `Examples`. A right reading divides all pieces of a row into segments that are
    marks, and names them by their classes.
    """
    names = scores[:, :FRAGMENT]
    other = torch.logaddexp(scores[:, OTHER], scores[:, FRAGMENT] - 2) + RARE
    names = torch.cat((names[:, :OTHER], torch.where(whole, other, NEVER)[:, None]), dim=1)
    right = names.gather(1, classes.clamp(max=OTHER)[:, None])[:, 0]
    right = torch.where(classes == FRAGMENT, NEVER, right)
    weights = torch.stack((names.logsumexp(1), right))  # 2 x N
    totals = _totals(weights, runs, row, pieces)
    possible = totals[1] > NEVER / 2
    return (totals[0] - totals[1])[possible]


def _totals(weights: Tensor, runs: Tensor, row: Tensor, pieces: Tensor) -> Tensor:
    """The logarithm (K, R) of the sum over all paths through each row's pieces, from weights (K, N) of segments."""
    kinds, count = weights.shape
    first, last = runs.T
    table = torch.full((len(pieces), int(pieces.max()), MOST_PIECES), count)  # count: no such segment
    table[row, last, last - first] = torch.arange(count)
    padded = torch.cat((weights, weights.new_full((kinds, 1), NEVER)), dim=1)
    steps = padded[:, table]  # K x R x pieces x MOST_PIECES
    none = weights.new_full((kinds, len(pieces)), NEVER)
    reached = [none] * (MOST_PIECES - 1) + [torch.zeros_like(none)]
    for piece in range(table.shape[1]):
        before = torch.stack(reached[: -MOST_PIECES - 1 : -1], dim=2)
        reached.append((before + steps[:, :, piece]).logsumexp(2).clamp(min=NEVER))
    ends = torch.stack(reached[MOST_PIECES - 1 :], dim=2)
    return ends.gather(2, pieces.expand(kinds, -1)[:, :, None])[:, :, 0]
