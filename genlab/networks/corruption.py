"""What a denoising autoencoder has to undo (Vincent et al. 2010): images (B, C, H, W) in [0, 1] to the same.

Each draws anew for every image, from a given generator on the CPU or else from torch's global one.
"""

from abc import abstractmethod

import torch
from torch import Generator, Tensor, nn

from genlab.errors import GenlabError
from genlab.ranges import at_least, extent, share


class Corruption(nn.Module):
    """A random change of images."""

    @abstractmethod
    def forward(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        """(B, C, H, W) in [0, 1] to the same."""

    def of_codes(self, codes: Tensor, generator: Generator | None = None) -> Tensor:
        """The like for codes (B, ...) of any range, as a stacked autoencoder corrupts them.

        Raises GenlabError for a corruption that only images can have.
        """
        raise GenlabError(f"{type(self).__name__} is for images alone; take GaussianNoise or DroppedPixels for codes")


class GaussianNoise(Corruption):
    """Noise on each value, cut off at black and white.

    Args:
        sigma: its standard deviation; white is 1.
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
    """Pixels that become black, in all channels, and units of codes that become 0: masking noise.

    Args:
        rate: the share of pixels.
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
    """Squares that become black, each at a random place wholly within the image; they may overlap.

    Args:
        count: squares in an image.
        size: pixels along their sides.
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
