"""Every network: builders that differ in their layers alone. Knows nothing of recipes, noise or files.

Comments beside the layers are output shapes without the batch.
"""

from collections.abc import Callable, Sequence
from inspect import signature
from itertools import pairwise

from torch import nn

from ..data import PIXELS, SIDE
from ..samplers import FlowSampler, Sampler
from ..trainable import Trainable
from .contracts import VAE, Autoencoder, Classifier, Denoiser, Direct
from .layers import (
    LSTMDecoder,
    LSTMEncoder,
    Residual,
    Waves,
    conv3,
    pool,
    pooled,
    transposed3,
    unet_levels,
)
from .timed_unet import TimedUNet

IMAGE = (1, SIDE, SIDE)
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}


def dense(widths: Sequence[int], activation: str = "relu", code_activation: str | None = None) -> Autoencoder:
    """Fully connected layers from 784 through `widths` to the latent, and the same widths back."""

    def layers(sizes: Sequence[int], activations: Sequence[str]) -> list[nn.Module]:
        return [
            layer
            for (inputs, outputs), name in zip(pairwise(sizes), activations, strict=True)
            for layer in (nn.Linear(inputs, outputs), ACTIVATIONS[name]())
        ]

    down, up = [PIXELS, *widths], [*reversed(widths), PIXELS]
    hidden = [activation] * (len(widths) - 1)
    return Autoencoder(
        nn.Sequential(nn.Flatten(), *layers(down, [*hidden, code_activation or activation])),  # widths[-1]
        nn.Sequential(*layers(up, [*hidden, "none"]), nn.Unflatten(1, IMAGE)),  # 1 x 28 x 28
    )


def conv_strided(filters: int, code: int | None = None) -> Autoencoder:
    """Two convolutions with pools, two transposed convolutions of stride 2; the latent has `code` or `filters` maps."""
    code = code or filters
    return Autoencoder(
        nn.Sequential(*pooled(1, filters, code)),  # f x 14 x 14, c x 7 x 7
        nn.Sequential(
            transposed3(code, filters),  # f x 14 x 14
            transposed3(filters, filters),  # f x 28 x 28
            nn.Conv2d(filters, 1, 3, padding=1),  # 1 x 28 x 28
        ),
    )


def conv_small() -> Autoencoder:
    """Three pools to a latent of 8 x 4 x 4, and back through an unpadded convolution that crops 16 to 14."""
    return Autoencoder(
        nn.Sequential(*pooled(1, 16, 8, 8)),  # 16 x 14 x 14, 8 x 7 x 7, 8 x 4 x 4
        nn.Sequential(
            conv3(8, 8),  # 8 x 4 x 4
            nn.Upsample(scale_factor=2),  # 8 x 8 x 8
            conv3(8, 8),  # 8 x 8 x 8
            nn.Upsample(scale_factor=2),  # 8 x 16 x 16
            conv3(8, 16, padding=0),  # 16 x 14 x 14
            nn.Upsample(scale_factor=2),  # 16 x 28 x 28
            nn.Conv2d(16, 1, 3, padding=1),  # 1 x 28 x 28
        ),
    )


def conv_upsampled(filters: int) -> Autoencoder:
    """Two convolutions with pools; back by two convolutions, each followed by nearest-neighbour upsampling."""
    return Autoencoder(
        nn.Sequential(*pooled(1, filters, filters)),  # f x 14 x 14, f x 7 x 7
        nn.Sequential(
            conv3(filters, filters),  # f x 7 x 7
            nn.Upsample(scale_factor=2),  # f x 14 x 14
            conv3(filters, filters),  # f x 14 x 14
            nn.Upsample(scale_factor=2),  # f x 28 x 28
            nn.Conv2d(filters, 1, 3, padding=1),  # 1 x 28 x 28
        ),
    )


