"""How close translations come to the truth, where that is known."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio

from genlab.losses.image import absolute_difference
from genlab.losses.precision import in_float32
from genlab.losses.reconstruction import SSIM_WINDOW, sobel, structural_similarity

MOST = 100.0
"""The peak signal-to-noise ratio, in dB, that equal images are given."""


@torch.no_grad()
def translation_scores(images: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Scores of each image, (B,), for images and truth in [0, 1], (B, C, H, W).

    "l1" is the mean absolute difference; "psnr" the peak signal-to-noise ratio in dB, at most 100; "ssim", of images of
    at least 11 x 11 pixels, the structural similarity over windows within the image; see `structural_similarity`.
    """
    scores = {"l1": absolute_difference(images, truth), "psnr": _psnr(images, truth)}
    if min(images.shape[-2:]) >= SSIM_WINDOW:
        scores["ssim"] = structural_similarity(images, truth)
    return scores


def sharpness(images: Tensor) -> Tensor:
    """The mean magnitude of each channel's gradients, (B,), of images (B, C, H, W): blurred edges have little."""
    magnitudes: Tensor = sobel(images).unflatten(1, (-1, 2)).norm(dim=2)
    return magnitudes.flatten(1).mean(1)


@in_float32
def _psnr(images: Tensor, truth: Tensor) -> Tensor:
    psnr = peak_signal_noise_ratio(images, truth, data_range=(0.0, 1.0), reduction="none", dim=(1, 2, 3))
    return psnr.clamp(max=MOST)
