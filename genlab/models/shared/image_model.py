"""Base class of models of images: a shape that batches are checked against."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genlab.batches import check_images, check_lengths, check_shape, described
from genlab.capabilities import Decodes, Encodes, can_given, flat_code_size
from genlab.errors import GenlabError, listed
from genlab.facts import DOMAINS, domains_in
from genlab.inputs import Images, images_of
from genlab.models.shared.base import Model
from genlab.ranges import extent
from genlab.types import Shape


class ImageModel(Model):
    """A Model of images of one shape, given as finite floats in [0, 1].

    Args:
        image_shape: (C, H, W).

    Raises:
        GenlabError: for a shape of another kind.
    """

    discrete_codes: bool = False
    """Whether codes are integers, such as positions in a codebook."""

    def __init__(self, image_shape: Shape) -> None:
        super().__init__()
        try:
            channels, height, width = image_shape
        except (TypeError, ValueError):
            example = "give (channels, height, width), such as (1, 28, 28)"
            raise GenlabError(f"image_shape is {image_shape}; {example}") from None
        extent(channels=channels, height=height, width=width)
        self.image_shape: Shape = (channels, height, width)

    @property
    def code_size(self) -> int:
        """The size of the model's codes; for codes that are not vectors, see `code_shape`."""
        return flat_code_size(self)

    def under(self, batch: Any) -> Any:
        """Return the model for the images of a batch: under their conditions if it is conditional, else itself."""
        return self

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Predict the "code" and the "reconstruction" of each image, if the model has them.

        Raises:
            GenlabError: for a model that does not encode.
        """
        if not can_given(self, Encodes):
            return super().predict_step(batch, batch_idx)  # type: ignore[no-any-return]  # it raises
        model = self.under(batch)
        codes = model.encode(self.images(batch))
        decodes = can_given(self, Decodes)
        return {"code": codes} | ({"reconstruction": model.decode(codes)} if decodes else {})

    def observed(self, given: Images) -> tuple[Tensor, bool]:
        """Return images as a tensor (B, C, H, W) on the model's device, and whether a single one was given."""
        return images_of(given, self.image_shape, self)

    def images(self, batch: Any) -> Tensor:
        """Return the images of a batch, (B, C, H, W), after checking that the model was built for them."""
        return self.part(batch, "image", self.image_shape)

    def part(self, batch: Any, name: str, shape: Shape) -> Tensor:
        """Return the part of a batch called `name`, after checking that it is images (B, *shape) in [0, 1].

        Raises:
            GenlabError: for a batch without it, or where it is anything else.
        """
        batch = self.named(batch)
        if not isinstance(batch, Mapping) or name not in batch:
            given = listed(batch) if isinstance(batch, Mapping) else described(batch)
            raise GenlabError(
                f"{type(self).__name__} takes batches ({', '.join(self.batch_names)}), or dicts with '{name}', "
                f"of shape (B, C, H, W); the data gave {given}"
            )
        if name in DOMAINS and (more := [domain for domain in domains_in(batch) if domain not in self.batch_names]):
            known = ", ".join(self.batch_names)
            raise GenlabError(f"{type(self).__name__} is for the domains {known}; the data also gave {', '.join(more)}")
        check_lengths(batch, type(self).__name__)
        return self.seen(batch[name], shape, name)

    def seen(self, x: Tensor, shape: Shape | None = None, name: str = "image") -> Tensor:
        """Return images (B, C, H, W), after checking their shape, by default the model's, and that they are in [0, 1].

        Raises:
            GenlabError: for anything else.
        """
        check_shape(x, f"'{name}'", shape or self.image_shape, type(self).__name__)
        if self.looks_at(x, name):
            precision = next((weights.dtype for weights in self.parameters()), torch.get_default_dtype())
            check_images(x, "images" if name == "image" else f"'{name}' images", precision)
        return x


def require_predictions(model: object) -> None:
    """Raise GenlabError for a genlab model that neither encodes nor has a `predict_step` of its own."""
    inherited = (Model.predict_step, ImageModel.predict_step)
    if isinstance(model, Model) and not can_given(model, Encodes) and type(model).predict_step in inherited:
        model.predict_step(None, 0)  # its error says what to use instead