def conv_resized(upsampling: str) -> Autoencoder:
    """Three pools to a latent of 32 x 4 x 4, and back to sides of 7, 14 and 28.

    `upsampling` is "nearest" or "bilinear", a resize before each convolution, or "transposed" for transposed
    convolutions.
    """

    def upsample(inputs: int, outputs: int, size: int) -> nn.Module:
        if upsampling == "transposed":
            return transposed3(inputs, outputs, output_padding=1 - size % 2)
        return nn.Sequential(nn.Upsample(size=(size, size), mode=upsampling), conv3(inputs, outputs))

    return Autoencoder(
        nn.Sequential(*pooled(1, 64, 64, 32)),  # 64 x 14 x 14, 64 x 7 x 7, 32 x 4 x 4
        nn.Sequential(
            upsample(32, 32, 7),  # 32 x 7 x 7
            upsample(32, 64, 14),  # 64 x 14 x 14
            upsample(64, 64, 28),  # 64 x 28 x 28
            nn.Conv2d(64, 1, 3, padding=1),  # 1 x 28 x 28
        ),
    )


def conv_flat(latent_dim: int) -> Autoencoder:
    """Two convolutions with pools and a dense layer to a flat latent; back by a dense and transposed convolutions."""
    return Autoencoder(
        nn.Sequential(
            *pooled(1, 32, 64),  # 32 x 14 x 14, 64 x 7 x 7
            nn.Flatten(),  # 3136
            nn.Linear(3136, latent_dim),  # d
            nn.ReLU(),
        ),
        nn.Sequential(
            nn.Linear(latent_dim, 3136),  # 3136
            nn.ReLU(),
            nn.Unflatten(1, (64, 7, 7)),  # 64 x 7 x 7
            transposed3(64, 64),  # 64 x 14 x 14
            transposed3(64, 32),  # 32 x 28 x 28
            nn.Conv2d(32, 1, 3, padding=1),  # 1 x 28 x 28
        ),
    )


def unet(widths: Sequence[int], blocks: Sequence[int]) -> Direct:
    """A U-Net with residual blocks: `widths` channels and `blocks` blocks per level, the largest pictures first.

    Ronneberger, Fischer and Brox, "U-Net", 2015; each level halves the size, and skips are added.
    """
    return Direct(
        nn.Sequential(
            nn.Conv2d(1, widths[0], 3, padding=1),  # w x 28 x 28
            unet_levels(widths, blocks, Residual),  # w x 28 x 28
            nn.SiLU(),
            nn.Conv2d(widths[0], 1, 3, padding=1),  # 1 x 28 x 28
        )
    )


def flow_unet(
    widths: Sequence[int], blocks: Sequence[int], time_features: int = 64, dream_blocks: bool = False
) -> FlowSampler:
    """A U-Net like that of `unet` that is also given the time and a noisy state, sampled by flow matching.

    With `dream_blocks` it has blocks that only work where nothing is observed.
    """
    return FlowSampler(TimedUNet(widths, blocks, time_features, dream_blocks))


def lstm(latent_dim: int, hidden: int) -> Autoencoder:
    """The picture as a sequence of 28 rows, with an LSTM as encoder and one as decoder."""
    return Autoencoder(LSTMEncoder(latent_dim), LSTMDecoder(latent_dim, hidden))


def vae_dense(latent_dim: int, hidden: int) -> VAE:
    """A VAE with one hidden layer in the encoder and one in the decoder."""
    return VAE(
        nn.Sequential(
            nn.Flatten(),  # 784
            nn.Linear(PIXELS, hidden),  # h
            nn.ReLU(),
            nn.Linear(hidden, 2 * latent_dim),  # mu and logvar: 2 d
        ),
        nn.Sequential(
            nn.Linear(latent_dim, hidden),  # h
            nn.ReLU(),
            nn.Linear(hidden, PIXELS),  # 784
            nn.Unflatten(1, IMAGE),  # 1 x 28 x 28
        ),
    )


