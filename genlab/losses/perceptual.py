"""Perceptual loss: images compared by the feature maps of a network."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genlab.losses.likelihood import Likelihood
from genlab.ranges import above


class Perceptual(Likelihood):
    """Distance of feature maps in place of a likelihood, for a deep feature consistent VAE (Hou et al. 2016).

    `log_prob` is -weight times the sum over maps of half their mean squared difference (equations 3 and 4). It is not
    a log-density: an "elbo" computed with it bounds nothing, and is only comparable to others with the same features.

    Args:
        features: builds a network that maps images (B, C, H, W) in [0, 1] to a list of feature maps, such as
            `genlab.metrics.VGG16Features` or `genlab.models.EncoderFeatures`. It is neither trained nor kept in
            checkpoints.
        weight: weight of the distance relative to the KL divergence.
    """

    is_density = False
    is_distance = True

    def __init__(self, features: Callable[[], nn.Module], weight: float = 1000.0) -> None:
        super().__init__()
        above(0, weight=weight)
        self.weight = weight
        self._build = features
        self._built: list[nn.Module] = []  # in a list, the network is not registered as a submodule

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """Compute -weight times the distance between each image and the decoder's: (B,)."""
        if not self._built:  # not earlier, since models loaded for sampling need no features
            with torch.inference_mode(False):  # validation may come first, and training differentiates through them
                self._built.append(self._build().eval().requires_grad_(False))
        network = self._built[0].to(x.device)
        with torch.autocast(x.device.type, enabled=False):
            pairs = zip(network(self.mean(outputs.float())), network(x.float()), strict=True)
            distances = [(drawn - true).square().flatten(1).mean(1) / 2 for drawn, true in pairs]
        return -self.weight * torch.stack(distances).sum(0)

    def bits_per_dim(self, log_prob: Tensor, dimensions: int) -> Tensor:
        """Return NaN: there is no probability."""
        return torch.full_like(log_prob, torch.nan)
