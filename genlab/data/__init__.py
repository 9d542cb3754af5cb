"""Data sets as LightningDataModules whose batches are `genlab.types.ImageBatch`."""

from genlab.data.digits import Digits
from genlab.data.loading import ImageDataModule
from genlab.data.mnist import MNIST

__all__ = ["MNIST", "Digits", "ImageDataModule"]
