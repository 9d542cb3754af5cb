"""The space W of a model with styles, in place of its codes z."""

from typing import Any

from torch import Generator, Tensor

from genlab.capabilities import Decodes, DrawsCodes, Samples, Styled, can
from genlab.models.codes import Prior


class StyleSpace(Prior):
    """Styles w as the codes of a model: one for all layers, (B, style_size), distributed as the model's own codes say.

    W is less entangled than Z (Karras et al. 2019, section 4): ways, directions and attributes are straighter in it.

    Args:
        model: what has styles, conditional models under a condition.
    """

    capabilities: tuple[type, ...] = (Decodes, DrawsCodes, Samples)

    def __init__(self, model: Any) -> None:
        self.model = model
        self.code_shape = (model.style_size,)
        self.device = model.device

    def draw_codes(self, n: int, *, generator: Generator | None = None) -> Tensor:
        """Draw codes, and map them to styles, truncated as the model's are: (n, style_size)."""
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
    """Return what decodes codes that are to be moved: W of a model with styles, other models themselves."""
    return StyleSpace(model) if can(model, Styled) else model
