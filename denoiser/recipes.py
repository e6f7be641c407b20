"""RECIPES: everything that is trained, each with its settings, its source and the source's headline figure.

Adding a model is adding an entry here (and a builder in models.py where its structure is new). Knows nothing of
files or pages.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from inspect import signature

import torch

from .data import Augmentation, data_title
from .errors import DenoiserError
from .filters import FILTERS
from .models import NETWORKS, TASK_CONTRACTS, VAE, build, contract, parameter_count
from .noise import NOISES

OPTIMIZERS = {"adadelta": torch.optim.Adadelta, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
SCHEDULES = ("constant", "cosine")
NOISE_DRAWN = ("once", "each batch")
FAMILIES = ("dense", "conv", "unet", "recurrent", "vae", "referee", "sampler")
PICTURE_TASKS = ("denoise", "reconstruct")  # one picture in, one picture out
TASKS = (*PICTURE_TASKS, "read", "sample")
PRESENTATION = ("title", "source", "headline", "headline_bce", "note", "featured")  # trains the same whatever they say
VERSION = 1  # of networks, noise and training; another once the same recipe gives other weights
NAME = re.compile("[A-Za-z0-9-]{1,100}")  # of a recipe, and so of its checkpoint's files
LARGEST_SETTING = 4096  # of a network: widths, filters, latent dimensions
LARGEST_BLOCKS, MOST_SIZES = 32, 8  # blocks at one size of a network, and sizes or layers in a list
LARGEST = {"batch_size": 2**20, "epochs": 100_000, "seed": 2**32 - 1}  # seeds of epochs are to fit into 64 bits
MOST_PARAMETERS = 2**27
UNTRAINED_FACTOR = 0.5  # the noise that what was trained on none is shown at


class RecipeError(DenoiserError, ValueError):
    """A recipe whose settings contradict each other, or a name that no recipe has."""


@dataclass(frozen=True)
class Source:
    """Where a recipe comes from."""

    title: str
    year: int
    address: str

    def __post_init__(self):
        if not (isinstance(self.title, str) and isinstance(self.address, str) and type(self.year) is int):
            raise RecipeError("a source has a title and an address, which are text, and a year, a whole number")


@dataclass(frozen=True)
class Refinement:
    """A further training that starts from the weights the one before ended with; only these settings are others."""

    epochs: int
    learning_rate: float
    noise: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """One model: what it is, how it is trained, where it comes from.

    `noise_factor` is one number or the (low, high) from which each picture draws its own; `noise` names a kind,
    or several, each taking an equal share of every batch; `noise_drawn` says whether the training noise is one
    frozen field for all epochs or fresh for each batch. `data` are the pictures to train on: a name in data.DATASETS,
    or words about a folder. `penalty_warmup` is the number of epochs over which the
    penalties' weights climb from 0. `clip` is the norm to which a step's gradient is cut, and `ema` the decay, at each
    step, of the running mean of the weights that is kept in their stead; 0 for neither. `refinements` follow, in turn,
    once all epochs are done. `grown_from` are those of the network's settings that are smaller until the last of
    them, which grows it to `settings`. `warm_start` names the trained model whose weights the network starts from.
    `headline` is the source's own figure, in words, and `headline_bce` the
    validation BCE (nats per pixel) it gives or implies. A `featured` recipe has a card on the page's first board.
    """

    name: str
    title: str
    family: str
    network: str
    settings: Mapping
    task: str
    source: Source | None = None
    headline: str = ""
    headline_bce: float | None = None
    note: str = ""
    noise: tuple[str, ...] = ()
    noise_factor: float | tuple[float, float] = 0.0
    noise_drawn: str = "each batch"
    data: str = "mnist"
    augmentation: Augmentation | None = None
    loss: str = "bce"
    penalties: Mapping[str, float] = field(default_factory=dict)
    penalty_warmup: float = 0.0
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    optimizer_settings: Mapping[str, float] = field(default_factory=dict)
    schedule: str = "constant"
    batch_size: int = 128
    epochs: int = 50
    clip: float = 0.0
    ema: float = 0.0
    seed: int = 0
    refinements: tuple[Refinement, ...] = ()
    grown_from: Mapping | None = None
    warm_start: str = ""
    featured: bool = False

    def __post_init__(self):
        self._refuse(self._kinds())
        low, high = self.noise_range
        self._refuse(
            {
                f"unknown family {self.family!r}": self.family in FAMILIES,
                f"unknown task {self.task!r}": self.task in TASKS,
                f"unknown network {self.network!r}": self.network in NETWORKS,
                f"unknown optimizer {self.optimizer!r}": self.optimizer in OPTIMIZERS,
                f"unknown schedule {self.schedule!r}": self.schedule in SCHEDULES,
                f"noise_drawn is {self.noise_drawn!r}, not one of {NOISE_DRAWN}": self.noise_drawn in NOISE_DRAWN,
                f"unknown noise in {self.noise!r}": set(self.noise) <= set(NOISES),
                f"the noise factors {low} to {high} are not within 0 to 1": 0 <= low <= high <= 1,
                "epochs, batch_size and learning_rate must be above 0": (
                    self.epochs > 0 and self.batch_size > 0 and self.learning_rate > 0
                ),
            }
        )
        model, has_noise = contract(self.network), bool(self.noise)
        self._refuse(
            {
                f"network {self.network!r} does not take the settings {dict(self.settings)}": (
                    _takes(NETWORKS[self.network], self.settings)
                ),
                f"optimizer {self.optimizer!r} does not take the settings {dict(self.optimizer_settings)}": (
                    _takes(OPTIMIZERS[self.optimizer], {"params": (), "lr": 0} | dict(self.optimizer_settings))
                ),
                f"family {self.family!r} and task {self.task!r} do not go together": (
                    (self.family == "referee") == (self.task == "read")
                    and (self.family == "sampler") == (self.task == "sample")
                ),
                f"network {self.network!r} is not made for task {self.task!r}": (
                    issubclass(model, TASK_CONTRACTS[self.task])
                ),
                f"network {self.network!r} is not of family {self.family!r}": (
                    (self.family == "vae") == issubclass(model, VAE)
                ),
                f"network {self.network!r} has no loss {self.loss!r}": self.loss in model.criteria,
                f"network {self.network!r} has not all of the penalties {dict(self.penalties)}": (
                    set(self.penalties) <= set(model.penalties)
                ),
                f"penalties that climb for {self.penalty_warmup} epochs need penalties": (
                    self.penalty_warmup == 0 or (self.penalty_warmup > 0 and bool(self.penalties))
                ),
                f"network {self.network!r} cannot start from the weights of {self.warm_start!r}": (
                    not self.warm_start or hasattr(model, "warm_start")
                ),
                f"a gradient cannot be cut to {self.clip}": self.clip >= 0,
                f"the decay {self.ema} of the mean of the weights is not from 0 to below 1": 0 <= self.ema < 1,
                f"it is to {self.task}, but has no noise": self.task not in ("denoise", "sample") or has_noise,
                "it is to reconstruct clean digits, but adds noise": self.task != "reconstruct" or not has_noise,
                "noise kinds and a noise factor above 0 need each other": has_noise == (high > 0),
                "noise drawn once, but no noise": self.noise_drawn == "each batch" or has_noise,
                "noise drawn once cannot follow pictures that augmentation changes at each epoch": (
                    self.noise_drawn == "each batch" or self.augmentation is None
                ),
            }
        )
        self._refuse({"it cannot grow without a refinement": bool(self.refinements) or not self.grown_from})
        if self.refinements:
            _ = self.stages  # refuses what contradicts itself

    def _kinds(self) -> dict[str, bool]:
        """Whether each value is of the kind and within the bounds that training relies on."""
        whole = {name: getattr(self, name) for name in LARGEST}
        texts = {name: getattr(self, name) for name in ("title", "note", "headline", "data")}
        numbers = {name: getattr(self, name) for name in ("learning_rate", "clip", "ema", "penalty_warmup")}
        numbers |= {
            name: value for name in ("penalties", "optimizer_settings") for name, value in getattr(self, name).items()
        }
        return {
            f"{self.name!r} is no name: letters, digits and hyphens": bool(NAME.fullmatch(self.name)),
            **{
                f"{name} is {value!r}, not a whole number up to {LARGEST[name]:,}": (
                    type(value) is int and value <= LARGEST[name] and (value >= 0 or name != "seed")
                )
                for name, value in whole.items()
            },
            **{f"{name} is {value!r}, not text": isinstance(value, str) for name, value in texts.items()},
            **{
                f"{name} is {value!r}, not a number": type(value) in (int, float) and math.isfinite(value)
                for name, value in numbers.items()
            },
            "augmentation is no Augmentation": isinstance(self.augmentation, Augmentation | None),
            "refinements are no Refinements": all(isinstance(each, Refinement) for each in self.refinements),
            f"the settings {dict(self.settings)} are of no network that can be built": sane_settings(self.settings),
            f"the settings {self.grown_from} are of no network that can be built": sane_settings(self.grown_from or {}),
        }

    def _refuse(self, checks: Mapping[str, bool]) -> None:
        """RecipeError naming each problem that is not fine."""
        wrong = [problem for problem, fine in checks.items() if not fine]
        if wrong:
            raise RecipeError(f"recipe {self.name!r}: {'; '.join(wrong)}")

    @property
    def noise_range(self) -> tuple[float, float]:
        """The lowest and highest noise factor of the training noise."""
        return self.noise_factor if isinstance(self.noise_factor, tuple) else (self.noise_factor,) * 2

    @property
    def stages(self) -> tuple["Recipe", ...]:
        """The trainings this consists of, each from the weights of the one before, as recipes without refinements."""
        small = {**self.settings, **(self.grown_from or {})}
        stages = [replace(self, settings=small, refinements=(), grown_from=None)]
        stages += [replace(stages[0], penalty_warmup=0, **vars(refinement)) for refinement in self.refinements]
        stages[-1] = replace(stages[-1], settings=self.settings)
        return tuple(stages)

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)

    def as_dict(self) -> dict:
        """Plain values for the record."""
        return asdict(self)

    def fingerprint(self) -> str:
        """What decides the weights, as a hash."""
        return fingerprint(self.as_dict())


def sane_settings(settings: object) -> bool:
    """Whether building a network with these settings would take no absurd time or memory, whatever they mean to it."""
    return (
        isinstance(settings, Mapping)
        and all(
            type(number) is not int or 0 <= number <= (LARGEST_BLOCKS if key == "blocks" else LARGEST_SETTING)
            for key, value in settings.items()
            for number in (value if isinstance(value, list | tuple) else [value])
        )
        and all(len(value) <= MOST_SIZES for value in settings.values() if isinstance(value, list | tuple))
    )


def _takes(function: Callable, settings: Mapping) -> bool:
    """Whether `function` can be called with these keywords."""
    try:
        signature(function).bind(**settings)
    except TypeError:
        return False
    return True


KERAS = Source(
    "用自编码器进行图像去噪 (after F. Chollet, Building Autoencoders in Keras)",
    2016,
    "https://juejin.im/post/58492f63ac502e006915c757",
)
OVERVIEW = Source("图像降噪神器：去噪自编码器，让图像重现清晰", 2024, "")
PRAMODITHA = Source(
    "R. Pramoditha, Convolutional vs Feedforward Autoencoders for Image Denoising",
    2023,
    "https://towardsdatascience.com/convolutional-vs-feedforward-autoencoders-for-image-denoising-9fcd4d2e8b5",
)
NELSONZHAO = Source(
    "NELSONZHAO, Using convolutional autoencoders to reduce noise in images",
    2017,
    "https://github.com/NELSONZHAO/zhihu/tree/master/denoise_auto_encoder",
)
DENSE_64 = Source(
    "Autoencoder For Denoising Images",
    2019,
    "https://towardsdatascience.com/autoencoder-for-denoising-images-7d63a0831bfd",
)

ADADELTA = {"optimizer": "adadelta", "learning_rate": 1.0, "optimizer_settings": {"rho": 0.95, "eps": 1e-7}}
HALF = {"noise": ("gaussian",), "noise_factor": 0.5}
ONCE = {"noise_drawn": "once"}

_FLAT = {
    "family": "conv",
    "network": "conv_flat",
    "settings": {"latent_dim": 64},
    "task": "denoise",
    "source": OVERVIEW,
    "loss": "mse",
    "epochs": 20,
    "augmentation": Augmentation(degrees=10, shift=2, scale=0.1),
    **HALF,
}
_FLAT_NOTE = (
    "The source keeps all 3,136 values of the flattened code, which makes its next layer alone 39 MB; here the "
    "code has 64 values."
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="dense-16",
            title="Deep dense autoencoder, code of 16",
            family="dense",
            network="dense",
            settings={"widths": (500, 300, 100, 16), "activation": "sigmoid", "code_activation": "tanh"},
            task="denoise",
            source=PRAMODITHA,
            headline="the convolutional network beats it; slight overfitting after epoch 35",
            noise=("gaussian",),
            noise_factor=0.7,
            **ONCE,
            featured=True,
        ),
        Recipe(
            name="conv-64",
            title="Convolutional autoencoder, 64 filters",
            family="conv",
            network="conv_strided",
            settings={"filters": 64},
            task="denoise",
            source=PRAMODITHA,
            headline="beats the feed-forward network; no overfitting",
            noise=("gaussian",),
            noise_factor=0.7,
            **ONCE,
            featured=True,
        ),
        Recipe(
            name="vae-2d",
            title="Variational autoencoder, two latent dimensions",
            family="vae",
            network="vae_dense",
            settings={"latent_dim": 2, "hidden": 256},
            task="reconstruct",
            source=KERAS,
            headline="clusters, and a grid with transitional digits",
            batch_size=100,
        ),
        Recipe(
            name="vae-2d-best",
            title="Variational autoencoder, two latent dimensions, wider and denoising",
            family="vae",
            network="vae_deep",
            settings={"latent_dim": 2, "encoder": (512, 512, 256), "decoder": (512, 512, 512, 512)},
            task="denoise",
            note="Ours: it sees noise of every factor up to 0.5, so that noisy digits land near their clean place; its "
            "KL term climbs over the first five epochs; its decoder sees the plane as waves.",
            noise=("gaussian",),
            noise_factor=(0.0, 0.5),
            penalties={"kl": 1.0},
            penalty_warmup=5,
            optimizer="adamw",
            learning_rate=1.5e-3,
            optimizer_settings={"weight_decay": 1e-2},
            schedule="cosine",
            batch_size=256,
            epochs=200,
            featured=True,
        ),
        Recipe(
            name="dense-32",
            title="Simplest autoencoder: one dense layer to a code of 32",
            family="dense",
            network="dense",
            settings={"widths": (32,)},
            task="reconstruct",
            source=KERAS,
            headline="train 0.1068, validation 0.1051",
            headline_bce=0.1051,
            note="Batches of 128 make twice the steps of batches of 256. With those the same training comes to train "
            "0.1068, the source's figure, and validation 0.1068: python -m denoiser train dense-32 --set "
            "batch_size=256 --as dense-32-256",
            **ADADELTA,
        ),
        Recipe(
            name="dense-deep",
            title="Deep dense autoencoder, code of 32",
            family="dense",
            network="dense",
            settings={"widths": (128, 64, 32)},
            task="reconstruct",
            source=KERAS,
            headline="train 0.0974, validation 0.0966",
            headline_bce=0.0966,
            note="Batches of 128 make twice the steps of batches of 256. With those the same training comes to train "
            "0.1006, validation 0.1014: python -m denoiser train dense-deep --set batch_size=256 --as dense-deep-256",
            epochs=100,
            **ADADELTA,
        ),
        Recipe(
            name="conv-8",
            title="Convolutional autoencoder, code of 4 x 4 x 8",
            family="conv",
            network="conv_small",
            settings={},
            task="reconstruct",
            source=KERAS,
            headline="train 0.0958, validation 0.0946",
            headline_bce=0.0946,
            epochs=100,
            **ADADELTA,
        ),
        Recipe(
            name="conv-32",
            title="Convolutional denoiser, 32 filters",
            family="conv",
            network="conv_upsampled",
            settings={"filters": 32},
            task="denoise",
            source=KERAS,
            headline="a picture only",
            epochs=100,
            **HALF,
            **ONCE,
            **ADADELTA,
        ),
        Recipe(
            name="dense-64",
            title="One dense layer to a code of 64, shown as a picture",
            family="dense",
            network="dense",
            settings={"widths": (64,)},
            task="reconstruct",
            source=NELSONZHAO,
            headline="train about 0.091 to 0.098",
            learning_rate=0.01,
            epochs=20,
        ),
        Recipe(
            name="dense-32-noisy",
            title="One dense layer to a code of 32, denoising",
            family="dense",
            network="dense",
            settings={"widths": (32,)},
            task="denoise",
            source=NELSONZHAO,
            headline="train about 0.124 to 0.130; noise shadows remain",
            epochs=30,
            **HALF,
        ),
        *(
            Recipe(
                name=f"conv-{name}",
                title=f"Convolutional denoiser, {how}",
                family="conv",
                network="conv_resized",
                settings={"upsampling": upsampling},
                task="denoise",
                source=NELSONZHAO,
                headline=headline,
                epochs=10,
                **HALF,
            )
            for name, upsampling, how, headline in (
                (
                    "nearest",
                    "nearest",
                    "nearest-neighbour resize",
                    "train about 0.096 to 0.102; noise almost invisible",
                ),
                ("bilinear", "bilinear", "bilinear resize", "named as the alternative to nearest-neighbour"),
                ("transpose", "transposed", "transposed convolutions", "said to leave checkerboards"),
            )
        ),
        Recipe(
            name="dense-64-noisy",
            title="One dense layer to a code of 64, denoising",
            family="dense",
            network="dense",
            settings={"widths": (64,)},
            task="denoise",
            source=DENSE_64,
            headline="some digits blurred, details invented",
            epochs=100,
            **HALF,
            **ADADELTA,
        ),
        Recipe(name="conv-flat", title="Convolutions to a flat code of 64", note=_FLAT_NOTE, **_FLAT),
        Recipe(
            name="conv-flat-sparse",
            title="Flat code of 64, kept sparse by an L1 activity penalty",
            note=_FLAT_NOTE,
            penalties={"code_l1": 2e-3},
            **_FLAT,
        ),
        Recipe(
            name="conv-flat-l1",
            title="Flat code of 64, L1 penalty on the weights",
            note=_FLAT_NOTE,
            penalties={"weight_l1": 1e-7},
            **_FLAT,
        ),
        Recipe(
            name="conv-flat-l2",
            title="Flat code of 64, weight decay",
            note=_FLAT_NOTE,
            **_FLAT | {"optimizer": "adamw", "optimizer_settings": {"weight_decay": 1e-2}},
        ),
        Recipe(
            name="conv-flat-ssim",
            title="Flat code of 64, trained on SSIM",
            note=_FLAT_NOTE,
            **_FLAT | {"loss": "ssim"},
        ),
        Recipe(
            name="lstm",
            title="The picture as 28 rows, read and written by an LSTM",
            family="recurrent",
            network="lstm",
            settings={"latent_dim": 64, "hidden": 128},
            task="denoise",
            source=KERAS,
            headline="named as a third way to build an encoder",
            epochs=20,
            **HALF,
        ),
        Recipe(
            name="unet",
            title="U-Net, one for every noise level and kind",
            family="unet",
            network="unet",
            settings={"widths": (32, 64, 128), "blocks": (2, 3, 4)},
            task="denoise",
            note="Ours: blind, it is told neither kind nor factor of the noise. After fifty epochs it is refined "
            "twice, each time from the mean weights of the epochs before and with a larger share of Gaussian noise; "
            "for the second time it grows by blocks that begin as if they were not there.",
            loss="psnr",
            noise=("gaussian",) * 8 + tuple(kind for kind in NOISES if kind != "gaussian"),
            noise_factor=(0.0, 1.0),
            optimizer="adamw",
            learning_rate=2e-3,
            optimizer_settings={"weight_decay": 1e-2},
            schedule="cosine",
            epochs=50,
            clip=5.0,
            ema=0.999,
            refinements=tuple(
                Refinement(
                    epochs=epochs,
                    learning_rate=1e-3,
                    noise=("gaussian",) * 28 + tuple(kind for kind in NOISES if kind != "gaussian"),
                )
                for epochs in (24, 50)
            ),
            grown_from={"blocks": (1, 2, 4)},
            featured=True,
        ),
        Recipe(
            name="sampler",
            title="Sampler: clean digits that a noisy picture may come from",
            family="sampler",
            network="flow_unet",
            settings={"widths": (32, 64, 128), "blocks": (2, 3, 4)},
            task="sample",
            note="Ours: conditional flow matching, blind to kind and factor of the noise. It starts from the U-Net's "
            "weights, and learns to complete erased parts and to draw digits from nothing along the way.",
            noise=("gaussian",) * 8 + ("salt-and-pepper", "speckle", "poisson", "block-out"),
            noise_factor=(0.0, 1.0),
            optimizer="adamw",
            learning_rate=1e-3,
            optimizer_settings={"weight_decay": 1e-2},
            epochs=6,
            clip=1.0,
            ema=0.9995,
            refinements=tuple(
                Refinement(
                    epochs=4,
                    learning_rate=rate,
                    noise=("gaussian",) * 8 + ("salt-and-pepper", "speckle", "poisson", "block-out"),
                )
                for rate in (3e-4, 1e-4)
            ),
            warm_start="unet",
        ),
        Recipe(
            name="referee",
            title="Referee: reads which digit a picture shows",
            family="referee",
            network="classifier",
            settings={"width": 32},
            task="read",
            note="Ours: the judge of what a picture reads as. It never takes part in denoising.",
            loss="cross-entropy",
            noise=("gaussian", "gaussian", "gaussian", *NOISES),
            noise_factor=(0.0, 0.6),
            augmentation=Augmentation(degrees=12, shift=1.5, scale=0.1),
            optimizer="adamw",
            learning_rate=2e-3,
            optimizer_settings={"weight_decay": 1e-2},
            schedule="cosine",
            epochs=20,
        ),
    )
}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name; RecipeError where there is none."""
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]


