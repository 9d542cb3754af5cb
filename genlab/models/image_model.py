"""The base of families of images: a shape that batches are checked against."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genlab.batches import check_images, check_lengths, check_shape, described
from genlab.capabilities import Decodes, Encodes, can_given, flat_code_size
from genlab.errors import GenlabError, listed
from genlab.facts import DOMAINS, domains_in
from genlab.inputs import Images, images_of
from genlab.models.base import Model
from genlab.ranges import extent
from genlab.types import Shape


class ImageModel(Model):
    """A Model of images of one shape, which are finite floats in [0, 1].

    Args:
        image_shape: (C, H, W).
    """

    discrete_codes: bool = False
    """Whether codes are whole numbers, such as positions in a codebook."""

    def __init__(self, image_shape: Shape) -> None:
        super().__init__()
        channels, height, width = image_shape
        extent(channels=channels, height=height, width=width)
        self.image_shape: Shape = (channels, height, width)

    @property
    def code_size(self) -> int:
        """The size of a model's codes; for codes that are no vectors, see `code_shape`."""
        return flat_code_size(self)

    def under(self, batch: Any) -> Any:
        """Return the model for the images of a batch: a conditional model under their conditions, others themselves."""
        return self

    def predict_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Predict the "code" and the "reconstruction" of each image, as far as the model has them.

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
        """Return images as a tensor (B, C, H, W) on the model's device, and whether it was a single one."""
        return images_of(given, self.image_shape, self)

    def images(self, batch: Any) -> Tensor:
        """Return the images of a batch, (B, C, H, W), once they are found to be what this model was built for."""
        return self.part(batch, "image", self.image_shape)

    def part(self, batch: Any, name: str, shape: Shape) -> Tensor:
        """Return what a batch calls `name`, once it is found to be images (B, *shape) in [0, 1].

        Raises:
            GenlabError: for a batch without them, or where they are anything else.
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
            raise GenlabError(f"{type(self).__name__} is of the domains {known}; the data gave {', '.join(more)} too")
        check_lengths(batch, type(self).__name__)
        return self.seen(batch[name], shape, name)

    def seen(self, x: Tensor, shape: Shape | None = None, name: str = "image") -> Tensor:
        """Return images (B, C, H, W), once they are found to be of a shape, by default the model's, and in [0, 1].

        Raises:
            GenlabError: for anything else.
        """
        check_shape(x, f"'{name}'", shape or self.image_shape, type(self).__name__)
        if self.looks_at(x, name):
            precision = next((weights.dtype for weights in self.parameters()), torch.get_default_dtype())
            check_images(x, "images" if name == "image" else f"'{name}' images", precision)
        return x


def require_predictions(model: object) -> None:
    """Raise GenlabError for a model of genlab's that neither encodes nor has a `predict_step` of its own."""
    inherited = (Model.predict_step, ImageModel.predict_step)
    if isinstance(model, Model) and not can_given(model, Encodes) and type(model).predict_step in inherited:
        model.predict_step(None, 0)  # which says what there is instead
