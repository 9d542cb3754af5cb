"""Batches: data sets as tensors, order of batches, splits and augmentation."""