def vae_deep(latent_dim: int, encoder: Sequence[int], decoder: Sequence[int], waves: bool = True) -> VAE:
    """A VAE with hidden layers of the widths `encoder`, batch-normalised, and `decoder`.

    With `waves` the decoder's first layer are Fourier features of the latent.
    """
    first = Waves(latent_dim, decoder[0]) if waves else nn.Sequential(nn.Linear(latent_dim, decoder[0]), nn.SiLU())
    down = [PIXELS, *encoder]
    return VAE(
        nn.Sequential(
            nn.Flatten(),  # 784
            *(
                layer
                for inputs, outputs in pairwise(down)
                for layer in (nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.SiLU())
            ),
            nn.Linear(down[-1], 2 * latent_dim),  # mu and logvar: 2 d
        ),
        nn.Sequential(
            first,
            *(layer for inputs, outputs in pairwise(decoder) for layer in (nn.Linear(inputs, outputs), nn.SiLU())),
            nn.Linear(decoder[-1], PIXELS),  # 784
            nn.Unflatten(1, IMAGE),  # 1 x 28 x 28
        ),
    )


def two_convolutions(inputs: int, outputs: int) -> list[nn.Module]:
    """Two 3 x 3 convolutions, each with batch normalisation and ReLU; the size stays."""
    return [
        layer
        for channels in (inputs, outputs)
        for layer in (nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
    ]


def classifier(width: int) -> Classifier:
    """Three stages of two convolutions with batch normalisation, the mean over the picture, and a dense layer."""
    return Classifier(
        nn.Sequential(
            *two_convolutions(1, width),  # w x 28 x 28
            pool(),  # w x 14 x 14
            *two_convolutions(width, 2 * width),  # 2w x 14 x 14
            pool(),  # 2w x 7 x 7
            *two_convolutions(2 * width, 4 * width),  # 4w x 7 x 7
            nn.AdaptiveAvgPool2d(1),  # 4w x 1 x 1
            nn.Flatten(),  # 4w
            nn.Linear(4 * width, 10),  # 10
        )
    )


def classifier_strided(width: int) -> Classifier:
    """A fifth of the operations of `classifier`: the first convolution halves the size, later stages are shorter."""

    def layer(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    return Classifier(
        nn.Sequential(
            nn.Conv2d(1, width, 4, stride=2, padding=1, bias=False),  # w x 14 x 14
            nn.BatchNorm2d(width),
            nn.ReLU(),
            *layer(width, width),  # w x 14 x 14
            pool(),  # w x 7 x 7
            *layer(width, 2 * width),  # 2w x 7 x 7
            *layer(2 * width, 2 * width),  # 2w x 7 x 7
            pool(),  # 2w x 4 x 4
            *layer(2 * width, 4 * width),  # 4w x 4 x 4
            nn.AdaptiveAvgPool2d(1),  # 4w x 1 x 1
            nn.Flatten(),  # 4w
            nn.Linear(4 * width, 10),  # 10
        )
    )


NETWORKS: dict[str, Callable[..., Trainable]] = {
    "dense": dense,
    "conv_strided": conv_strided,
    "conv_small": conv_small,
    "conv_upsampled": conv_upsampled,
    "conv_resized": conv_resized,
    "conv_flat": conv_flat,
    "unet": unet,
    "lstm": lstm,
    "vae_dense": vae_dense,
    "vae_deep": vae_deep,
    "classifier": classifier,
    "classifier_strided": classifier_strided,
    "flow_unet": flow_unet,
}

TASK_CONTRACTS: dict[str, type[Trainable]] = {  # what a network is for each task
    "denoise": Denoiser,
    "reconstruct": Denoiser,
    "read": Classifier,
    "sample": Sampler,
}


def contract(network: str) -> type[Trainable]:
    """The class that the network of that name is an instance of, as its builder says."""
    return signature(NETWORKS[network]).return_annotation
