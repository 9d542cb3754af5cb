"""Base class of conditional models: a condition, and the model under it."""

from collections.abc import Mapping
from typing import Any

from torch import Generator, Tensor, nn

from genlab.capabilities import Conditional, Samples, can
from genlab.conditions import Condition, ConditionValue
from genlab.models.shared.image_model import ImageModel
from genlab.ranges import count


class ConditionalModel(ImageModel):
    """An ImageModel of images under a condition, which it finds in its batches.

    It samples; `given(condition)` has the capabilities of `given_as`.
    """

    capabilities: tuple[type, ...] = (Conditional, Samples)
    condition: Condition
    given_as: type[Any]
    """Class of the object that `given` returns, which is built from the model and conditions (B, ...)."""

    def given(self, condition: ConditionValue) -> Any:
        """Return the model of images under a condition: one for each image, or one for all.

        Args:
            condition: labels (B,), int64, or a label or class name, or a list of them; or attributes
                (B, number of attributes), 0 or 1, or a dict of attributes by name, or a list of dicts, absent names
                being 0; or images of the condition's shape, as `encode` takes them.

        Raises:
            GenlabError: for a condition that the model does not know.
        """
        value = self.condition.parse(condition, self)
        with self.inference(value):
            return self.given_as(self, self.condition.known(value, self).to(self.device))

    def __getattr__(self, name: str) -> Tensor | nn.Module:
        """Say how to call a method that needs a condition, such as `encode`."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            of_given = getattr(getattr(type(self), "given_as", None), name, None)
            if name.startswith("_") or not callable(of_given) or not can(self, Conditional):
                raise
        raise AttributeError(
            f"a {type(self).__name__} has {name} only under a condition: model.given(condition).{name}(...)",
            name=name,
            obj=None,  # or else Python suggests a similar attribute, such as encoder
        )

    def images(self, batch: Any) -> Tensor:
        """Return the images of a batch, or the targets of pairs: (B, C, H, W); see `ImageModel.images`."""
        batch = self.named(batch)
        of_images = self.condition is not None and self.condition.image_shape
        paired = isinstance(batch, Mapping) and "target" in batch and ("image" not in batch or of_images)
        return self.part(batch, "target" if paired else "image", self.image_shape)

    def under(self, batch: Any) -> Any:
        return self.given(self.condition.find(batch, self))

    def sample(
        self,
        n: int,
        *,
        condition: ConditionValue | None = None,
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """Sample `n` images under a condition, as `given` takes it; without one, under each class in turn.

        Raises:
            GenlabError: without a condition, where conditions are not classes.
        """
        count(n=n)
        given = self.given(self.condition.in_turn(n) if condition is None else condition)
        samples: Tensor = given.sample(n, seed=seed, generator=generator)
        return samples
