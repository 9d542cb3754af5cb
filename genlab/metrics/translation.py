"""Scores of translations against the ground truth, where it is known."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from genlab.losses.reconstruction import SSIM_WINDOW, absolute_difference, sobel, structural_similarity
from genlab.precision import in_float32

MOST = 100.0
"""Peak signal-to-noise ratio that equal images get, in dB."""


@torch.no_grad()
def translation_scores(images: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Score each translation against the truth.

    Args:
        images: translations in [0, 1], (B, C, H, W).
        truth: ground truth, likewise.

    Returns:
        "l1", the mean absolute difference; "psnr", the peak signal-to-noise ratio in dB, at most 100; and "ssim", the
        structural similarity, for images of at least 11 x 11 pixels (see `structural_similarity`); each (B,).
    """
    scores = {"l1": absolute_difference(images, truth), "psnr": _psnr(images, truth)}
    if min(images.shape[-2:]) >= SSIM_WINDOW:
        scores["ssim"] = structural_similarity(images, truth)
    return scores


def sharpness(images: Tensor) -> Tensor:
    """Sharpness of images (B, C, H, W): the mean magnitude of their gradients, (B,), low for blurred edges."""
    magnitudes: Tensor = sobel(images).unflatten(1, (-1, 2)).norm(dim=2)
    return magnitudes.flatten(1).mean(1)


@in_float32
def _psnr(images: Tensor, truth: Tensor) -> Tensor:
    psnr = peak_signal_noise_ratio(images, truth, data_range=(0.0, 1.0), reduction="none", dim=(1, 2, 3))
    return psnr.clamp(max=MOST)
