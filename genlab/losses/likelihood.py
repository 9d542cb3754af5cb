"""Likelihoods p(x | z): what a decoder's output says about an image."""

import torch.nn.functional as F
from torch import Tensor

from genlab.losses.precision import in_float32


class Bernoulli:
    """Independent Bernoulli pixels, given by their logits (Kingma & Welling 2013, appendix C.1).

    A density of binary images. For grey pixels in [0, 1] it is the usual cross-entropy, an expected log-likelihood
    under binarisation of each pixel.
    """

    @staticmethod
    @in_float32
    def log_prob(logits: Tensor, x: Tensor) -> Tensor:
        """log p(x) in nats, summed over pixels: logits and x in [0, 1] of shape (B, C, H, W) to (B,)."""
        return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)

    @staticmethod
    def mean(logits: Tensor) -> Tensor:
        """The expected image, in [0, 1]: (B, C, H, W)."""
        return logits.sigmoid()
