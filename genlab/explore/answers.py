"""Answers to requests about a model: each parses a request and computes the answer."""

import contextlib
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from genlab.data import DegradedPairs
from genlab.data.files.framing import Framing
from genlab.errors import GenlabError
from genlab.explore.conditions import condition_from
from genlab.explore.entries import NotThere
from genlab.explore.explored import Explored, floats
from genlab.explore.stepwise import sampling
from genlab.explore.wire import codes_from, image_file, images_from, require_count
from genlab.images import eight_bits
from genlab.ranges import LARGEST_SEED
from genlab.types import Shape

SIDES = (4, 1024)
"""Smallest and largest height and width of an image to translate."""
MOMENTS = 8
"""Number of images on the way from noise to a sample."""


@dataclass(frozen=True)
class Asked:
    """A request.

    Args:
        query: its parameters.
        body: its body.
    """

    query: Mapping[str, str]
    body: bytes

    def whole(self, name: str, default: int, most: int = LARGEST_SEED) -> int:
        """Parse a parameter as a whole number from 0 to `most`."""
        text = self.query.get(name, str(default))
        if not (text.isascii() and text.isdecimal()) or len(text) > 20 or int(text) > most:
            raise GenlabError(f"{name} is a whole number from 0 to {most:,}")
        return int(text)

    def decimal(self, name: str) -> float | None:
        """Parse a parameter as a finite number; None if it is missing."""
        text = self.query.get(name)
        if text is None:
            return None
        with contextlib.suppress(ValueError):
            if math.isfinite(value := float(text[:100])):
                return value
        raise GenlabError(f"{name} is a number")

    def sampling(self, explored: Explored) -> AbstractContextManager[None]:
        """Return a context in which the model samples with the request's settings, if it has any."""
        steps = self.whole("steps", 0) if "steps" in self.query else None
        return sampling(explored, sampler=self.query.get("sampler"), steps=steps, guidance=self.decimal("guidance"))

    def condition(self, explored: Explored) -> tuple[Tensor | None, bytes]:
        """Return the condition, and the rest of the body after it."""
        return condition_from(explored, self.query.get("condition"), self.body)


Answer = Tensor | list[str]
Known = TypeVar("Known")


def decode(explored: Explored, asked: Asked) -> Answer:
    """Decode codes to images."""
    condition, body = asked.condition(explored)
    codes = codes_from(body, _known(explored.code_shape, "codes"))
    require_count(len(codes), math.prod(explored.image_shape or ()))
    return explored.decode(codes, condition)


def encode(explored: Explored, asked: Asked) -> Answer:
    """Encode images to codes."""
    condition, body = asked.condition(explored)
    return explored.encode(images_from(body, _known(explored.image_shape, "images")), condition)


def reconstruct(explored: Explored, asked: Asked) -> Answer:
    """Reconstruct images."""
    condition, body = asked.condition(explored)
    return explored.reconstruct(images_from(body, _known(explored.image_shape, "images")), condition)


def draw(explored: Explored, asked: Asked) -> Answer:
    """Draw codes by a seed."""
    condition, _ = asked.condition(explored)
    count = asked.whole("count", 1)
    require_count(count)
    return explored.draw(count, asked.whole("seed", 0), asked.query.get("prior", "own"), condition)


def sample(explored: Explored, asked: Asked) -> Answer:
    """Sample images, or texts, by a seed."""
    condition, _ = asked.condition(explored)
    count = asked.whole("count", 1)
    require_count(count, math.prod(explored.image_shape or ()))
    with asked.sampling(explored):
        return explored.sample(count, asked.whole("seed", 0), condition)


def way(explored: Explored, asked: Asked) -> Answer:
    """Return the way from noise of one of a seed's samples."""
    condition, _ = asked.condition(explored)
    count = asked.whole("count", 1)
    require_count(count, MOMENTS * math.prod(explored.image_shape or ()))
    chosen = asked.whole("chosen", 0, count - 1)
    with asked.sampling(explored):
        return explored.way(count, asked.whole("seed", 0), chosen, MOMENTS, condition)


def translate(explored: Explored, asked: Asked) -> Answer:
    """Translate one image of any size to the other domain."""
    image = images_from(asked.body, _shape(asked.query.get("shape", "")))
    if len(image) > 1:
        raise GenlabError(f"{len(image)} images were sent, but only one is translated at a time")
    return explored.translate(image, asked.query.get("direction", "a_to_b"), asked.whole("seed", 0))


def frame(explored: Explored, asked: Asked) -> Answer:
    """Turn an image file into an image like those of the data."""
    part = asked.query.get("part", "image")
    trained = explored.trained
    gallery = explored.gallery
    if part == "image":
        return image_file(asked.body, trained.framing())
    if gallery is None or part not in gallery.parts:
        raise GenlabError(f"there are no images called {part[:100]}")
    channels, height, width = gallery.parts[part].shape[1:]
    data = trained.unread_data
    if part == "source" and isinstance(data, DegradedPairs):
        return eight_bits(data.degradation(floats(image_file(asked.body, trained.framing()))))
    return image_file(asked.body, Framing((channels, height, width)))


PRIMITIVES: dict[str, Callable[[Explored, Asked], Answer]] = {
    each.__name__: each for each in (decode, encode, reconstruct, draw, sample, way, translate, frame)
}
"""Requests that a model answers, by their names in URLs."""


def gallery_part(explored: Explored, what: str, part: str | None) -> Tensor:
    """Return tensors of the gallery: "images" of a part, by default the first one, "codes" or "conditions".

    Raises:
        NotThere: if the gallery does not have them.
    """
    gallery = explored.gallery
    if gallery is None:
        raise NotThere(explored.no_gallery or "there is no gallery")
    given_by_images = gallery.conditions is not None and gallery.conditions.ndim == 4
    parts = {
        "images": gallery.parts.get(part or next(iter(gallery.parts))),
        "codes": gallery.codes,
        "conditions": gallery.parts["source"] if given_by_images else gallery.conditions,
    }
    found = parts.get(what)
    if found is None:
        raise NotThere(f"the gallery has no {what[:100]}")
    return found


def _known(shape: Known | None, what: str) -> Known:
    if shape is None:
        raise GenlabError(f"this model has no {what}")
    return shape


def _shape(text: str) -> Shape:
    """Parse the shape of an image, such as 3,64,48."""
    low, high = SIDES
    parts = text.split(",")
    if len(parts) == 3 and all(part.isascii() and part.isdecimal() and len(part) < 6 for part in parts):
        channels, height, width = map(int, parts)
        if 1 <= channels <= 16 and low <= min(height, width) and max(height, width) <= high:
            return channels, height, width
    raise GenlabError(f"a shape is channels, height and width, from {low} to {high} pixels, such as 3,64,48")
