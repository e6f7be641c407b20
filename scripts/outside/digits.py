"""MNIST's training digits as each library wants them, and noise; nothing of the package `denoiser`."""

import os
from pathlib import Path

import numpy as np

FOLDER = Path("runs/other")  # where the models and their pictures go
COUNT = int(os.environ.get("OUTSIDE_DIGITS", "20000"))


def training_digits() -> np.ndarray:
    """The first training digits, float32 (N, 28, 28) in [0, 1], from $DENOISER_DATA/MNIST/raw."""
    file = Path(os.environ["DENOISER_DATA"]) / "MNIST" / "raw" / "train-images-idx3-ubyte"
    return np.frombuffer(file.read_bytes(), np.uint8, offset=16).reshape(-1, 28, 28)[:COUNT].astype(np.float32) / 255


def noisy(clean: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Each picture under Gaussian noise of its own strength, clipped to [0, 1]."""
    sigma = generator.uniform(0, 1, (len(clean), 1, 1)).astype(np.float32)
    return np.clip(clean + sigma * generator.standard_normal(clean.shape, dtype=np.float32), 0, 1)
