"""The handwritten digits that come with scikit-learn: real data without a download."""

import torch

from genlab.data.base import ImageDataModule
from genlab.data.batches.tensors import ImageTensors
from genlab.data.files.framing import height_and_width, resized
from genlab.types import Shape


class Digits(ImageDataModule):
    """1,797 grey 8 x 8 images of ten digits (UCI, Alpaydin & Kaynak 1998), included in scikit-learn.

    There is no official split: a tenth is for validation and a tenth for testing, drawn by `seed`.

    Args:
        image_size: height and width in pixels, or one number for a square; for sizes other than 8, the largest centred
            box of these proportions is resized (bicubic).
        batch_size: images per batch and process.
        num_workers: number of processes that assemble batches; 0 is fastest.
        seed: seed of the split and of the order of batches.

    Raises:
        GenlabError: for numbers out of range.
    """

    num_classes = 10
    class_names = tuple("0123456789")

    def __init__(
        self, image_size: int | tuple[int, int] = 8, batch_size: int = 64, num_workers: int = 0, seed: int = 0
    ) -> None:
        super().__init__(batch_size, num_workers, seed)
        self.save_hyperparameters(logger=False)
        self.image_shape: Shape = (1, *height_and_width(image_size))

    def setup(self, stage: str | None = None) -> None:
        """Read all three splits."""
        from sklearn.datasets import load_digits  # here, since it would delay the start of every command by 0.5 s

        digits = load_digits()
        images = resized(torch.from_numpy(digits.images * (255 / 16)).round().byte()[:, None], self.image_shape)
        labels = torch.from_numpy(digits.target).long()
        self.train_set, self.val_set, self.test_set = self.split(ImageTensors(images, {"label": labels}), 2)
