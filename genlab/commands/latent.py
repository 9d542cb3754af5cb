"""`genlab latent`: draw a map of the codes of test images."""

import argparse
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlab import sheets
from genlab.atomic import must_be_free
from genlab.capabilities import Conditional, Decodes, Encodes, KnowsWords, Samples, can, flat_code_size, with_real_codes
from genlab.commands.shared.data import attribute_of
from genlab.commands.shared.shown import Shown, condition_asked, named_condition, shown
from genlab.commands.shared.trained import Trained, encoded
from genlab.errors import GenlabError, counted
from genlab.pictures.code_map import project, umap

MOST = {None: 5000, "pca": 5000, "tsne": 2000, "umap": 5000}
"""Default maximum number of images for each method; t-SNE of 5,000 takes half a minute."""


def main(args: argparse.Namespace) -> None:
    """Draw the codes of test images, and the manifold of a 2-D prior."""
    if args.method == "umap":
        umap()
    trained = Trained(args)
    trained.require(Encodes)
    with_real_codes(trained.model)
    flat_code_size(trained.model)
    decoder = two_dimensional(trained)
    if decoder and args.out:
        must_be_free(args.out.with_stem(f"{args.out.stem}-manifold"), args.force)
    pictured = shown(trained, args.count, MOST[args.method], torch.Generator().manual_seed(args.seed))
    classes, names, by = known_classes(trained, pictured, args.color_by)
    things = getattr(trained.model, "observations", "images")
    codes = project(encoded(trained, pictured.images, pictured.rows), args.method, args.seed, observations=things)
    item = things.removesuffix("s")
    kind = item if args.input else f"{trained.split} {item}"
    chosen, there = len(pictured.rows), len(pictured.images)
    told = counted(there, kind) if chosen == there else f"{chosen:,} of {counted(there, kind)}"
    codes = named_condition(trained, replace(codes, title=f"{codes.title} of {told}"))
    name = "-".join(filter(None, ["latent", args.method, args.color_by]))
    trained.draw(codes if classes is None else codes.colored(classes, names, by), f"pictures/{name}.png")
    if decoder:
        manifold = named_condition(trained, sheets.manifold(decoder, args.side))
        trained.draw(manifold, "pictures/latent.png", part="manifold")


def known_classes(
    trained: Trained, pictured: Shown, color_by: str | None
) -> tuple[Tensor | None, tuple[str, ...], str]:
    """Find the classes that colour the codes of images.

    Returns:
        Classes (N,), which are labels, or whether each image has the attribute of --color-by, or None if neither is
        known; the names of the classes; and the title of their legend.

    Raises:
        GenlabError: for an attribute, or for labels, that the data do not have.
    """
    labels = pictured.labels
    if color_by in (None, "label") and labels is not None:
        return labels, tuple(getattr(trained.data("test"), "class_names", ())), "label"
    if color_by is None:
        return None, (), ""
    if pictured.names:
        raise GenlabError("images of --input have no labels or attributes to colour by; leave out --color-by")
    data = trained.data("test")
    if color_by == "label":
        raise GenlabError(f"{type(data).__name__} has no labels; colour by an attribute, or leave out --color-by")
    has = attribute_of(trained.images(), data, color_by)[pictured.rows]
    names = (f"without '{color_by}'", f"with '{color_by}'") if data.vocabulary else (f"not {color_by}", color_by)
    return has.long(), names, color_by


def two_dimensional(trained: Trained) -> Decodes | None:
    """Return the decoder of a model with a 2-D prior; None for others, and without a condition that it needs."""
    model: Any = trained.model
    if can(model, KnowsWords):
        return None  # sentences cannot be drawn as a grid
    if can(model, Conditional):
        asked = condition_asked(trained)
        model = None if asked is None else model.given(asked)
    is_able = can(model, Samples) and can(model, Decodes) and model.code_shape == (2,)
    return model if is_able else None
