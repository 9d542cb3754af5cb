"""Sheets of what codes become that are moved: interpolations, a manifold, traversals, edits and transfers."""

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
"""Codes that a model decodes at a time."""


@torch.no_grad()
def interpolations(
    model: Decodes,
    start: Tensor,
    end: Tensor,
    steps: int = 9,
    path: Callable[[Tensor, Tensor, int], Tensor] = lerp,
) -> "Sheet | Lines":
    """Images of the codes on the ways from some codes to others, a way in each row; or texts, a way in each block.

    Args:
        model: what decodes them.
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
    """Images of the codes on a square between four: (4, code_size), from left to right, then from top to bottom."""
    return Sheet(
        _decoded(model, square(corners.flatten(1), side).unflatten(1, corners.shape[1:]).unflatten(0, (side, side))),
        title="Interpolations of four images",
        subject=type(model).__name__,
        row_labels=_shares(side, "top", "bottom"),
        column_labels=_shares(side, "left", "right"),
    )


@torch.no_grad()
def manifold(model: Decodes, side: int = 20) -> Sheet:
    """The images of a lattice of 2-D codes, evenly spaced in the prior's probability (Kingma & Welling 2013, figure 4).

    Args:
        model: what decodes codes of two dimensions, whose prior is N(0, I).
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
        row_axis="z₂, at even quantiles of the prior",
        column_axis="z₁, at even quantiles of the prior",
    )


@torch.no_grad()
def traversals(model: Decodes, code: Tensor, units: Tensor, values: Tensor, image: Tensor | None = None) -> Sheet:
    """The images of a code with single units changed, a unit in each row.

    Args:
        model: what decodes it.
        code: (code_size,).
        units: those that change, one after the other, (units,), int64.
        values: what each of them changes to, (units, steps).
        image: what the code is of, (C, H, W), shown in the first column.
    """
    rows, steps = values.shape
    changed = code.repeat(rows, steps, 1)
    changed.scatter_(2, units[:, None, None].expand(-1, steps, 1), values[..., None])
    names = [f"unit {unit}" for unit in units.tolist()]
    sheet = Sheet(_decoded(model, changed), "Traversals of single units", type(model).__name__, names)
    return sheet if image is None else beside_first(image.expand(rows, -1, -1, -1), "image", sheet)


@torch.no_grad()
def moves(model: Decodes, code: Tensor, directions: Tensor, distances: Tensor, image: Tensor) -> Sheet:
    """The images of a code that is moved along directions, one in each row.

    Args:
        model: what decodes it.
        code: (code_size,).
        directions: (rows, code_size).
        distances: multiples of each direction, (steps,).
        image: what the code is of, (C, H, W), shown in the first column.
    """
    moved = code + distances[:, None] * directions[:, None]
    sheet = Sheet(_decoded(model, moved), "Traversals of directions", type(model).__name__)
    return beside_first(image.expand(len(directions), -1, -1, -1), "image", sheet)


@torch.no_grad()
def edits(
    models: Decodes | Sequence[Decodes], codes: Tensor, direction: Tensor, strengths: Tensor, name: str, images: Tensor
) -> "Sheet | Lines":
    """The images, or texts, of codes that are moved along a direction, a strength in each column or line.

    Args:
        models: what decodes them, or one for each, such as a conditional model under each image's condition.
        codes: (N, code_size).
        direction: such as `genlab.latent.attribute_vector` finds, (code_size,).
        strengths: multiples of the direction, (steps,).
        name: what the direction changes.
        images: what the codes are of, (N, C, H, W) or sentences (N, T), shown in the first column or line.
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
    """Images of a batch under other conditions: encoded under their own, decoded under each class or changed attribute.

    Args:
        model: of labels or attributes, whose `given` encodes and decodes.
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
    """The images of codes (rows, columns, code_size), on the CPU."""
    parts = [model.decode(some).cpu() for some in codes.flatten(0, 1).split(AT_ONCE)]
    images: Tensor = torch.cat(parts).unflatten(0, codes.shape[:2])
    return images


def _shares(steps: int, first: str, last: str) -> list[str]:
    """Label the steps of an interpolation by their share of the way."""
    between = [number(round(step / (steps - 1), 3)) for step in range(1, steps - 1)]
    return [first, *between, last][:steps]
