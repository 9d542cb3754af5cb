"""Corruptions that a denoising autoencoder learns to undo (Vincent et al. 2010), of images (B, C, H, W) in [0, 1].

Each image is corrupted independently, with noise from a given generator on the CPU, or else from torch's global one.
"""

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from genlab.errors import GenlabError
from genlab.ranges import at_least, between, extent, share


class Corruption(nn.Module):
    """Random corruption of images.

    Example:
        >>> corruption = DroppedPixels(rate=0.5)
        >>> corrupted = corruption(torch.ones(4, 3, 8, 8), torch.Generator().manual_seed(0))
        >>> corrupted.unique().tolist()  # black or kept, in all channels
        [0.0, 1.0]
    """

    @abstractmethod
    def forward(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        """Corrupt images (B, C, H, W) in [0, 1]."""

    def of_codes(self, codes: Tensor, generator: Generator | None = None) -> Tensor:
        """Corrupt codes (B, ...) of any range, as a stacked autoencoder does.

        Raises:
            GenlabError: for a corruption that is defined for images only.
        """
        raise GenlabError(f"{type(self).__name__} is for images only; use GaussianNoise or DroppedPixels for codes")


class GaussianNoise(Corruption):
    """Gaussian noise on each value, clipped at black and white.

    Args:
        sigma: standard deviation of the noise; white is 1.
    """

    def __init__(self, sigma: float = 0.3) -> None:
        super().__init__()
        at_least(0, sigma=sigma)
        self.sigma = sigma

    def forward(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        return self.of_codes(images, generator).clamp(0, 1)

    def of_codes(self, codes: Tensor, generator: Generator | None = None) -> Tensor:
        return codes + self.sigma * torch.randn(codes.shape, generator=generator).to(codes)


class DroppedPixels(Corruption):
    """Masking noise: some pixels become black in all channels, and some units of codes become 0.

    Args:
        rate: expected share of dropped pixels or units.
    """

    def __init__(self, rate: float = 0.3) -> None:
        super().__init__()
        share(rate=rate)
        self.rate = rate

    def forward(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        batch, _, height, width = images.shape
        return images * self._kept((batch, 1, height, width), generator).to(images)

    def of_codes(self, codes: Tensor, generator: Generator | None = None) -> Tensor:
        return codes * self._kept(codes.shape, generator).to(codes)

    def _kept(self, shape: tuple[int, ...], generator: Generator | None) -> Tensor:
        return torch.rand(shape, generator=generator) >= self.rate


class DroppedPatches(Corruption):
    """Black squares at random places, each wholly within the image; they may overlap.

    Args:
        count: number of squares in an image.
        size: side of a square in pixels.
    """

    def __init__(self, count: int = 4, size: int = 7) -> None:
        super().__init__()
        extent(count=count, size=size)
        self.count, self.size = count, size

    def forward(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        batch, _, height, width = images.shape
        kept = torch.ones(batch, 1, height, width)
        tops = torch.randint(max(1, height - self.size + 1), (batch, self.count), generator=generator).tolist()
        lefts = torch.randint(max(1, width - self.size + 1), (batch, self.count), generator=generator).tolist()
        for image, places in zip(kept, map(zip, tops, lefts), strict=True):
            for top, left in places:
                image[:, top : top + self.size, left : left + self.size] = 0
        return images * kept.to(images)


class ElasticWarp(Corruption):
    """Smooth random displacement of pixels, which shared encoders of faces learn to undo.

    Points of a coarse grid are displaced by normal noise; bicubic interpolation displaces the pixels between them.

    Args:
        strength: standard deviation of a point's displacement, as a share of height and width, up to 0.5.
        points: number of points along each side, at least 2.

    Raises:
        GenlabError: for numbers out of range.
    """

    def __init__(self, strength: float = 0.04, points: int = 5) -> None:
        super().__init__()
        between(0, 0.5, strength=strength)
        at_least(2, points=points)
        self.strength, self.points = strength, points

    def forward(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        batch, size = len(images), images.shape[-2:]
        moved = 2 * self.strength * torch.randn(batch, 2, self.points, self.points, generator=generator)
        moved = F.interpolate(moved.to(images), tuple(size), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
        still = F.affine_grid(torch.eye(2, 3).to(images).expand(batch, 2, 3), [batch, 1, *size], align_corners=True)
        warped = F.grid_sample(images, still + moved, padding_mode="border", align_corners=True)
        return warped.clamp(0, 1)
