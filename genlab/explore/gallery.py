"""The gallery: images of the data on which the page shows a model, with their codes."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import Conditional, Encodes, Translates, can, can_given
from genlab.commands.shared.data import class_names_of
from genlab.commands.shared.trained import Trained, encoded
from genlab.evaluation.domains import domains_of
from genlab.images import eight_bits

MOST = 1000
"""Maximum number of images."""
MOST_BYTES = 8 * 2**20
"""Maximum bytes of pixels of a part, unless that allows fewer than FEWEST images."""
FEWEST = 16


@dataclass(frozen=True)
class Gallery:
    """Images of a split, drawn by a seed.

    Args:
        kind: "images", "pairs" or "domains".
        parts: images by the names of `genlab.types`, each (N, C, H, W), uint8.
        data: the DataModule.
        codes: codes of the images, each under its own condition, (N, code_size); None if codes are not vectors, since
            no panel needs these, and a diffusion model would take minutes.
        conditions: conditions of a conditional model, (N, ...).
        labels: classes, (N,); None if unknown.
        attributes: attributes, (N, count); None if unknown.
    """

    kind: str
    parts: dict[str, Tensor]
    data: Any
    codes: Tensor | None = None
    conditions: Tensor | None = None
    labels: Tensor | None = None
    attributes: Tensor | None = None

    def __len__(self) -> int:
        return len(next(iter(self.parts.values())))

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, in the order of labels."""
        return class_names_of(self.data)

    @property
    def attribute_names(self) -> list[str]:
        """Names of the data's attributes."""
        return list(getattr(self.data, "attribute_names", ()))


def gallery_of(trained: Trained) -> Gallery:
    """Draw the gallery of a model: single images, pairs, or images of domains.

    Raises:
        GenlabError: for data without images, such as texts.
    """
    return _of_domains(trained) if can(trained.model, Translates) else _of_images(trained)


@torch.no_grad()
def _of_images(trained: Trained) -> Gallery:
    model: Any = trained.model
    images = trained.images()
    size = sum(part[0].numel() for name, part in images[torch.arange(1)].items() if name in ("image", "target"))
    rows = chosen(len(images), size, trained.args.seed)
    batch = images[rows]
    shown = [name for name in ("image", "source", "target") if name in batch]
    return Gallery(
        "pairs" if "source" in batch else "images",
        {name: eight_bits(batch[name]) for name in shown},
        trained.splits.data,
        codes=encoded(trained, images, rows) if can_given(model, Encodes) and len(model.code_shape) == 1 else None,
        conditions=model.condition.find(batch, model).cpu() if can(model, Conditional) else None,
        labels=batch.get("label"),
        attributes=batch.get("attributes"),
    )


def _of_domains(trained: Trained) -> Gallery:
    found = domains_of(trained.splits)
    for direction in trained.model.directions:  # type: ignore[union-attr]  # of what translates
        found.translated(direction)  # raises an error if the data do not have its domains
    names = {"a": "source", "b": "target"} if found.aligned else {}
    sides = found.images.values()
    size = max(side[torch.arange(1)]["image"].numel() for side in sides)
    rows = chosen(min(map(len, sides)), size, trained.args.seed)
    parts = {names.get(domain, domain): eight_bits(side[rows]["image"]) for domain, side in found.images.items()}
    return Gallery("pairs" if found.aligned else "domains", parts, trained.splits.data)


def chosen(there: int, size: int, seed: int) -> Tensor:
    """Choose the positions of a gallery's images, of `size` values each, among the `there` images of the data."""
    count = min(MOST, max(FEWEST, MOST_BYTES // size))
    return torch.randperm(there, generator=torch.Generator().manual_seed(seed))[:count]
