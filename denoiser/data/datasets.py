"""MNIST and data sets like it, downloaded by torchvision, and folders of pictures."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import settings
from ..images import PictureError, is_picture_name, read_idx, read_pictures
from .digits import SIDE, UNLABELLED, DataError, Digits, split_validation


def data_root() -> Path:
    """The root folder for torchvision's data sets: $DENOISER_DATA, else a folder in the user's cache."""
    return settings.current.data


@dataclass(frozen=True)
class Dataset:
    """One of torchvision's data sets in MNIST's format: its class, arguments of that, and the files it reads.

    `digits` says whether its classes are the digits 0 to 9; `transposed` whether its files swap rows and columns.
    """

    title: str
    kind: str
    files: str = "{part}-{what}-idx{dimensions}-ubyte"
    test: str = "t10k"
    options: Mapping[str, str] = field(default_factory=dict)
    digits: bool = False
    transposed: bool = False

    def raw(self) -> Path:
        """The folder with its files."""
        return data_root() / self.kind / "raw"

    def names(self) -> list[str]:
        """The names of its four files: images and labels of the training set, then of the test set."""
        return [
            self.files.format(part=part, what=what, dimensions=dimensions)
            for part in ("train", self.test)
            for what, dimensions in (("images", 3), ("labels", 1))
        ]


DATASETS = {
    "mnist": Dataset("MNIST", "MNIST", digits=True),
    "fashion-mnist": Dataset("Fashion-MNIST", "FashionMNIST"),
    "kmnist": Dataset("Kuzushiji-MNIST", "KMNIST"),
    "emnist-digits": Dataset(
        "EMNIST's digits",
        "EMNIST",
        files="emnist-digits-{part}-{what}-idx{dimensions}-ubyte",
        test="test",
        options={"split": "digits"},
        digits=True,
        transposed=True,
    ),
}


def has_mnist() -> bool:
    """Whether MNIST's files are under `data_root()`, unpacked or as .gz."""
    mnist = DATASETS["mnist"]
    return all((mnist.raw() / name).exists() or (mnist.raw() / f"{name}.gz").exists() for name in mnist.names())


def load_mnist(split: str, device: torch.device | str = "cpu") -> Digits:
    """`load_dataset` of MNIST: the `train` (60,000) or `test` (10,000) digits."""
    return load_dataset("mnist", split, device)


def load_dataset(name: str, split: str, device: torch.device | str = "cpu") -> Digits:
    """The "train" or "test" `split` of a data set of DATASETS on `device`; downloaded if it is missing.

    Raises DataError if it is missing and cannot be downloaded, or is damaged.
    """
    dataset, train = DATASETS[name], {"train": True, "test": False}[split]
    try:
        try:
            images, labels = _read(dataset, train)
        except PictureError:  # missing, or a damaged archive
            _download(dataset, train)
            images, labels = _read(dataset, train)
        if images.shape != (len(labels), SIDE, SIDE):
            raise ValueError(f"{len(labels)} labels for images of shape {tuple(images.shape)}")
    except Exception as error:  # torchvision raises errors of many kinds where a download fails
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        *names, last = dataset.names()
        raise DataError(
            f"{dataset.title}'s {split} set is not under {data_root()}, or damaged, and could not be downloaded "
            f"({reason}). Put {', '.join(names)} and {last} into {dataset.raw()}, or set DENOISER_DATA to a folder "
            f"that has them in {dataset.kind}/raw."
        ) from error
    images = images.mT.contiguous() if dataset.transposed else images
    return Digits(images.unsqueeze(1).to(device), labels.to(device))


def _read(dataset: Dataset, train: bool) -> list[Tensor]:
    """Images (N, 28, 28), uint8, and labels (N,), int64, of one split; PictureError if a file is missing or damaged."""
    names = dataset.names()[:2] if train else dataset.names()[2:]
    files = [dataset.raw() / name for name in names]
    arrays = [read_idx(file if file.exists() else file.with_name(f"{file.name}.gz")) for file in files]
    return [torch.tensor(array, dtype=dtype) for array, dtype in zip(arrays, (torch.uint8, torch.int64), strict=True)]


def _download(dataset: Dataset, train: bool) -> None:
    from torchvision import datasets  # here alone: it loads PyTorch's compiler, which takes seconds and 150 MB

    getattr(datasets, dataset.kind)(data_root(), train=train, download=True, **dataset.options)


def load_folder(folder: Path, device: torch.device | str = "cpu", resize: bool = False) -> tuple[str, Digits]:
    """All pictures under `folder`, in grey and without labels, as (data, digits); `data` is a recipe's name for them.

    They are shuffled, always in the same way: file names often sort by class, and the last pictures are held out. With
    `resize`, pictures that are all of one other size are scaled to 28 x 28. `data` consists of the folder's name, the
    scaling, and a hash of the pictures. Raises DataError if there are no pictures or their sizes do not fit.
    """
    files = sorted(file for file in folder.rglob("*") if is_picture_name(file) and file.is_file())
    if not files:
        raise DataError(f"there are no pictures in {folder}" if folder.is_dir() else f"there is no folder {folder}")
    images: list[Tensor] = []
    size = (SIDE, SIDE)
    for file, picture in zip(files, read_pictures(files), strict=True):
        height, width = picture.shape[2:]
        if not images:
            size = height, width
        if (height, width) != size:
            raise DataError(
                f"{file} is {width} x {height}, and {files[0]} {size[1]} x {size[0]}: all must have one size"
            )
        if size != (SIDE, SIDE):
            if not resize:
                raise DataError(f"{file} is {width} x {height}, not 28 x 28; with --resize all are scaled to that")
            picture = F.interpolate(picture, (SIDE, SIDE), mode="bilinear", antialias=True)
        images.append(picture.mul(255).round().byte())
    whole = torch.cat(images)[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]
    scaled = f", {size[1]} x {size[0]} scaled to 28 x 28" if size != (SIDE, SIDE) else ""
    data = f"the folder {folder.resolve().name} ({hashlib.sha256(whole.numpy().tobytes()).hexdigest()[:12]}{scaled})"
    return data, Digits(whole.to(device), torch.full((len(whole),), UNLABELLED, device=device))


def data_title(data: str) -> str:
    """The title of a recipe's `data`."""
    return DATASETS[data].title if data in DATASETS else data


def shows_digits(data: str) -> bool:
    """Whether a recipe's `data` are pictures of the digits 0 to 9, labelled so."""
    return data in DATASETS and DATASETS[data].digits


def training_words(data: str, digits: Digits) -> str:
    """How a recipe's `data` is split, as a sentence for the record."""
    what = "digits" if shows_digits(data) else "pictures"
    count, held_out = map(len, split_validation(digits))
    name = f"{DATASETS[data].title} training set" if data in DATASETS else data
    return f"{name}: {count:,} {what} to train, the last {held_out:,} to validate"
