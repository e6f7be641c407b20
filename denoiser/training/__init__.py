"""Training a recipe: `fit` to its end, or `train_steps` step by step."""

from .batches import NoisyBatches, make_noisy
from .distributed import ProcessGroup
from .ema import EMA
from .errors import TrainingError
from .loop import TrainingStep, fit, train_steps
from .outcome import trained_record
from .step import Engine
from .trainer import Trainer, steps_per_epoch, validation_loss

__all__ = [
    "EMA",
    "Engine",
    "NoisyBatches",
    "ProcessGroup",
    "Trainer",
    "TrainingError",
    "TrainingStep",
    "fit",
    "make_noisy",
    "steps_per_epoch",
    "train_steps",
    "trained_record",
    "validation_loss",
]
