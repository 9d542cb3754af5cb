"""Random changes of training images, by whole batches."""

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.errors import GenlabError


class Augmentation:
    """Random jitter and mirroring, drawn anew for each image of a batch from torch's global generator.

    Args:
        flip: mirror half of the images left to right.
        enlarge: resize images by this factor, then crop them back to their size at a random place: 286 / 256 in pix2pix
            and CycleGAN (Isola et al. 2017, section 6.2). 1 leaves them as they are.

    Raises GenlabError for an `enlarge` below 1: images would be smaller than the crop.
    """

    def __init__(self, flip: bool = False, enlarge: float = 1.0) -> None:
        if enlarge < 1:
            raise GenlabError(f"enlarge is {enlarge}: images would be smaller than the crop; it must be at least 1")
        self.flip = flip
        self.enlarge = enlarge

    def __call__(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1], of any number of channels, to the same."""
        if self.enlarge > 1:
            images = self._crop(images)
        if self.flip:
            mirrored = torch.rand(len(images), 1, 1, 1) < 0.5
            images = torch.where(mirrored, images.flip(-1), images)
        return images

    def _crop(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        size = (round(height * self.enlarge), round(width * self.enlarge))
        large = F.interpolate(images, size, mode="bicubic", align_corners=False).clamp(0, 1)
        tops = torch.randint(size[0] - height + 1, (len(images),)).tolist()
        lefts = torch.randint(size[1] - width + 1, (len(images),)).tolist()
        return torch.stack(
            [
                image[:, top : top + height, left : left + width]
                for image, top, left in zip(large, tops, lefts, strict=True)
            ]
        )
