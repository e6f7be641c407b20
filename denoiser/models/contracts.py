"""What every network promises, whatever its layers are.

Denoiser     model(noisy) -> x_hat, pictures (B, 1, 28, 28) in [0, 1]; Direct is one without a latent.
Autoencoder  the same by way of a latent: model.encode(x) -> z, model.decode(z) -> x_hat.
VAE          the same with a Gaussian posterior over the latent; encode gives its mean.
Classifier   model(x) -> logits (B, 10); it reads pictures and denoises none.
Sampler      model.sample(noisy, count) -> possible originals (count, B, 1, 28, 28); see samplers/.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data import PIXELS, Batch
from ..losses import LOSSES, PENALTIES, gaussian_kl
from ..trainable import Penalties, Trainable


class Denoiser(Trainable):
    """A network from noisy pictures to clean ones."""

    criteria = tuple(LOSSES)

    def latent_and_logits(self, x: Tensor) -> tuple[Tensor | None, Tensor]:
        """The latent (B, ...), None where there is none, and the logits (B, 1, 28, 28) of the clean picture."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.latent_and_logits(x)[1])

    def loss(
        self,
        batch: Batch,
        criterion: str = "bce",
        penalties: Penalties | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The criterion between the output for `batch.noisy` and `batch.clean`, plus the weighted penalties."""
        z, logits = self.latent_and_logits(batch.noisy)
        loss = LOSSES[criterion](logits, batch.clean)
        for name, weight in (penalties or {}).items():
            loss = loss + weight * PENALTIES[name](self, z)
        return loss


class Direct(Denoiser):
    """A network from a picture to the logits of a picture, without a latent."""

    penalties = ("weight_l1",)

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def latent_and_logits(self, x: Tensor) -> tuple[None, Tensor]:
        """No latent, and the logits."""
        return None, self.body(x)


class Autoencoder(Denoiser):
    """An encoder to a latent and a decoder to the logits of a picture."""

    penalties = tuple(PENALTIES)

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, x: Tensor) -> Tensor:
        """The latents (B, ...) of pictures (B, 1, 28, 28) in [0, 1]."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """The pictures (B, 1, 28, 28) in [0, 1] of latents (B, ...)."""
        return torch.sigmoid(self.decoder(z))

    def latent_and_logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The latent, and the logits it decodes to."""
        z = self.encode(x)
        return z, self.decoder(z)


class VAE(Autoencoder):
    """An autoencoder whose encoder gives a Gaussian posterior: mean and log-variance side by side (B, 2 d)."""

    criteria = ("bce",)
    penalties = ("kl",)

    @property
    def latent_dim(self) -> int:
        """The number of latent dimensions d."""
        *_, last = self.encoder.children()
        assert isinstance(last, nn.Linear)
        return last.out_features // 2

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`mu` and `logvar`, both (B, d), of q(z | x)."""
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        return mu, logvar

    def encode(self, x: Tensor) -> Tensor:
        """The posterior's mean (B, d)."""
        return self.posterior(x)[0]

    def terms(self, batch: Batch, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """`recon` and `kl` in nats per picture, with one posterior sample: their sum is the negative ELBO.

        `recon` is cross-entropy against `batch.clean` summed over pixels, as in Kingma and Welling 2013.
        """
        mu, logvar = self.posterior(batch.noisy)
        z = reparameterize(mu, logvar, generator)
        return LOSSES["bce"](self.decoder(z), batch.clean) * PIXELS, gaussian_kl(mu, logvar)

    def loss(
        self,
        batch: Batch,
        criterion: str = "bce",
        penalties: Penalties | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """The negative ELBO; the penalty `kl` is the weight of its KL term (beta), 1 by default."""
        recon, kl = self.terms(batch, generator)
        return recon + (penalties or {}).get("kl", 1.0) * kl


def reparameterize(mu: Tensor, logvar: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A sample of N(mu, exp(logvar)), differentiable in both."""
    mu, logvar = mu.float(), logvar.float()
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator, device=mu.device)


class Classifier(Trainable):
    """A network that reads which digit a picture shows."""

    criteria = ("cross-entropy", "distillation")
    penalties = ("smoothing",)

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)

    def loss(
        self,
        batch: Batch,
        criterion: str = "cross-entropy",
        penalties: Penalties | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Cross-entropy in nats between what `batch.noisy` reads as and its label; `smoothing` is label smoothing.

        "distillation" is the mean of that and the cross-entropy with the teacher's soft labels, as in Hinton, Vinyals
        and Dean, "Distilling the Knowledge in a Neural Network", 2015, at temperature 1.
        """
        smoothing = float((penalties or {}).get("smoothing", 0.0))
        logits = self(batch.noisy).float()
        loss = F.cross_entropy(logits, batch.labels, label_smoothing=smoothing)
        if criterion != "distillation":
            return loss
        assert batch.soft_labels is not None, "a recipe with this loss names a teacher"
        return 0.5 * (loss + F.cross_entropy(logits, batch.soft_labels))