def variation(recipe: Recipe, name: str, settings: Mapping, data: str = "mnist") -> Recipe:
    """`recipe` with other settings or on other pictures, under another name: ours, so its source's figure falls away.

    Raises RecipeError where there is no such setting, a value is of the wrong type or contradicts the others, or the
    name is another recipe's, a filter's or none.
    """
    if name in RECIPES or name in FILTERS or not NAME.fullmatch(name):
        raise RecipeError(f"{name!r} is the name of another recipe or filter, or no name: letters, digits and hyphens")
    words = ", ".join(f"{key}={json.dumps(value)}" for key, value in settings.items())
    plain = {"name": name, "source": None, "headline": "", "headline_bce": None, "featured": False, "data": data}
    plain["note"] = f"{recipe.name} with {words}" if words else recipe.name
    if data != recipe.data:
        plain["title"] = f"{recipe.title}; trained on {data_title(data)}"
        plain["note"] += f", trained on {data_title(data)}"
    if unknown := settings.keys() - ({f.name for f in fields(Recipe)} - plain.keys() | {"title"}):
        raise RecipeError(f"a recipe has no setting {min(unknown)!r} to change")
    try:
        varied = replace(recipe, **plain | dict(settings))
        _try(varied)
    except RecipeError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise RecipeError(f"{words}: a value of the wrong type ({error})") from error
    return varied


