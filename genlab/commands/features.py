"""`genlab features`: what the first units of a network look for."""

import math

from torch import Tensor, nn

from genlab import images
from genlab.commands.common import Trained, positive, tool_parser
from genlab.errors import GenlabError
from genlab.models.base import ImageModel


def main(arguments: list[str]) -> None:
    """Draw the first layer's weights as images: for each unit the input of given norm that excites it most (Ng 2011).

    Grey is zero; each unit is scaled to its own range.
    """
    parser = tool_parser("features", main.__doc__)
    parser.add_argument("--columns", type=positive, default=10, help="units in a row (default 10)")
    given = parser.parse_args(arguments)
    trained = Trained(given)
    path = trained.out("pictures/features.png")
    weights = first_weights(trained.model)
    scaled = 0.5 + 0.5 * weights / weights.abs().amax((1, 2, 3), keepdim=True)
    images.save(images.grid(scaled, given.columns), path)
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
