"""Every network, what it promises, and how it is built. Knows nothing of recipes, noise or files."""

from .contracts import VAE, Autoencoder, Classifier, Denoiser, Direct, reparameterize
from .factory import build, grow, parameter_count
from .layers import Sine, Transposed
from .networks import NETWORKS, TASK_CONTRACTS, contract

__all__ = [
    "NETWORKS",
    "TASK_CONTRACTS",
    "VAE",
    "Autoencoder",
    "Classifier",
    "Denoiser",
    "Direct",
    "Sine",
    "Transposed",
    "build",
    "contract",
    "grow",
    "parameter_count",
    "reparameterize",
]
