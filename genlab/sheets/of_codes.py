"""Sheets of decoded codes: interpolations, a manifold, traversals, edits and transfers."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import Conditional, Decodes, KnowsWords, can
from genlab.latent import between, lerp, normal_lattice, square
from genlab.pictures.drawing import Sheet
from genlab.pictures.lines import Lines, in_blocks
from genlab.sheets.grids import beside_first, number

AT_ONCE = 500
"""Number of codes that a model decodes at a time."""


@torch.no_grad()
def interpolations(
    model: Decodes,
    start: Tensor,
    end: Tensor,
    steps: int = 9,
    path: Callable[[Tensor, Tensor, int], Tensor] = lerp,
) -> "Sheet | Lines":
    """Decode the codes between some codes and others: images, one pair per row, or texts, one pair per block.

    Args:
        model: the model that decodes them.
        start: codes, (N, code_size).
        end: codes, (N, code_size).
        steps: images in a row, both ends included.
        path: `genlab.latent.lerp` or `genlab.latent.slerp`.
    """
    codes = between(start, end, steps, path)
    title = f"{'Linear' if path is lerp else 'Spherical'} interpolations"
    shares = _shares(steps, "start", "end")
    decoded = _decoded(model, codes)
    if can(model, KnowsWords):
        return in_blocks(shares, [*map(model.sentences, decoded)], title=title, subject=type(model).__name__)
    return Sheet(
        decoded,
        title=title,
        subject=type(model).__name__,
        column_labels=shares,
        column_axis="share of the way",
    )


@torch.no_grad()
def interpolations_of_four(model: Decodes, corners: Tensor, side: int = 9) -> Sheet:
    """Decode the codes in a square between four corners, (4, code_size): left to right, then top to bottom."""
    return Sheet(
        _decoded(model, square(corners.flatten(1), side).unflatten(1, corners.shape[1:]).unflatten(0, (side, side))),
        title="Interpolations of four images",
        subject=type(model).__name__,
        row_labels=_shares(side, "top", "bottom"),
        column_labels=_shares(side, "left", "right"),
    )


@torch.no_grad()
def manifold(model: Decodes, side: int = 20) -> Sheet:
    """Decode a grid of 2-D codes, evenly spaced in the prior's probability (Kingma & Welling 2013, figure 4).

    Args:
        model: the model that decodes them, with a 2-D code whose prior is N(0, I).
        side: images along each side.
    """
    lattice = normal_lattice(side)
    names = [f"{value:.2f}".replace("-", "−") for value in lattice[:side, 0].tolist()]  # noqa: RUF001
    return Sheet(
        _decoded(model, lattice.unflatten(0, (side, side))),
        title="Manifold of the code",
        subject=type(model).__name__,
        row_labels=names[::-1],
        column_labels=names,
        row_axis="unit 1, at even quantiles of the prior",
        column_axis="unit 0, at even quantiles of the prior",
    )


@torch.no_grad()
def traversals(model: Decodes, code: Tensor, units: Tensor, values: Tensor, image: Tensor | None = None) -> Sheet:
    """Decode a code with single units changed, one unit per row.

    Args:
        model: the model that decodes it.
        code: (code_size,).
        units: the units to change, one in each row, (units,), int64.
        values: the values of each unit, (units, steps).
        image: the image of the code, (C, H, W), shown in the first column.
    """
    rows, steps = values.shape
    changed = code.repeat(rows, steps, 1)
    changed.scatter_(2, units[:, None, None].expand(-1, steps, 1), values[..., None])
    names = [f"unit {unit}" for unit in units.tolist()]
    sheet = Sheet(_decoded(model, changed), "Traversals of single units", type(model).__name__, names)
    return sheet if image is None else beside_first(image.expand(rows, -1, -1, -1), "image", sheet)


@torch.no_grad()
def moves(model: Decodes, code: Tensor, directions: Tensor, distances: Tensor, image: Tensor) -> Sheet:
    """Decode a code that is moved along directions, one direction per row.

    Args:
        model: the model that decodes it.
        code: (code_size,).
        directions: (rows, code_size).
        distances: multiples of each direction, (steps,).
        image: the image of the code, (C, H, W), shown in the first column.
    """
    moved = code + distances[:, None] * directions[:, None]
    sheet = Sheet(_decoded(model, moved), "Traversals of directions", type(model).__name__)
    return beside_first(image.expand(len(directions), -1, -1, -1), "image", sheet)


@torch.no_grad()
def edits(
    models: Decodes | Sequence[Decodes], codes: Tensor, direction: Tensor, strengths: Tensor, name: str, images: Tensor
) -> "Sheet | Lines":
    """Decode codes that are moved along a direction to images or texts, one strength per column or line.

    Args:
        models: the model that decodes them, or one for each code, such as a conditional model under its image's
            condition.
        codes: (N, code_size).
        direction: (code_size,), for instance from `genlab.latent.attribute_vector`.
        strengths: multiples of the direction, (steps,).
        name: name of what the direction changes.
        images: the images of the codes, (N, C, H, W), or sentences (N, T), shown in the first column or line.
    """
    decoders = models if isinstance(models, Sequence) else [models] * len(codes)
    moved = codes[:, None] + strengths[:, None] * direction
    edited = [_decoded(decoder, row[None]) for decoder, row in zip(decoders, moved, strict=True)]
    labels = [number(round(value, 3), sign=True) for value in strengths.tolist()]
    title, subject = f"Edits of {name}", type(decoders[0]).__name__
    if can(decoders[0], KnowsWords):
        words = decoders[0].sentences
        texts = [[first, *words(row[0])] for first, row in zip(words(images), edited, strict=True)]
        return in_blocks(["input", *labels], texts, title=title, subject=subject)
    sheet = Sheet(
        torch.cat(edited),
        title=title,
        subject=subject,
        column_labels=labels,
        column_axis=f"strength of {name}",
    )
    return beside_first(images, "image", sheet)


@torch.no_grad()
def transfers(model: Conditional, batch: Any) -> Sheet:
    """Draw images under other conditions: encoded under their own, decoded under each class or flipped attribute.

    Args:
        model: a model conditioned on labels or attributes, whose `given` encodes and decodes.
        batch: images with their labels or attributes, as a dict; see `genlab.types`.
    """
    originals, own = model.images(batch), model.condition.find(batch, model)
    others, names = model.condition.others(own)
    labels = model.condition.names(own)
    rows, columns = ("class of the image", "decoded as class") if labels else ("", "with one attribute the other way")
    codes = model.given(own).encode(originals)
    changed = torch.stack([model.given(condition).decode(codes) for condition in others.unbind(1)], 1)
    sheet = Sheet(changed.cpu(), "Transfers", type(model).__name__, labels, names, rows, columns)
    return beside_first(originals, "image", sheet)


def _decoded(model: Decodes, codes: Tensor) -> Tensor:
    """Decode codes (rows, columns, code_size) to images on the CPU."""
    parts = [model.decode(some).cpu() for some in codes.flatten(0, 1).split(AT_ONCE)]
    images: Tensor = torch.cat(parts).unflatten(0, codes.shape[:2])
    return images


def _shares(steps: int, first: str, last: str) -> list[str]:
    """Label the steps of an interpolation by their share of the path."""
    between = [number(round(step / (steps - 1), 3)) for step in range(1, steps - 1)]
    return [first, *between, last][:steps]