def _try(recipe: Recipe) -> None:
    """ValueError or TypeError if the network or the optimiser refuses its settings, without memory for any weights."""
    with torch.device("meta"):
        network = build(recipe.network, recipe.settings)
    if (count := parameter_count(network)) > MOST_PARAMETERS:
        raise ValueError(f"the network has {count:,} parameters, more than {MOST_PARAMETERS:,}")
    OPTIMIZERS[recipe.optimizer](network.parameters(), lr=recipe.learning_rate, **recipe.optimizer_settings)


def fingerprint(recipe: Mapping, version: int | None = None) -> str:
    """A hash of all that decides the weights: the recipe (of a record) but for its presentation, and the code.

    What is null or as it is by default does not count, so that a setting which older recipes did not have changes no
    hash. `version` is that of the code, by default the present one.
    """
    defaults = {f.name: json.dumps(f.default) for f in fields(Recipe) if f.default is not MISSING}
    settings = {key: json.dumps(value, sort_keys=True) for key, value in recipe.items() if key not in PRESENTATION}
    decisive = sorted((key, text) for key, text in settings.items() if text not in (defaults.get(key), "null"))
    return hashlib.sha256(json.dumps([VERSION if version is None else version, decisive]).encode()).hexdigest()


def trained_noise(recipe: Mapping) -> tuple[str, float]:
    """Kind and factor of the strongest noise the recipe of a record trains on; Gaussian of 0 for clean digits.

    A filter, which was trained on nothing, gets Gaussian noise of 0.5.
    """
    factor = recipe.get("noise_factor", UNTRAINED_FACTOR)
    return (recipe.get("noise") or ["gaussian"])[0], max(factor) if isinstance(factor, list | tuple) else factor
