"""Images compared by what a network sees in them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from genlab.losses.likelihood import Likelihood
from genlab.ranges import above


class Perceptual(Likelihood):
    """In place of a likelihood, the distance of feature maps: a deep feature consistent VAE (Hou et al. 2016).

    `log_prob` is -weight times the sum over maps of half their mean squared difference (equations 3 and 4). It is no
    log-density: an "elbo" made of it bounds nothing and compares with that of the same features alone.

    Args:
        features: builds the network from images (B, C, H, W) in [0, 1] to a list of feature maps, such as
            `genlab.metrics.VGG16Features` or `genlab.models.EncoderFeatures`; not trained, nor kept in checkpoints.
        weight: of the distance against the KL divergence.
    """

    is_density = False

    def __init__(self, features: Callable[[], nn.Module], weight: float = 1000.0) -> None:
        super().__init__()
        above(0, weight=weight)
        self.weight = weight
        self._build = features
        self._built: list[nn.Module] = []  # in a list, the network is none of the module's parts

    def log_prob(self, outputs: Tensor, x: Tensor) -> Tensor:
        """-weight times the distance of each image to the decoder's: (B,)."""
        if not self._built:  # only now, since models that are loaded to sample need none
            with torch.inference_mode(False):  # validation may come first, and training differentiates through it
                self._built.append(self._build().eval().requires_grad_(False))
        network = self._built[0].to(x.device)
        with torch.autocast(x.device.type, enabled=False):
            pairs = zip(network(self.mean(outputs.float())), network(x.float()), strict=True)
            distances = [(drawn - true).square().flatten(1).mean(1) / 2 for drawn, true in pairs]
        return -self.weight * torch.stack(distances).sum(0)

    def bits_per_dim(self, log_prob: Tensor, dimensions: int) -> Tensor:
        """Not a number: there is no probability."""
        return torch.full_like(log_prob, torch.nan)
