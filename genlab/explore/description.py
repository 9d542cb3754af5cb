"""Description of a model for the page: its capabilities, conditions, images and codes."""

from typing import Any

from torch import Tensor

from genlab.capabilities import Decodes, DrawsCodes, Encodes, Reconstructs, Samples, Translates, default_path
from genlab.explore import conditions, stepwise
from genlab.explore.directions import attribute_names, map_of, principal_directions, units_of
from genlab.explore.explored import Explored
from genlab.explore.gallery import Gallery
from genlab.explore.palette import palette_of
from genlab.facts import DOMAINS
from genlab.latent import slerp

CAN: dict[str, type[Any]] = {
    "encode": Encodes,
    "decode": Decodes,
    "draw": DrawsCodes,
    "sample": Samples,
    "reconstruct": Reconstructs,
    "translate": Translates,
}
"""Capability that each primitive needs, by the primitive's name."""


def describe(explored: Explored, key: str) -> dict[str, Any]:
    """Describe a model, for JSON; `key` identifies it on the page."""
    return {
        "title": explored.trained.subject,
        "key": key,
        "image_shape": explored.image_shape,
        "code_shape": explored.code_shape,
        "flat": explored.is_flat,
        "real": explored.is_real,
        "styles": explored.has_styles,
        "path": "slerp" if default_path(explored.model) is slerp else "lerp",
        "can": {name: explored.able_to(capability) for name, capability in CAN.items()},
        "condition": conditions.described(explored),
        "priors": explored.priors,
        "steps": stepwise.described(explored),
        "gallery": _gallery(explored.gallery),
        "map": map_of(explored),
        "units": units_of(explored),
        "directions": principal_directions(explored),
        "attributes": attribute_names(explored),
        "translation": _translation(explored),
        "notes": [explored.no_gallery] if explored.no_gallery else [],
    }


def _gallery(gallery: Gallery | None) -> dict[str, Any] | None:
    if gallery is None:
        return None
    return {
        "count": len(gallery),
        "kind": gallery.kind,
        "shapes": {name: images.shape[1:] for name, images in gallery.parts.items()},
        "labels": None if gallery.labels is None else gallery.labels.tolist(),
        "class_names": gallery.class_names,
        "attribute_names": gallery.attribute_names,
        "attributes": None if gallery.attributes is None else _bits(gallery.attributes),
    }


def _bits(attributes: Tensor) -> list[str]:
    """Write the attributes of each image as a text such as 0110."""
    return ["".join(map(str, row)) for row in (attributes > 0).int().tolist()]


def _translation(explored: Explored) -> dict[str, Any] | None:
    """Describe directions: the gallery's parts that each translates from and to, and the truth if these are pairs."""
    if not explored.able_to(Translates):
        return None
    directions, gallery = explored.model.directions, explored.gallery
    parts: dict[str, Any] = {}
    palette = None
    if gallery is not None:
        named = dict(zip(DOMAINS, gallery.parts, strict=False))
        for name in directions:
            start, end = named[name[0]], named[name[-1]]
            parts[name] = {"start": start, "end": end, "truth": end if gallery.kind == "pairs" else None}
        palette = palette_of(gallery.parts[named["a"]])
    return {
        "directions": directions,
        "palette": palette,
        "parts": parts,
    }
