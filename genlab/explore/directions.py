"""Directions in a model's space of codes: axes of the map, single units, principal directions, attributes."""

from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import Conditional, Decodes, DrawsCodes, can
from genlab.commands.edit import rows_of_each
from genlab.commands.shared.data import attribute_of, class_names_of
from genlab.errors import GenlabError
from genlab.explore.entries import NotThere
from genlab.explore.explored import Explored
from genlab.latent import attribute_vector, principal

PRINCIPAL = 10
"""Maximum number of principal directions."""
DRAWN = 1000
"""Number of drawn codes whose mean and spread replace those of images, for a model without an encoder."""
LABELLED = 500
"""Maximum number of training images with, and without, an attribute to learn it from; the default of `genlab edit`."""
MARGIN = 0.05
"""Margin around the codes on each side of the map, relative to their extent."""
PRIOR_EXTENT = 3.0
"""Minimum extent of the map, in standard deviations of a 2-D prior."""


def map_of(explored: Explored) -> dict[str, Any] | None:
    """Describe the plane of the map: its axes and its extent; None without codes, or if codes are not vectors.

    Two-dimensional codes are used as they are; others are projected to their first two principal components.
    """
    size, codes = explored.code_size, explored.gallery_codes
    has_prior = explored.able_to(DrawsCodes) and explored.able_to(Decodes)
    if size == 2:
        mean, basis = torch.zeros(2), torch.eye(2)
    elif codes is not None and size and size > 2 and len(codes) > 2:
        mean, basis = codes.mean(0), principal(codes)[0][:2]
    else:
        return None
    points = torch.zeros(0, 2) if codes is None else (codes - mean) @ basis.T
    if size == 2 and has_prior:
        corners = torch.tensor([[-PRIOR_EXTENT, -PRIOR_EXTENT], [PRIOR_EXTENT, PRIOR_EXTENT]])
        points = torch.cat([points, corners])
    if not len(points):
        return None
    low, high = points.amin(0), points.amax(0)
    margin = MARGIN * (high - low).clamp(min=1e-6)
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    return {
        "axes": "units" if size == 2 else "pca",
        "mean": mean.tolist(),
        "basis": basis.tolist(),
        "extent": [left, right, bottom, top],
        "manifold": size == 2 and has_prior,
    }


def units_of(explored: Explored) -> dict[str, Any] | None:
    """Describe the single units of a code: their means, standard deviations, and order by standard deviation.

    Those of styles have the mean towards which the model truncates.
    """
    codes = explored.gallery_codes
    if codes is None:
        codes = drawn_codes(explored)
    if codes is None or not explored.is_flat:
        return None
    std, mean = torch.std_mean(codes, 0, correction=0)
    if explored.has_styles:
        mean = explored.model.mean_style
    return {"mean": mean.tolist(), "std": std.tolist(), "order": std.argsort(descending=True).tolist()}


def principal_directions(explored: Explored) -> dict[str, Any] | None:
    """Describe the directions in which the codes of images, or drawn styles, vary most (GANSpace)."""
    codes = drawn_codes(explored) if explored.has_styles else explored.gallery_codes
    if codes is None or len(codes) < 3 or not explored.is_flat:
        return None
    vectors, std = principal(codes)
    return {"vectors": vectors[:PRINCIPAL].tolist(), "std": std[:PRINCIPAL].tolist()}


def drawn_codes(explored: Explored) -> Tensor | None:
    """Draw codes from the prior, (N, D), if they are real vectors; a conditional model uses its first class."""
    model = explored.model
    if explored.code_size is None or not explored.able_to(DrawsCodes):
        return None
    if not can(model, Conditional):
        return explored.draw(DRAWN, seed=0)
    if model.condition.image_shape or not hasattr(model.condition, "class_names"):
        return None
    return explored.draw(DRAWN, seed=0, condition=model.condition.in_turn(1))


def attribute_names(explored: Explored) -> list[str]:
    """List the attributes and classes whose directions can be learned from labelled images."""
    gallery, model = explored.gallery, explored.model
    if gallery is None or gallery.kind != "images" or explored.gallery_codes is None or not explored.is_flat:
        return []
    known = model.condition.key if can(model, Conditional) else ""
    classes = gallery.class_names if gallery.labels is not None and known != "label" else []
    attributes = gallery.attribute_names if known != "attributes" else []
    return [*attributes, *map(class_attribute, classes)]


def class_attribute(name: str) -> str:
    """Return the name of the attribute of being in a class."""
    return f"is {name}"


def attribute_direction(explored: Explored, name: str) -> Tensor:
    """Learn the direction of an attribute, (D,), from training images with it and without it.

    Raises:
        NotThere: for an unknown attribute.
        GenlabError: if all images have it, or none.
    """
    if name not in attribute_names(explored):
        raise NotThere(f"there is no attribute {name[:100]}")
    trained = explored.trained
    images, data = trained.splits.training_images(), trained.splits.data
    classes = {class_attribute(each): each for each in class_names_of(data)}
    has = attribute_of(images, data, classes.get(name, name))
    if not has.any() or has.all():
        raise GenlabError(f"all training images of {type(data).__name__} are alike in {name}")
    rows = rows_of_each(has, LABELLED, torch.Generator().manual_seed(trained.args.seed))
    return attribute_vector(explored.training_codes(rows), has[rows])
