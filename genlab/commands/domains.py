"""The test images of two domains, for the tools of models that translate."""

from dataclasses import dataclass, replace

import torch

from genlab.commands.common import Trained
from genlab.data import AttributeDomains, BatchDataModule, DomainDataModule, PairDataModule
from genlab.data.tensors import ImageTensors
from genlab.errors import GenlabError
from genlab.types import Shape


@dataclass
class TestImages:
    """Images to translate in a direction, and images of the domain that they are translated to."""

    direction: str
    start: ImageTensors
    end: ImageTensors
    start_shape: Shape
    end_shape: Shape
    aligned: bool
    """Whether `end[i]` is what `start[i]` is to become."""
    data: BatchDataModule
    """What knows labels or attributes of the images, where anything does."""

    def first(self, count: int) -> "TestImages":
        """No more than so many of both."""
        start, end = (images.subset(torch.arange(len(images))[:count]) for images in (self.start, self.end))
        return replace(self, start=start, end=end)


def test_images(trained: Trained, direction: str) -> TestImages:
    """The test images of the data that the model was trained on; raises GenlabError for data of another kind."""
    data = trained.data("fit")
    if isinstance(data, PairDataModule):
        a_shape = data.source_shape
    elif isinstance(data, DomainDataModule):
        a_shape = data.a_shape
    else:
        raise GenlabError(f"this tool needs pairs or two domains, not the batches of {type(data).__name__}")
    data.setup("test")
    ends = [*zip(data.test_set.sides(), (a_shape, data.image_shape), strict=True)]
    (start, start_shape), (end, end_shape) = ends if direction == "a_to_b" else ends[::-1]
    known = data.data if isinstance(data, AttributeDomains) else data
    return TestImages(direction, start, end, start_shape, end_shape, data.aligned, known)
