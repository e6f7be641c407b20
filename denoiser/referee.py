"""The referee, a classifier that says which digit a picture reads as; it judges what the models make."""

import torch
from torch import Tensor, nn

REFEREE = "referee"  # the name of its recipe and checkpoint; all published figures are its readings
FAST_REFEREE = "referee-fast"  # learned from it, at a fifth of its operations; reads what the page shows
CLEAN_READER = "reader-clean"  # learned from clean digits alone: what noise costs a reader that never saw any
CONFIDENT = 0.6  # a reading counts as confident above this probability
BATCH_SIZE = 250


@torch.inference_mode()
def class_probabilities(referee: nn.Module, pictures: Tensor) -> Tensor:
    """The referee's probability of each digit (B, 10) for pictures (B, 28, 28) in [0, 1]."""
    logits = [referee(batch.unsqueeze(1)).float() for batch in pictures.split(BATCH_SIZE)]
    return torch.softmax(torch.cat(logits), dim=1)


def confident_share(referee: nn.Module, pictures: Tensor) -> float:
    """The share of pictures (..., 28, 28) that the referee reads with a probability above CONFIDENT, in [0, 1]."""
    highest = class_probabilities(referee, pictures.flatten(0, -3)).max(dim=1).values
    return (highest > CONFIDENT).double().mean().item()
