"""The latent codes of the test digits: where the encoder puts each of them, stored beside the checkpoint."""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ..checkpoint import FOLDER, load_checkpoint
from ..data import Digits, load_mnist
from ..errors import DenoiserError
from ..files import write_atomically
from ..models import VAE
from .plane import sharpness

CLASSES = 10
NEIGHBOURS = 10  # k of the k-NN accuracy
BATCH_SIZE = 1_000
DAMAGED = "The codes of the test digits cannot be read: {0} is damaged."
MAX_BYTES = 2**26  # of a file of codes, unpacked


class CodesError(DenoiserError, RuntimeError):
    """The stored codes are missing, damaged, or of other weights."""


@dataclass(frozen=True)
class Codes:
    """Latent codes of labelled digits: posterior means `mu` float32 (N, 2) and `labels` uint8 (N,).

    `accuracy` is their k-NN accuracy in [0, 1]. `sharpness` is the mean sharpness of the digits themselves, which
    decoded pictures are compared with; None in files written before it was stored.
    """

    mu: np.ndarray
    labels: np.ndarray
    accuracy: float
    sharpness: float | None = None


def has_plane(model: nn.Module) -> bool:
    """Whether the model is a VAE with two latent dimensions."""
    return isinstance(model, VAE) and model.latent_dim == 2


@torch.inference_mode()
def encode_digits(model: VAE, digits: Digits) -> Codes:
    """The codes of labelled `digits`, encoded on the model's device."""
    device = next(model.parameters()).device
    batches = (digits[start : start + BATCH_SIZE] for start in range(0, len(digits), BATCH_SIZE))
    mu = torch.cat([model.encode(batch.floats().to(device)) for batch in batches]).float().cpu()
    labels = digits.labels.cpu()
    return Codes(
        mu.numpy(),
        labels.to(torch.uint8).numpy(),
        knn_accuracy(mu, labels),
        sharpness(digits.floats()).mean().item(),
    )


def knn_accuracy(mu: Tensor, labels: Tensor, k: int = NEIGHBOURS) -> float:
    """The share of codes (N, d) whose `k` nearest other codes vote for their label (N,); ties go to the lower digit."""
    right = 0
    for start in range(0, len(mu), BATCH_SIZE):
        batch = mu[start : start + BATCH_SIZE]
        distance = torch.cdist(batch, mu)
        distance[torch.arange(len(batch)), torch.arange(start, start + len(batch))] = torch.inf
        nearest = labels[distance.topk(k, largest=False).indices]
        votes = torch.nn.functional.one_hot(nearest.long(), CLASSES).sum(dim=1)
        right += int((votes.argmax(dim=1) == labels[start : start + BATCH_SIZE]).sum())
    return right / len(mu)


# ---------- files ----------


def codes_path(name: str, folder: Path = FOLDER) -> Path:
    """The file with the codes of the checkpoint `name`."""
    return folder / f"{name}.codes.npz"


def save_codes(model: VAE, digits: Digits, path: Path, sha256: str) -> Codes:
    """Encode `digits` and write the codes with the `sha256` of the model's weights; no picture is stored."""
    codes = encode_digits(model, digits)
    content = io.BytesIO()
    np.savez_compressed(content, **vars(codes), sha256=sha256)
    write_atomically(path, content.getvalue())
    return codes


def load_codes(path: Path, sha256: str) -> Codes:
    """The codes that `save_codes` wrote for the weights with that hash. Raises CodesError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            if sum(member.file_size for member in file.zip.infolist()) > MAX_BYTES:
                raise CodesError(DAMAGED, path.name)
            sharp = float(file["sharpness"]) if "sharpness" in file else None
            codes = Codes(file["mu"], file["labels"], float(file["accuracy"]), sharp)
            weights = str(file["sha256"])
    except FileNotFoundError:
        raise CodesError("There are no codes of the test digits: {0} is missing.", path.name) from None
    except Exception as error:  # a damaged zip file can raise almost anything
        raise CodesError(DAMAGED, path.name) from error
    if weights != sha256:
        raise CodesError("The codes in {0} belong to other weights than this map's.", path.name)
    if not _is_valid(codes):
        raise CodesError(DAMAGED, path.name)
    return codes


def _is_valid(codes: Codes) -> bool:
    """Whether codes read from a file have the types, shapes and ranges that Codes promises."""
    return (
        codes.mu.dtype == np.float32
        and codes.labels.dtype == np.uint8
        and codes.labels.ndim == 1
        and codes.mu.shape == (len(codes.labels), 2)
        and len(codes.labels) > 0
        and bool(np.isfinite(codes.mu).all())
        and int(codes.labels.max()) < CLASSES
        and all(math.isfinite(figure) for figure in (codes.accuracy, codes.sharpness or 0.0))
    )


def write_codes(name: str, folder: Path = FOLDER) -> Codes:
    """Write the codes of MNIST's 10,000 test digits for the checkpoint `name`; TypeError if that is no VAE."""
    model, record = load_checkpoint(name, folder=folder)
    if not isinstance(model, VAE):
        raise TypeError(f"{name} is not a variational autoencoder")
    return save_codes(model, load_mnist("test"), codes_path(name, folder), record.sha256)
