"""The handwritten digits that come with scikit-learn: real data without a download."""

import torch
from sklearn.datasets import load_digits

from genlab.data.loading import ImageDataModule
from genlab.data.tensors import ImageTensors
from genlab.types import Shape


class Digits(ImageDataModule):
    """1,797 grey 8 x 8 images of ten digits (UCI, Alpaydin & Kaynak 1998), embedded in scikit-learn.

    There is no official split: a tenth is for validation, a tenth for testing, drawn by `seed`.

    Args:
        batch_size: images per batch and process.
        num_workers: processes that put batches together; none is fastest.
        seed: of the split and of the order of batches.
    """

    image_shape: Shape = (1, 8, 8)
    num_classes = 10
    class_names = tuple("0123456789")

    def __init__(self, batch_size: int = 64, num_workers: int = 0, seed: int = 0) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)

    def setup(self, stage: str | None = None) -> None:
        """Read all three splits."""
        digits = load_digits()
        images = torch.from_numpy(digits.images * (255 / 16)).round().byte()[:, None]
        labels = torch.from_numpy(digits.target).long()
        self.train_set, self.val_set, self.test_set = self.split(ImageTensors(images, {"label": labels}), 2)
