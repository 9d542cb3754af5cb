"""`genlab features`: what the first units of a network look for."""

import argparse
import math

from torch import Tensor, nn

from genlab import images
from genlab.commands.common import Trained
from genlab.errors import GenlabError
from genlab.models.base import ImageModel


def main(args: argparse.Namespace) -> None:
    """Draw the first layer's weights."""
    trained = Trained(args)
    path = trained.out("pictures/features.png")
    weights = first_weights(trained.model)
    scaled = 0.5 + 0.5 * weights / weights.abs().amax((1, 2, 3), keepdim=True)
    images.save(images.grid(scaled, args.columns), path)
    print(path)


def first_weights(model: nn.Module) -> Tensor:
    """The weights of the first layer that sees whole images, or convolves them: (units, C, H, W), their mean removed.

    Raises GenlabError for a model without such a layer.
    """
    if isinstance(model, ImageModel):
        channels, height, width = model.image_shape
        for layer in model.modules():
            if isinstance(layer, nn.Linear) and layer.in_features == math.prod(model.image_shape):
                weights = layer.weight.detach().view(-1, channels, height, width)
                return weights - weights.mean((1, 2, 3), keepdim=True)
            if isinstance(layer, nn.Conv2d) and layer.in_channels == channels:
                return layer.weight.detach()
    raise GenlabError(f"{type(model).__name__} has no layer whose weights could be drawn as images")
