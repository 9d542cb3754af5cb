"""A pool of generated images (Shrivastava et al. 2017, section 2.3), through which a discriminator sees older ones."""

import torch
from torch import Tensor


class ImagePool:
    """Some of the images that a generator has made so far.

    Args:
        size: number of images to keep; with 0 every image is passed on.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.images: list[Tensor] = []

    def __call__(self, images: Tensor) -> Tensor:
        """Exchange each image, (B, ...), with probability 1/2 for one from the pool, whose place it takes.

        While the pool is not full, images are stored and passed on.
        """
        return torch.stack([self._exchanged(image) for image in images])

    def _exchanged(self, image: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(image.clone())  # not a view, which would keep the whole batch
        elif self.size and torch.rand(()) < 0.5:
            place = int(torch.randint(self.size, ()))
            kept, self.images[place] = self.images[place], image.clone()
            return kept.to(image)
        return image
