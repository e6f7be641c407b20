"""Principal components by scikit-learn, used as a Python function: python scripts/outside/pca.py

pip install scikit-learn; denoiser evaluate --callable scripts.outside.pca:denoise
"""

from functools import cache
from pathlib import Path

import numpy as np

FILE = Path("runs/other/pca.npz")


def train() -> None:
    """Find the principal components of clean digits."""
    from digits import training_digits
    from sklearn.decomposition import PCA

    pca = PCA(n_components=40, random_state=0).fit(training_digits().reshape(-1, 784))
    FILE.parent.mkdir(parents=True, exist_ok=True)
    np.savez(FILE, mean=pca.mean_, components=pca.components_)


@cache
def load() -> tuple[np.ndarray, np.ndarray]:
    """Mean (784,) and components (40, 784)."""
    with np.load(FILE) as file:
        return file["mean"], file["components"]


def denoise(noisy: np.ndarray) -> np.ndarray:
    """What the components leave of noisy pictures, (B, 1, 28, 28) in and out."""
    mean, components = load()
    flat = noisy.reshape(len(noisy), 784) - mean
    return np.clip(flat @ components.T @ components + mean, 0, 1).reshape(noisy.shape)


if __name__ == "__main__":
    train()
