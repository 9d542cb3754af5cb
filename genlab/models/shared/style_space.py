"""The style space W of a model, used in place of its codes z."""

from typing import Any

import torch
from torch import Generator, Tensor

from genlab.capabilities import Decodes, DrawsCodes, Samples, Styled, can
from genlab.models.shared.codes import Prior

GROUPS = ("coarse", "middle", "fine")
"""Names of the thirds of the layers."""


class StyleSpace(Prior):
    """Styles w used as the codes of a model: one for all layers, (B, style_size), distributed as its mapped codes are.

    W is less entangled than Z (Karras et al. 2019, section 4): paths, directions and attributes are straighter in it.

    Args:
        model: a model with styles; a conditional one under a condition.
    """

    capabilities: tuple[type, ...] = (Decodes, DrawsCodes, Samples)

    def __init__(self, model: Any) -> None:
        self.model = model
        self.code_shape = (model.style_size,)
        self.device = model.device

    def draw_codes(self, n: int, *, generator: Generator | None = None) -> Tensor:
        """Draw codes and map them to styles, truncated as the model's are: (n, style_size)."""
        z = self.model.draw_codes(n, generator=generator)
        styles: Tensor = self.model.styles(z, truncation=self.model.truncation)
        return styles[:, 0]

    def decode(self, z: Tensor) -> Tensor:
        """Turn styles (B, style_size) into images, (B, C, H, W) in [0, 1], with fixed noise."""
        images: Tensor = self.model.synthesize(self.to_each_layer(z))
        return images

    def to_each_layer(self, w: Tensor) -> Tensor:
        """Give each layer the same style: (B, style_size) to (B, num_layers, style_size)."""
        return w[:, None].expand(-1, self.model.num_layers, -1)


def movable(model: Any) -> Any:
    """Return the model in whose codes to move: the space W of a model with styles, else the model itself."""
    return StyleSpace(model) if can(model, Styled) else model


def layer_groups(count: int) -> dict[str, list[int]]:
    """Divide layers, numbered from 0, into named thirds; with fewer than three layers, the last ones are missing."""
    thirds = torch.arange(count).tensor_split(len(GROUPS))
    return {name: third.tolist() for name, third in zip(GROUPS, thirds, strict=True) if len(third)}
