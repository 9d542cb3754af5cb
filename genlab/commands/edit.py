"""`genlab edit`: change one attribute of images, such as make someone smile."""

import argparse

import torch
from torch import Tensor

from genlab import sheets
from genlab.capabilities import Decodes, Encodes, flat_code_size, with_real_codes
from genlab.commands.shared.data import attribute_of
from genlab.commands.shared.shown import shown
from genlab.commands.shared.trained import Trained, encoded
from genlab.data import ImageDataModule
from genlab.errors import GenlabError
from genlab.latent import attribute_vector


def main(args: argparse.Namespace) -> None:
    """Draw test images with more and less of an attribute."""
    trained = Trained(args)
    trained.require(Encodes, Decodes)
    with_real_codes(trained.model)
    flat_code_size(trained.model)
    random = torch.Generator().manual_seed(args.seed)
    direction = learned_direction(trained, args.attribute, args.labelled, random)
    pictured = shown(trained, args.count, 6, random)
    codes = encoded(trained, pictured.images, pictured.rows)
    _, originals = trained.able_to_with(pictured.batch, Encodes)
    conditions = trained.condition_of(pictured.batch)
    decoders = [
        trained.able_under(condition, Decodes)
        for condition in ([None] * len(codes) if conditions is None else conditions.split(1))
    ]
    low, high = args.strength
    strengths = torch.linspace(low, high, args.steps)
    sheet = sheets.edits(decoders, codes, direction, strengths, args.attribute, originals)
    trained.draw(sheet, f"pictures/edit-{args.attribute}.png")


def learned_direction(trained: Trained, attribute: str, labelled: int, random: torch.Generator) -> Tensor:
    """Find an attribute's vector, (code_size,), from at most `labelled` training images with it and as many without.

    Raises:
        GenlabError: when the data do not have the attribute, or no images with or without it.
    """
    data = trained.data("fit")
    if not isinstance(data, ImageDataModule):
        raise GenlabError(f"attributes are of single images, not of the batches of {type(data).__name__}")
    images = trained.splits.training_images()
    has = attribute_of(images, data, attribute)
    if not has.any() or has.all():
        raise GenlabError(f"all training images of {type(data).__name__} are alike in {attribute}")
    rows = rows_of_each(has, labelled, random)
    return attribute_vector(encoded(trained, images, rows), has[rows])


def rows_of_each(has: Tensor, most: int, random: torch.Generator) -> Tensor:
    """Draw positions of at most `most` images that have an attribute, and of as many that do not.

    Args:
        has: whether each image of a data set has it, (N,), bool.
        most: the maximum of each.
        random: what they are drawn with.

    Returns:
        Positions, (M,), those of images with the attribute first.
    """
    order = torch.randperm(len(has), generator=random)
    return torch.cat([order[has[order]][:most], order[~has[order]][:most]])
