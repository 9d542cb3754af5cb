"""Augmentation of whole batches of training images."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.data.batches.tensors import BatchDataset
from genlab.ranges import between

LARGEST = 8
"""Maximum factor by which images are enlarged."""


class Augmentation:
    """Random crops and flips, drawn for each image of a batch from torch's global generator.

    Args:
        flip: mirror half of the images left to right.
        enlarge: resize images by this factor, then crop them back to size at a random position; 286 / 256 in pix2pix
            and CycleGAN (Isola et al. 2017, section 6.2). 1 leaves them as they are.

    Raises:
        GenlabError: for an `enlarge` below 1, which would make images smaller than the crop, or above 8.
    """

    def __init__(self, flip: bool = False, enlarge: float = 1.0) -> None:
        between(1, LARGEST, enlarge=enlarge)
        self.flip = flip
        self.enlarge = enlarge

    def __call__(self, images: Tensor) -> Tensor:
        """Augment images (B, C, H, W) in [0, 1], with any number of channels."""
        if self.enlarge > 1:
            images = torch.stack([self._jittered(image) for image in images]).clamp_(0, 1)
        if self.flip:
            mirrored = torch.rand(len(images), 1, 1, 1) < 0.5
            images = torch.where(mirrored, images.flip(-1), images)
        return images

    def _jittered(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        size = [round(height * self.enlarge), round(width * self.enlarge)]
        large: Tensor = F.interpolate(image[None], size, mode="bicubic", antialias=True)[0]
        top, left = (int(torch.randint(room + 1, ())) for room in (size[0] - height, size[1] - width))
        return large[:, top : top + height, left : left + width]


def unaugmented(data: Any) -> Any:
    """Return a data set of `genlab.data.batches.tensors` without augmentation; return others unchanged."""
    return data.without(Augmentation) if isinstance(data, BatchDataset) else data
