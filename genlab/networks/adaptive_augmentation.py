"""Adaptive discriminator augmentation, ADA (Karras et al. 2020b, arXiv:2006.06676), of images in [-1, 1]."""

import math

import torch
from torch import Tensor, nn

from genlab.ranges import above, at_least, between, share

LARGEST = 0.8
"""Maximum probability; above it, augmentations leak into generated images (section 2.2)."""


class AdaptiveAugmentation(nn.Module):
    """Random augmentations of what a discriminator sees, real or generated, with a probability that adapts.

    They are differentiable, since generated images are augmented too: so the generator learns images without them. The
    probability grows while the discriminator is more confident than the `target`, and shrinks while it is less
    confident. Checkpoints keep it.

    Args:
        target: mean sign of the discriminator's logits for real images, from -1 to 1, that the probability adapts to
            keep; the more the discriminator overfits, the nearer it is to 1 (equation 1).
        images: number of images within which the probability moves by 1 at most.
        flip: whether half of the chosen images are mirrored left to right.
        translation: largest translation, as a share of height and width; images are mirrored at their borders.
        brightness: standard deviation of what is added to an image.
        contrast: standard deviation of the base-2 logarithm of an image's factor.
        saturation: the same for the deviation of colours from grey; for three channels.
    """

    probability: Tensor

    def __init__(
        self,
        target: float = 0.6,
        images: int = 500_000,
        flip: bool = True,
        translation: float = 0.125,
        brightness: float = 0.2,
        contrast: float = 0.5,
        saturation: float = 1.0,
    ) -> None:
        super().__init__()
        between(-1, 1, target=target)
        above(0, images=images)
        share(translation=translation)
        at_least(0, brightness=brightness, contrast=contrast, saturation=saturation)
        self.target, self.images, self.flip, self.translation = target, images, flip, translation
        self.brightness, self.contrast, self.saturation = brightness, contrast, saturation
        self.register_buffer("probability", torch.zeros(()))

    @torch.no_grad()
    def follow(self, sign: Tensor, images: int) -> None:
        """Move the probability by one step for `images` images, given the mean sign of logits of real ones."""
        step = (sign - self.target).sign() * images / self.images
        self.probability.add_(step).clamp_(0, LARGEST)

    def forward(self, x: Tensor) -> Tensor:
        """Augment images (B, C, H, W); with a probability of 0 they stay as they are."""
        x = self._moved(x)
        shape = (len(x), 1, 1, 1)
        if x.shape[1] == 3 and self.saturation:
            colour = x - x.mean(1, keepdim=True)
            x = x + colour * torch.expm1(math.log(2) * self.saturation * self._drawn(x, *shape))
        if self.contrast:
            x = x * torch.exp(math.log(2) * self.contrast * self._drawn(x, *shape))
        return x + self.brightness * self._drawn(x, *shape) if self.brightness else x

    def _drawn(self, x: Tensor, *shape: int) -> Tensor:
        """Draw normal numbers, 0 for images that stay as they are."""
        normal = torch.randn(*shape, device=x.device, dtype=x.dtype)
        return normal * self._chosen(x).view(-1, *[1] * (len(shape) - 1))

    def _chosen(self, x: Tensor) -> Tensor:
        """Draw whether each image is changed, (B,)."""
        return torch.rand(len(x), device=x.device) < self.probability

    def _moved(self, x: Tensor) -> Tensor:
        """Mirror and translate images by whole pixels."""
        count, channels, height, width = x.shape
        rows, columns = (torch.arange(side, device=x.device).expand(count, -1) for side in (height, width))
        if self.translation:
            moved = self._chosen(x)
            rows, columns = (self._translated(places, moved) for places in (rows, columns))
        if self.flip:
            mirrored = self._chosen(x) & (torch.rand(count, device=x.device) < 0.5)
            columns = torch.where(mirrored[:, None], width - 1 - columns, columns)
        places = (rows[:, :, None] * width + columns[:, None]).view(count, 1, -1).expand(-1, channels, -1)
        return x.flatten(2).gather(2, places).view(x.shape)

    def _translated(self, places: Tensor, moved: Tensor) -> Tensor:
        """Return pixel positions (B, side), shifted for images that are moved, and mirrored at the border."""
        count, side = places.shape
        most = min(round(self.translation * side), side - 1)  # the border is mirrored only once
        offsets = (torch.rand(count, device=places.device) * (2 * most + 1)).floor().long() - most
        on = (places + (offsets * moved)[:, None]).abs()
        return side - 1 - (side - 1 - on).abs()
