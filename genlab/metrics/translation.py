"""How close translations come to the truth, where that is known."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from genlab.losses.image import absolute_difference
from genlab.losses.reconstruction import SSIM_WINDOW, sobel


@torch.no_grad()
def translation_scores(images: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Scores of each image, (B,), for images and truth in [0, 1], (B, C, H, W).

    "l1" is the mean absolute difference; "psnr" the peak signal-to-noise ratio in dB; "ssim", of images of at least 11
    x 11 pixels, the structural similarity (Wang et al. 2004).
    """
    images, truth = images.float(), truth.float()
    psnr = peak_signal_noise_ratio(images, truth, data_range=(0.0, 1.0), reduction="none", dim=(1, 2, 3))
    scores = {"l1": absolute_difference(images, truth), "psnr": psnr}
    if min(images.shape[-2:]) >= SSIM_WINDOW:
        ssim = structural_similarity_index_measure(images, truth, data_range=1.0, reduction="none")
        scores["ssim"] = torch.as_tensor(ssim)
    return scores


def sharpness(images: Tensor) -> Tensor:
    """The mean magnitude of the gradients of brightness, (B,), of images (B, C, H, W): blurred edges have little."""
    gradients = sobel(images).unflatten(1, (-1, 2))
    magnitudes: Tensor = gradients.norm(dim=2)
    return magnitudes.flatten(1).mean(1)
