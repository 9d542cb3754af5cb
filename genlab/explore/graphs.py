"""The methods of a model that its page needs, as ONNX graphs."""

from typing import Any

import torch
from torch import Tensor

from genlab.capabilities import Conditional, Decodes, Encodes, Reconstructs, Translates, can
from genlab.errors import GenlabError
from genlab.explore.explored import Explored, floats
from genlab.explore.onnx import TOLERANCE, Graph, Method, graph_of
from genlab.models.shared.codes import Prior
from genlab.types import Shape

CHECKED = 16
"""Maximum number of images or codes of each kind to check a graph with."""
CONDITIONS = 4
"""Maximum number of conditions to check it under."""


def graphs_of(explored: Explored) -> dict[str, Graph]:
    """Export the methods of a model: "decode", "encode", and translations by their directions.

    Raises:
        GenlabError: for a model that cannot be exported, or has nothing that the page can do without a server.
    """
    model = explored.model.eval()
    graphs = {}
    if explored.is_flat:
        graphs["decode"] = graph_of("decoder", Method(model, "decode"), _codes(explored), _conditions(explored))
        if explored.able_to(Encodes):
            images = _images(explored, ("image", "target"), model.image_shape)
            graphs["encode"] = graph_of("encoder", Method(model, "encode"), images, _conditions(explored))
    if explored.able_to(Translates):
        for direction, shape in model.directions.items():
            parts = ("source" if direction[0] == "a" else "target", direction[0])
            method = Method(model, "translate", direction=direction)
            graphs[direction] = graph_of(f"translator-{direction}", method, _images(explored, parts, shape))
    if not graphs:
        raise GenlabError(
            f"the {type(model).__name__} in {explored.trained.checkpoint} cannot be exported: a page without a server "
            "needs a model that decodes vectors or translates images"
        )
    return graphs


def draws_normal(model: Any) -> bool:
    """Return whether a model's prior is N(0, I) under every condition, so that the page can draw codes."""
    able = model.given_as if can(model, Conditional) else type(model)
    return getattr(able, "draw_codes", None) is Prior.draw_codes


@torch.no_grad()
def reconstructs_by_code(explored: Explored) -> bool:
    """Return whether a model's reconstructions are the decoded codes of its images, and nothing else."""
    if not all(map(explored.able_to, (Reconstructs, Encodes, Decodes))):
        return False
    conditions, images = _conditions(explored), _images(explored, ("image", "target"), explored.model.image_shape)
    able = explored.model if conditions is None else explored.model.given(conditions[:1])
    return bool((able.reconstruct(images) - able.decode(able.encode(images))).abs().max() <= TOLERANCE)


def _codes(explored: Explored) -> Tensor:
    """Return codes to check with: some of the gallery, and random ones."""
    drawn = torch.randn(CHECKED, explored.code_size or 0, generator=torch.Generator().manual_seed(0))
    codes = explored.gallery_codes
    return drawn if codes is None else torch.cat([codes[:CHECKED], drawn])


def _images(explored: Explored, parts: tuple[str, str], shape: Shape) -> Tensor:
    """Return images to check with: those of the first of `parts` in the gallery, or noise."""
    found = explored.gallery.parts if explored.gallery else {}
    for part in parts:
        if part in found:
            return floats(found[part][:CHECKED])
    return torch.rand(CHECKED, *shape, generator=torch.Generator().manual_seed(0))


def _conditions(explored: Explored) -> Tensor | None:
    model, gallery = explored.model, explored.gallery
    if not can(model, Conditional):
        return None
    if gallery is None or gallery.conditions is None:
        return model.condition.in_turn(CONDITIONS)
    return gallery.conditions[:CONDITIONS]
