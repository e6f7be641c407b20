"""Every network: builders that differ in their layers alone, and the contracts they fulfil.

Denoiser     model(noisy) -> x_hat, pictures (B, 1, 28, 28) in [0, 1]; Direct is one without a code.
Autoencoder  the same by way of a code: model.encode(x) -> z, model.decode(z) -> x_hat.
VAE          the same, its code a Gaussian posterior; encode gives the mean.
Classifier   model(x) -> logits (B, 10); reads pictures, denoises none.
Sampler      model.sample(noisy, count) -> possible originals (count, B, 1, 28, 28); see sampler.py.

Each has `loss(batch, ...)`, so that the training loop knows no formula, and names the `criteria` and `penalties` it
understands, so that a recipe that asks for others is refused. Knows nothing of recipes, noise or files.
Comments beside the layers are output shapes without the batch.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .data import PIXELS, SIDE, Batch
from .losses import LOSSES, PENALTIES, gaussian_kl
from .sampler import FlowSampler, Sampler

IMAGE = (1, SIDE, SIDE)
INK_SQUARE = 0.1  # MNIST's mean squared pixel
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}


class Denoiser(nn.Module):
    """What takes noisy pictures and gives clean ones, by whatever way."""

    criteria: ClassVar[tuple[str, ...]] = tuple(LOSSES)
    penalties: ClassVar[tuple[str, ...]] = ()

    def code_and_logits(self, x: Tensor) -> tuple[Tensor | None, Tensor]:
        """What lies in the middle, None where there is no code, and the logits of the picture."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.code_and_logits(x)[1])

    def loss(
        self,
        batch: Batch,
        criterion: str = "bce",
        penalties: Mapping[str, float] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The criterion between the output for `batch.noisy` and `batch.clean`, plus the weighted penalties."""
        z, logits = self.code_and_logits(batch.noisy)
        loss = LOSSES[criterion](logits, batch.clean)
        for name, weight in (penalties or {}).items():
            loss = loss + weight * PENALTIES[name](self, z)
        return loss


class Direct(Denoiser):
    """One network from a picture to the logits of a picture."""

    penalties: ClassVar[tuple[str, ...]] = ("weight_l1",)

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def code_and_logits(self, x: Tensor) -> tuple[None, Tensor]:
        """No code, and the logits."""
        return None, self.body(x)


class Autoencoder(Denoiser):
    """An encoder to a code and a decoder to the logits of a picture."""

    penalties: ClassVar[tuple[str, ...]] = tuple(PENALTIES)

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Tensor) -> Tensor:
        """Pictures (B, 1, 28, 28) in [0, 1] to their codes (B, ...)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """Codes (B, ...) to pictures (B, 1, 28, 28) in [0, 1]."""
        return torch.sigmoid(self.decoder(z))

    def code_and_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The code and what it decodes to."""
        z = self.encode(x)
        return z, self.decoder(z)


class VAE(Autoencoder):
    """An autoencoder whose encoder gives a Gaussian posterior: mean and log-variance side by side (B, 2 d)."""

    criteria = ("bce",)
    penalties = ("kl",)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`mu` and `logvar`, both (B, d), of q(z | x)."""
        return self.encoder(x).chunk(2, dim=1)

    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean (B, d)."""
        return self.posterior(x)[0]

    def terms(self, batch: Batch, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """`recon` and `kl` in nats per picture, one posterior sample: their sum is the negative ELBO.

        `recon` is cross-entropy against `batch.clean` summed over pixels, as in Kingma and Welling 2013.
        """
        mu, logvar = self.posterior(batch.noisy)
        z = reparameterize(mu, logvar, generator)
        return LOSSES["bce"](self.decoder(z), batch.clean) * PIXELS, gaussian_kl(mu, logvar)

    def loss(
        self,
        batch: Batch,
        criterion: str = "bce",
        penalties: Mapping[str, float] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The negative ELBO; `penalties` may weight its KL term by `kl` (beta)."""
        recon, kl = self.terms(batch, generator)
        return recon + (penalties or {}).get("kl", 1.0) * kl


def reparameterize(mu: Tensor, logvar: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A sample of N(mu, exp(logvar)), differentiable in both."""
    mu, logvar = mu.float(), logvar.float()
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator, device=mu.device)


class Classifier(nn.Module):
    """Reads which digit a picture shows."""

    criteria: ClassVar[tuple[str, ...]] = ("cross-entropy",)
    penalties: ClassVar[tuple[str, ...]] = ("smoothing",)

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def loss(
        self,
        batch: Batch,
        criterion: str = "cross-entropy",
        penalties: Mapping[str, float] | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Cross-entropy in nats between the reading of `batch.noisy` and its label; `smoothing` may soften it."""
        smoothing = (penalties or {}).get("smoothing", 0.0)
        return F.cross_entropy(self(batch.noisy).float(), batch.labels, label_smoothing=smoothing)


def conv3(inputs: int, outputs: int, **options) -> nn.Sequential:
    """A 3x3 convolution that keeps the size unless told otherwise, and ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, **({"padding": 1} | options)), nn.ReLU())


class Transposed(nn.ConvTranspose2d):
    """A transposed convolution whose bias is added after it in bfloat16, which changes nothing but the time it takes.

    On a CPU PyTorch sums that bias's gradient, of pictures with channels last, so slowly that it takes most of the
    layer's backward step.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        if not torch.is_autocast_enabled(x.device.type):
            return super().forward(x, output_size)
        y = F.conv_transpose2d(x, self.weight, None, self.stride, self.padding, self.output_padding)
        return y + self.bias.to(y.dtype).view(1, -1, 1, 1)


def transposed3(inputs: int, outputs: int, output_padding: int = 1) -> nn.Sequential:
    """A transposed 3x3 convolution of stride 2 that doubles the size (or doubles less one), and ReLU."""
    layer = Transposed(inputs, outputs, 3, stride=2, padding=1, output_padding=output_padding)
    return nn.Sequential(layer, nn.ReLU())


def pool() -> nn.MaxPool2d:
    """Halves the size, rounding up: 28, 14, 7, 4."""
    return nn.MaxPool2d(2, ceil_mode=True)


def pooled(*channels: int) -> list[nn.Module]:
    """A convolution and a pool for each step of `channels`: the size goes 28, 14, 7, 4."""
    return [layer for inputs, outputs in pairwise(channels) for layer in (conv3(inputs, outputs), pool())]


def dense(widths: Sequence[int], activation: str = "relu", code_activation: str | None = None) -> Autoencoder:
    """Fully connected: 784, `widths` down to the code, and the same way back."""

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
    """Two convolutions with pools, two transposed convolutions of stride 2; the code is `code` deep, or as the rest."""
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
    """Three pools to a code of 4 x 4 x 8, and back through an unpadded convolution that trims 16 to 14."""
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
    """Two convolutions with pools; two convolutions, each followed by a repetition of pixels."""
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
    """Three pools to 4 x 4 x 32; back to 7, 14, 28 by `upsampling`.

    That is a resize, `nearest` or `bilinear`, before each convolution, or `transposed` convolutions.
    """

    def grow(inputs: int, outputs: int, size: int) -> nn.Module:
        if upsampling == "transposed":
            return transposed3(inputs, outputs, output_padding=1 - size % 2)
        return nn.Sequential(nn.Upsample(size=(size, size), mode=upsampling), conv3(inputs, outputs))

    return Autoencoder(
        nn.Sequential(*pooled(1, 64, 64, 32)),  # 64 x 14 x 14, 64 x 7 x 7, 32 x 4 x 4
        nn.Sequential(
            grow(32, 32, 7),  # 32 x 7 x 7
            grow(32, 64, 14),  # 64 x 14 x 14
            grow(64, 64, 28),  # 64 x 28 x 28
            nn.Conv2d(64, 1, 3, padding=1),  # 1 x 28 x 28
        ),
    )


def conv_flat(latent_dim: int) -> Autoencoder:
    """Two convolutions with pools, flattened to a dense code; a dense layer and transposed convolutions back."""
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


class Residual(nn.Module):
    """x plus two 3x3 convolutions of it; starts near the identity, so that deep stacks train without normalisation.

    After Zhang, Dauphin and Ma, "Fixup Initialization", 2019.
    """

    def __init__(self, width: int):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def start(self) -> None:
        """What is done to the layers' own start."""
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def vanish(self) -> None:
        """Be the identity, until training makes more of it."""
        with torch.no_grad():
            self.second.weight.zero_()
            self.second.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.silu(self.first(F.silu(x)))).add_(x)  # in place: its memory is still at hand


class TimedResidual(Residual):
    """A residual block that is told the time: between its convolutions each channel is scaled and shifted by it.

    It starts as the plain block. Perez et al., "FiLM", 2018.
    """

    def __init__(self, width: int, time_features: int):
        super().__init__(width)
        self.film = nn.Linear(time_features, 2 * width)

    def start(self) -> None:
        """What is done to the layers' own start."""
        super().start()
        nn.init.zeros_(self.film.weight)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        scale, shift = self.film(time)[..., None, None].chunk(2, dim=1)
        return self.second(F.silu(torch.addcmul(shift, self.first(F.silu(x)), 1 + scale))).add_(x)


class Blocks(nn.Sequential):
    """Blocks one after the other, each given the same condition beside the picture, if there is one."""

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        for block in self:
            x = block(x, *condition)
        return x


class Level(nn.Module):
    """One size of a U-Net: blocks, the smaller sizes between a halving and a doubling, and blocks again."""

    def __init__(self, before: Blocks, below: nn.Module, after: Blocks, width: int, width_below: int):
        super().__init__()
        self.before = before
        self.down = nn.Conv2d(width, width_below, 2, stride=2)
        self.below = below
        self.up = Transposed(width_below, width, 2, stride=2)
        self.after = after

    def forward(self, x: Tensor, *condition: Tensor) -> Tensor:
        x = self.before(x, *condition)
        return self.after(x + self.up(self.below(self.down(x), *condition)), *condition)


def _levels(widths: Sequence[int], blocks: Sequence[int], block: Callable[[int], nn.Module]) -> nn.Module:
    """All sizes of a U-Net, `block(width)` giving a new block."""

    def row(width: int, count: int) -> Blocks:
        return Blocks(*(block(width) for _ in range(count)))

    body: nn.Module = row(widths[-1], blocks[-1])
    for (width, below), count in zip(reversed(list(pairwise(widths))), reversed(blocks[:-1]), strict=True):
        body = Level(row(width, count), body, row(width, count), width, below)
    return body


def unet(widths: Sequence[int], blocks: Sequence[int]) -> Direct:
    """Residual blocks at each size, each half the one before, and skips between equal sizes.

    `widths` and `blocks` count from the largest size to the smallest. Ronneberger, Fischer and Brox, "U-Net", 2015.
    """
    return Direct(
        nn.Sequential(
            nn.Conv2d(1, widths[0], 3, padding=1),  # w x 28 x 28
            _levels(widths, blocks, Residual),  # w x 28 x 28
            nn.SiLU(),
            nn.Conv2d(widths[0], 1, 3, padding=1),  # 1 x 28 x 28
        )
    )


class TimedUNet(nn.Module):
    """A U-Net of three planes, whose blocks are told the time; its layers are named as those of `unet`.

    forward(state, observed, known, time) -> logits, pictures (B, 1, 28, 28) and times (B,) in [0, 1]. The state is a
    mixture of noise, in no range, and a digit; it is scaled to unit size.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], time_features: int):
        super().__init__()
        self.body = nn.ModuleList(
            [
                nn.Conv2d(3, widths[0], 3, padding=1),  # w x 28 x 28
                _levels(widths, blocks, lambda width: TimedResidual(width, time_features)),  # w x 28 x 28
                nn.SiLU(),
                nn.Conv2d(widths[0], 1, 3, padding=1),  # 1 x 28 x 28
            ]
        )
        self.time = nn.Sequential(nn.Linear(time_features, time_features), nn.SiLU())
        frequencies = torch.exp(torch.linspace(0, math.log(32), time_features // 2))
        self.register_buffer("frequencies", math.pi * frequencies, persistent=False)

    def forward(self, state: Tensor, observed: Tensor, known: Tensor, time: Tensor) -> Tensor:
        angles = time[:, None] * self.frequencies
        features = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        enter, levels, activation, leave = self.body
        size = ((1 - time).square() + INK_SQUARE * time.square()).sqrt()
        planes = torch.cat([state / size.view(-1, 1, 1, 1), observed, known], dim=1)
        planes = planes.contiguous(memory_format=torch.channels_last)
        return leave(activation(levels(enter(planes), features)))

    def warm_start(self, weights: Mapping[str, Tensor]) -> None:
        """Start from a `unet` of the same size: until trained further, answer as it does to what is observed.

        Raises ValueError where its weights do not fit.
        """
        enter = self.body[0].weight
        weights = dict(weights)
        with torch.no_grad():
            plane = weights.pop("body.0.weight", None)
            if plane is None or plane.shape != enter[:, 1:2].shape:
                raise ValueError("they are not the weights of a U-Net of the same width")
            enter.zero_()
            enter[:, 1:2] = plane
        try:
            new = self.load_state_dict(weights, strict=False)
        except RuntimeError as error:
            raise ValueError("the layers have other shapes") from error
        own = ("body.0.weight", "time.")
        if new.unexpected_keys or not all(key.startswith(own) or ".film." in key for key in new.missing_keys):
            raise ValueError("they have other layers")


def flow_unet(widths: Sequence[int], blocks: Sequence[int], time_features: int = 64) -> FlowSampler:
    """A U-Net as that of `unet` that is also given the time and a noisy state, sampled by flow matching."""
    return FlowSampler(TimedUNet(widths, blocks, time_features))


class LSTMEncoder(nn.Module):
    """A picture read row by row; the code is the last hidden state."""

    def __init__(self, latent_dim: int):
        super().__init__()
        self.lstm = nn.LSTM(SIDE, latent_dim, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        _, (hidden, _) = self.lstm(x.flatten(1, 2))
        return hidden[0]  # d


class LSTMDecoder(nn.Module):
    """A picture written row by row, the code given at every row."""

    def __init__(self, latent_dim: int, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(latent_dim, hidden, batch_first=True)
        self.row = nn.Linear(hidden, SIDE)

    def forward(self, z: Tensor) -> Tensor:
        states, _ = self.lstm(z.unsqueeze(1).expand(-1, SIDE, -1))  # 28 x h
        return self.row(states).unsqueeze(1)  # 1 x 28 x 28


def lstm(latent_dim: int, hidden: int) -> Autoencoder:
    """The picture as a sequence of 28 rows, encoded and decoded by an LSTM each."""
    return Autoencoder(LSTMEncoder(latent_dim), LSTMDecoder(latent_dim, hidden))


def vae_dense(latent_dim: int, hidden: int) -> VAE:
    """One hidden layer on either side of a Gaussian code."""
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


class Sine(nn.Module):
    """sin(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


class Waves(nn.Module):
    """sin(W z + b), its phases spread over the whole circle and its frequencies over those of a Gaussian code.

    A network that sees two coordinates as they are learns only slow changes over them; of waves it can build fast ones.
    Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions", 2020; here W and b are learnt.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.sine = Sine()

    def start(self) -> None:
        """What is done to the layer's own start."""
        nn.init.normal_(self.linear.weight)
        nn.init.uniform_(self.linear.bias, -math.pi, math.pi)

    def forward(self, z: Tensor) -> Tensor:
        return self.sine(self.linear(z))


def vae_deep(latent_dim: int, encoder: Sequence[int], decoder: Sequence[int], waves: bool = True) -> VAE:
    """Hidden layers of these widths on either side of a Gaussian code; the encoder's are batch-normalised.

    The decoder sees the code as `waves`, or as it is.
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


def classifier(width: int) -> Classifier:
    """Three stages of two convolutions with batch normalisation, and a dense layer over the mean."""

    def stage(inputs: int, outputs: int) -> list[nn.Module]:
        return [
            layer
            for channels in (inputs, outputs)
            for layer in (
                nn.Conv2d(channels, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            )
        ]

    return Classifier(
        nn.Sequential(
            *stage(1, width),  # w x 28 x 28
            pool(),  # w x 14 x 14
            *stage(width, 2 * width),  # 2w x 14 x 14
            pool(),  # 2w x 7 x 7
            *stage(2 * width, 4 * width),  # 4w x 7 x 7
            nn.AdaptiveAvgPool2d(1),  # 4w x 1 x 1
            nn.Flatten(),  # 4w
            nn.Linear(4 * width, 10),  # 10
        )
    )


NETWORKS: dict[str, Callable[..., nn.Module]] = {
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
    "flow_unet": flow_unet,
}


TASK_CONTRACTS: dict[str, type[nn.Module]] = {
    "denoise": Denoiser,
    "reconstruct": Denoiser,
    "read": Classifier,
    "sample": Sampler,
}


def contract(network: str) -> type[Denoiser | Classifier | Sampler]:
    """The class that the network of that name is an instance of."""
    return signature(NETWORKS[network]).return_annotation


def build(network: str, settings: Mapping) -> nn.Module:
    """The network of that name with these settings, its weights started as in Keras from torch's global seed.

    Raises ValueError where there is no such network or the settings do not fit it.
    """
    if network not in NETWORKS:
        raise ValueError(f"unknown network {network!r}; there are {', '.join(NETWORKS)}")
    try:
        model = NETWORKS[network](**settings)
    except (TypeError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"network {network!r} cannot be built with settings {settings}: {error}") from error
    model.apply(keras_start)
    return model


def grow(model: nn.Module, smaller: nn.Module) -> nn.Module:
    """`model` with the weights of the `smaller` network; residual blocks that this one lacks start as the identity.

    So it makes of every picture what the smaller one made of it, and trains on from there. After Chen, Goodfellow
    and Shlens, "Net2Net", 2015. Raises ValueError where the one is not the other with more such blocks.
    """
    blocks = {f"{name}.": module for name, module in model.named_modules() if isinstance(module, Residual)}
    try:
        new = model.load_state_dict(smaller.state_dict(), strict=False)
    except RuntimeError as error:
        raise ValueError("the smaller network has weights of other shapes") from error
    grown = {name: block for name, block in blocks.items() if f"{name}second.weight" in new.missing_keys}
    if new.unexpected_keys or not all(key.startswith(tuple(grown)) for key in new.missing_keys):
        raise ValueError("they differ in more than residual blocks")
    for block in grown.values():
        block.vanish()
    return model


def keras_start(module: nn.Module) -> None:
    """Keras's defaults: Glorot-uniform weights and zero biases; orthogonal recurrence with forget gates open.

    A module with a `start()` of its own says what is then changed.

    Glorot and Bengio 2010; with PyTorch's own start the sigmoid networks of the tutorials stall.
    """
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.LSTM):
        nn.init.xavier_uniform_(module.weight_ih_l0)  # all four gates as one matrix, as Keras holds them
        nn.init.orthogonal_(module.weight_hh_l0)
        nn.init.zeros_(module.bias_ih_l0)
        nn.init.zeros_(module.bias_hh_l0)
        with torch.no_grad():
            module.bias_ih_l0.chunk(4)[1].fill_(1)  # PyTorch's gate order: input, forget, cell, output
    elif hasattr(module, "start"):
        module.start()


def parameter_count(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(p.numel() for p in model.parameters())
