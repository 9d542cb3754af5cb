"""Batches: data sets as tensors, the order of batches, splits and augmentation."""
