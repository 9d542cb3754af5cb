"""How an adversarial training is doing, from what its steps compute anyway."""

from collections import Counter

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor

ALWAYS_RIGHT = 0.99
"""The accuracy of a discriminator from which there is little to learn."""
COLLAPSED = 0.3
"""The relative diversity below which samples have collapsed."""
PATIENCE = 3
"""Epochs in a row that are bad before it is said: the first ones may be."""


class Health:
    """Figures of each batch, and warnings at the end of an epoch.

    Args:
        saturates: whether a discriminator that is always right teaches nothing.
    """

    def __init__(self, saturates: bool) -> None:
        self.saturates = saturates
        self._epoch: list[tuple[Tensor, Tensor]] = []
        self._bad: Counter[str] = Counter()

    def __call__(self, real: Tensor, fake: Tensor, on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
        """The figures of a batch, as `vital_signs` has them, kept for the epoch's warnings."""
        values = vital_signs(real, fake, on_real, on_fake)
        self._epoch.append((values["accuracy"], values["diversity"]))
        return values

    def end_epoch(self) -> None:
        """Warn of a discriminator that is always right, and of samples that have collapsed."""
        if not self._epoch:
            return
        accuracy, diversity = torch.stack([torch.stack(pair) for pair in self._epoch]).mean(0).tolist()
        self._epoch.clear()
        self._say(
            self.saturates and accuracy > ALWAYS_RIGHT,
            f"the discriminator is right about {accuracy:.1%} of the pairs: the generator learns little from it. Try a "
            "smaller learning rate for it, label smoothing, a penalty (R1), spectral norm, or another loss",
        )
        self._say(
            diversity < COLLAPSED,
            f"samples have collapsed: their mean pairwise distance is {diversity:.2f} of the data's. Try a smaller "
            "learning rate, another loss or a penalty, or go on from an earlier checkpoint",
        )

    def _say(self, bad: bool, message: str) -> None:
        kind = message.partition(" is ")[0].partition(":")[0]
        self._bad[kind] = self._bad[kind] + 1 if bad else 0
        if self._bad[kind] == PATIENCE:
            rank_zero_warn(message)


def vital_signs(real: Tensor, fake: Tensor, on_real: Tensor, on_fake: Tensor) -> dict[str, Tensor]:
    """What as many real as generated images, (B, ...), and their logits, tell: scalars.

    "score_real" and "score_fake" are mean logits; "accuracy" is how often the real image of a pair has the higher one;
    "diversity" is the root mean square distance between two generated images, relative to that of real ones.
    """
    return {
        "score_real": on_real.mean(),
        "score_fake": on_fake.mean(),
        "accuracy": (on_real > on_fake).float().mean(),
        "diversity": (spread(fake) / spread(real).clamp(min=1e-12)).sqrt(),
    }


def spread(x: Tensor) -> Tensor:
    """The variance over a batch, averaged over values: half the mean squared distance between two images, by value."""
    return (x.square().mean() - x.mean(0).square().mean()).clamp(min=0)
