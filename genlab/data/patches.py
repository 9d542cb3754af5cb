"""Patches of natural images, from which sparse codes were first learned (Olshausen & Field 1996)."""

import numpy as np
import torch
from numpy.typing import NDArray

from genlab.data.base import ImageDataModule
from genlab.data.batches.tensors import ImageTensors
from genlab.ranges import at_least, between
from genlab.types import Shape

LARGEST = 427
"""Maximum size of a patch: the shorter side of the photographs, in pixels."""
CUTOFF = 0.3
"""Cutoff of the whitening filter, in cycles per pixel. Olshausen & Field (1997) use 0.4; above 0.3 these photographs
contain little but JPEG artifacts."""


class NaturalPatches(ImageDataModule):
    """Square grey patches of the two photographs that come with scikit-learn, whitened.

    Photographs are filtered by f exp(-(f / f0)^4), which gives all spatial frequencies f the same power up to about
    f0 = 0.3 cycles per pixel (Olshausen & Field 1997). Then each patch's mean is subtracted, and values are clipped at
    three standard deviations and mapped to [0.1, 0.9] (Ng 2011). A tenth is for validation, a tenth for testing.

    Args:
        size: height and width of a patch in pixels.
        count: number of patches, cut at random positions.
        batch_size: patches per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest.
        seed: seed of the positions, of the split and of the order of batches.

    Raises:
        GenlabError: for numbers out of range.
    """

    def __init__(
        self, size: int = 10, count: int = 50_000, batch_size: int = 200, num_workers: int = 0, seed: int = 0
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        between(1, LARGEST, size=size)
        at_least(10, count=count)
        self.image_shape: Shape = (1, size, size)
        self.count = count

    def setup(self, stage: str | None = None) -> None:
        """Cut the patches out of the photographs."""
        from sklearn.datasets import load_sample_images  # here for a fast start, as in genlab.data.digits

        random = np.random.default_rng(self.seed)
        photographs = [whitened(photograph.mean(2)) for photograph in load_sample_images().images]
        size = self.image_shape[-1]
        patches = np.empty((self.count, 1, size, size))
        for patch in patches:
            photograph = photographs[random.integers(len(photographs))]
            top, left = (random.integers(side - size + 1) for side in photograph.shape)
            patch[0] = photograph[top : top + size, left : left + size]
        patches -= patches.mean((2, 3), keepdims=True)
        limit = 3 * patches.std()
        pixels = 0.5 + 0.4 * (patches / limit).clip(-1, 1)
        images = ImageTensors(torch.from_numpy(pixels * 255).round().byte())
        self.train_set, self.val_set, self.test_set = self.split(images, 2)


def whitened(photograph: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whiten a photograph (H, W) by Olshausen & Field's filter."""
    across, down = (np.fft.fftfreq(side) for side in photograph.shape[::-1])
    frequency = np.hypot(across[None], down[:, None])
    spectrum = np.fft.fft2(photograph - photograph.mean())
    filtered: NDArray[np.float64] = np.fft.ifft2(spectrum * frequency * np.exp(-((frequency / CUTOFF) ** 4))).real
    return filtered
