"""RECIPES: everything that is trained, each with its settings, its source and the source's headline figure.

Adding a model is adding an entry here (and a builder in models/networks.py where its structure is new). Knows
nothing of files or pages.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch

from .data import Augmentation, data_title
from .filters import FILTERS
from .models import build, parameter_count
from .recipe import NAME, OPTIMIZERS, Recipe, RecipeError, Refinement, Source

MOST_PARAMETERS = 2**27  # of a variation's network

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

# The kinds are named: a recipe that took them from NOISES would be another one with each new kind.
GAUSSIAN = ("gaussian",)
OTHER_NOISES = ("salt-and-pepper", "speckle", "poisson", "block-out")

ADADELTA: dict[str, Any] = {
    "optimizer": "adadelta",
    "learning_rate": 1.0,
    "optimizer_settings": {"rho": 0.95, "eps": 1e-7},
}
HALF: dict[str, Any] = {"noise": ("gaussian",), "noise_factor": 0.5}
ONCE: dict[str, Any] = {"noise_drawn": "once"}

_FLAT: dict[str, Any] = {
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
            noise=GAUSSIAN * 8 + OTHER_NOISES,
            noise_factor=(0.0, 1.0),
            optimizer="adamw",
            learning_rate=2e-3,
            optimizer_settings={"weight_decay": 1e-2},
            schedule="cosine",
            epochs=50,
            clip=5.0,
            ema=0.999,
            refinements=tuple(
                Refinement(epochs=epochs, learning_rate=1e-3, noise=GAUSSIAN * 28 + OTHER_NOISES) for epochs in (24, 50)
            ),
            grown_from={"blocks": (1, 2, 4)},
            featured=True,
        ),
        Recipe(
            name="sampler",
            title="Sampler: clean digits that a noisy picture may come from",
            family="sampler",
            network="flow_unet",
            settings={"widths": (32, 64, 128), "blocks": (2, 3, 4), "dream_blocks": True},
            task="sample",
            note="Ours: conditional flow matching, blind to kind and factor of the noise. It starts from the U-Net's "
            "weights, and learns to complete erased parts and to draw digits from nothing along the way. At last it "
            "grows blocks that only draw digits from nothing, and trains these alone.",
            noise=GAUSSIAN * 8 + OTHER_NOISES,
            noise_factor=(0.0, 1.0),
            optimizer="adamw",
            learning_rate=1e-3,
            optimizer_settings={"weight_decay": 1e-2},
            epochs=6,
            clip=1.0,
            ema=0.9995,
            refinements=(
                Refinement(epochs=4, learning_rate=3e-4, noise=GAUSSIAN * 8 + OTHER_NOISES),
                Refinement(epochs=4, learning_rate=1e-4, noise=GAUSSIAN * 8 + OTHER_NOISES),
                Refinement(
                    epochs=4,
                    learning_rate=1e-3,
                    noise=GAUSSIAN,
                    loss="dream-bce",
                    schedule="cosine",
                    frozen=True,
                ),
            ),
            grown_from={"dream_blocks": False},
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
            noise=GAUSSIAN * 4 + OTHER_NOISES,
            noise_factor=(0.0, 0.6),
            augmentation=Augmentation(degrees=12, shift=1.5, scale=0.1),
            optimizer="adamw",
            learning_rate=2e-3,
            optimizer_settings={"weight_decay": 1e-2},
            schedule="cosine",
            epochs=20,
        ),
        Recipe(
            name="referee-fast",
            title="Fast referee: the referee at a fifth of its operations",
            family="referee",
            network="classifier_strided",
            settings={"width": 32},
            task="read",
            note="Ours: learns from the labels and from the referee's readings. It reads what the page shows.",
            loss="distillation",
            teacher="referee",
            noise=GAUSSIAN * 4 + OTHER_NOISES,
            noise_factor=(0.0, 0.8),
            augmentation=Augmentation(degrees=12, shift=1.5, scale=0.1),
            optimizer="adamw",
            learning_rate=4e-3,
            optimizer_settings={"weight_decay": 2e-2},
            schedule="cosine",
            batch_size=256,
            epochs=40,
        ),
        Recipe(
            name="reader-clean",
            title="Reader of clean digits: the fast referee's network, which never saw noise",
            family="referee",
            network="classifier_strided",
            settings={"width": 32},
            task="read",
            note="Ours: shows what denoising is worth to a classifier that was trained without noise.",
            loss="cross-entropy",
            augmentation=Augmentation(degrees=12, shift=1.5, scale=0.1),
            optimizer="adamw",
            learning_rate=4e-3,
            optimizer_settings={"weight_decay": 2e-2},
            schedule="cosine",
            batch_size=256,
            epochs=10,
        ),
    )
}


def get_recipe(name: str) -> Recipe:
    """The recipe of that name; RecipeError where there is none."""
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}; there are {', '.join(RECIPES)}")
    return RECIPES[name]


def variation(recipe: Recipe, name: str, settings: Mapping[str, Any], data: str = "mnist") -> Recipe:
    """`recipe` with other settings or on other pictures, under another name: ours, so its source's figure falls away.

    Raises RecipeError where there is no such setting, a value is of the wrong type or contradicts the others, or the
    name is another recipe's, a filter's or none.
    """
    if name in RECIPES or name in FILTERS or not NAME.fullmatch(name):
        raise RecipeError(f"{name!r} is the name of another recipe or filter, or no name: letters, digits and hyphens")
    words = ", ".join(f"{key}={json.dumps(value)}" for key, value in settings.items())
    plain: dict[str, Any] = {
        "name": name,
        "source": None,
        "headline": "",
        "headline_bce": None,
        "featured": False,
        "data": data,
    }
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
