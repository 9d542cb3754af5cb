"""Health of adversarial training, from what its steps compute anyway."""

import torch
from torch import Tensor

from genlab.losses.adversarial import AdversarialLoss
from genlab.models.shared.alarm import Alarm
from genlab.precision import at_least_float32

SATURATED = 0.02
"""The discriminator's cross-entropy below which it is right about everything, and sure of it."""
COLLAPSED = 0.3
"""The relative diversity below which samples have collapsed."""
LEARNING = 1000
"""Batches within which samples come to vary, if they ever do: an untrained generator's are all alike."""


class Health(Alarm):
    """Metrics of each batch, and warnings at the end of an epoch.

    Args:
        loss: loss of the players.
    """

    def __init__(self, loss: AdversarialLoss) -> None:
        super().__init__()
        self.loss = loss
        self._epoch: list[Tensor] = []
        self._has_varied = False

    def __call__(self, loss: Tensor, real: Tensor, fake: Tensor, on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
        """Return the metrics of a batch, including the discriminator's loss; see `vital_signs`."""
        metrics = self.vital_signs(real, fake, on_real, on_fake)
        if len(real) > 1:
            self._epoch.append(torch.stack([loss.detach(), metrics["diversity"]]))
        return {"discriminator": loss, **metrics}

    @torch.no_grad()
    def vital_signs(self, real: Tensor, fake: Tensor, on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
        """Measure equally many real and generated images, (B, ...), and their logits: scalars.

        "score_real" and "score_fake" are mean logits; "accuracy" is the share of images that the discriminator
        classifies correctly, if its loss has a boundary; "diversity" is the root mean square distance between two
        generated images, relative to that of real ones.
        """
        metrics = {
            "score_real": on_real.mean(),
            "score_fake": on_fake.mean(),
            "diversity": (spread(fake) / spread(real).clamp(min=1e-12)).sqrt(),
        }
        boundary = self.loss.boundary
        if boundary is not None:
            metrics["accuracy"] = 0.5 * ((on_real > boundary).float().mean() + (on_fake <= boundary).float().mean())
        return metrics

    def end_epoch(self, batches: int) -> None:
        """Warn of a discriminator that is right and sure of itself, and of collapsed samples; report recoveries.

        Samples are judged once they have varied, or after `LEARNING` batches of training.
        """
        if not self._epoch:  # resumed at the very end of an epoch
            return
        loss, diversity = torch.stack(self._epoch).mean(0).tolist()
        self._epoch.clear()
        self.say(
            self.loss.is_cross_entropy and loss < SATURATED,
            "discriminator",
            f"the discriminator has saturated: with a loss of {loss:.4f} it learns nothing more, and the generator "
            "little. Try a smaller learning rate for it, smoothing, a penalty (R1), spectral norm, or another loss",
            f"the discriminator has recovered: its loss is {loss:.4f}",
        )
        self._has_varied |= diversity >= COLLAPSED
        self.say(
            diversity < COLLAPSED and (self._has_varied or batches >= LEARNING),
            "samples",
            f"samples have collapsed: two of them are {diversity:.2f} times as far from each other as two real images. "
            "Try a smaller learning rate, another loss or a penalty, or resume from an earlier checkpoint",
            f"samples have recovered: two of them are {diversity:.2f} times as far from each other as two real images",
        )


def spread(x: Tensor) -> Tensor:
    """The variance over a batch, averaged over values: half the mean squared distance per value between two images."""
    x = at_least_float32(x)
    return (x.square().mean() - x.mean(0).square().mean()).clamp(min=0)
