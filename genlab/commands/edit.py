"""`genlab edit`: change one attribute of images, for example to make someone smile."""

import argparse
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from genlab import sheets
from genlab.capabilities import Decodes, Encodes, KnowsWords, can, can_given, flat_code_size, with_real_codes
from genlab.commands.shared.codes import codes_asked, decoder_asked, require_no_input
from genlab.commands.shared.data import attribute_of, class_names_of, position_of
from genlab.commands.shared.shown import named_condition, shown
from genlab.commands.shared.trained import BATCH, Trained, encoded
from genlab.commands.shared.truncation import set_truncation
from genlab.commands.shared.typed import sentences_in
from genlab.data import ImageDataModule
from genlab.errors import GenlabError
from genlab.evaluation.extractors import trained_classifier
from genlab.latent import attribute_vector

DRAWN = 4
"""Number of samples that are classified for each labelled sample that is wanted."""


def main(args: argparse.Namespace) -> None:
    """Draw images, or print sentences, with less and with more of an attribute."""
    trained = Trained(args)
    require_attribute(trained)
    trained.require(Decodes)
    with_real_codes(trained.model)
    flat_code_size(trained.model)
    random = torch.Generator().manual_seed(args.seed)
    require_no_input(trained)
    set_truncation(trained, args.truncation)
    encodes = can_given(trained.model, Encodes)
    asked = codes_asked(trained, args.count, 6, random) if args.codes or not encodes else None
    if args.having:
        direction = direction_of_files(trained)
    elif encodes:
        direction = learned_direction(trained, args.attribute, args.labelled, random)
    else:
        direction = direction_of_samples(trained, decoder_asked(trained), args.attribute, args.labelled, random)
    codes, decoders, originals = encoded_images(trained, random) if asked is None else asked.each
    low, high = args.strength
    strengths = torch.linspace(low, high, args.steps)
    attribute = args.attribute or args.having.stem
    sheet = sheets.edits(decoders, codes, direction, strengths, attribute, originals)
    trained.draw(named_condition(trained, sheet), f"pictures/edit-{attribute}.png")


def require_attribute(trained: Trained) -> None:
    """Check that one attribute is named, or, for a model of sentences, that two files of sentences are given.

    Raises:
        GenlabError: if not.
    """
    args = trained.args
    if (args.having or args.without) and not can(trained.model, KnowsWords):
        raise GenlabError(
            f"--with and --without are for sentences, but the {type(trained.model).__name__} is a model of images"
        )
    if bool(args.having) != bool(args.without):
        raise GenlabError(
            "an attribute needs two files, sentences with it and sentences without it; give --with and --without"
        )
    if args.attribute and args.having:
        raise GenlabError("give either --attribute, or --with and --without")
    if not args.attribute and not args.having:
        raise GenlabError(
            "there is nothing to edit; give --attribute NAME, or for sentences --with FILE --without FILE"
        )


def direction_of_files(trained: Trained) -> Tensor:
    """Return the vector from the codes of sentences in --without to those in --with, (code_size,).

    Raises:
        GenlabError: if these codes are the same on average.
    """
    trained.require(Encodes)
    with_it, without_it = (sentences_in(trained, [path]) for path in (trained.args.having, trained.args.without))
    codes = [encoded(trained, sentences, torch.arange(len(sentences))) for sentences in (with_it, without_it)]
    has = torch.arange(len(with_it) + len(without_it)) < len(with_it)
    vector = attribute_vector(torch.cat(codes), has)
    if not vector.any():
        raise GenlabError(f"the sentences of {trained.args.having} and {trained.args.without} have the same codes")
    return vector


def encoded_images(trained: Trained, random: torch.Generator) -> tuple[Tensor, Sequence[Decodes], Tensor]:
    """Encode the images to edit; return their codes, the decoder of each, and the images."""
    pictured = shown(trained, trained.args.count, 6, random)
    codes = encoded(trained, pictured.images, pictured.rows)
    _, originals = trained.able_to_with(pictured.batch, Encodes)
    conditions = trained.condition_of(pictured.batch)
    each = [None] * len(codes) if conditions is None else conditions.split(1)
    return codes, [trained.able_under(condition, Decodes) for condition in each], originals


def learned_direction(trained: Trained, attribute: str, labelled: int, random: torch.Generator) -> Tensor:
    """Return an attribute's vector, (code_size,), from up to `labelled` training images with it and as many without.

    Raises:
        GenlabError: when the data do not have the attribute, or no images with or without it.
    """
    data = trained.data("fit")
    if not isinstance(data, ImageDataModule) and not data.vocabulary:
        raise GenlabError(f"attributes are of single images, not of the batches of {type(data).__name__}")
    images = trained.splits.training_images()
    has = attribute_of(images, data, attribute)
    if not has.any() or has.all():
        raise GenlabError(f"all training {data.item}s of {type(data).__name__} are alike in {attribute}")
    rows = rows_of_each(has, labelled, random)
    return attribute_vector(encoded(trained, images, rows), has[rows])


@torch.no_grad()
def direction_of_samples(
    trained: Trained, decoder: Any, attribute: str, labelled: int, random: torch.Generator
) -> Tensor:
    """Return an attribute's vector from samples that a classifier labels, for a model without an encoder.

    Raises:
        GenlabError: when the data do not have the attribute, or all samples have it, or none.
    """
    trained.data("test")
    data = trained.data("fit")
    if not isinstance(data, ImageDataModule):
        raise GenlabError(f"attributes are of single images, not of the batches of {type(data).__name__}")
    position = position_of(data, attribute, class_names_of(data) or data.attribute_names)
    classifier, _ = trained_classifier(data, trained.device)
    codes = decoder.draw_codes(DRAWN * labelled, generator=random)
    seen = torch.cat([classifier.of_features(classifier.features(decoder.decode(some))) for some in codes.split(BATCH)])
    has = seen.argmax(1) == position if data.num_classes else seen[:, position] > 0
    if not has.any() or has.all():
        raise GenlabError(f"all {len(has):,} samples are alike in {attribute}, according to the classifier")
    rows = rows_of_each(has, labelled, random)
    return attribute_vector(codes[rows], has[rows])


def rows_of_each(has: Tensor, most: int, random: torch.Generator) -> Tensor:
    """Draw the positions of up to `most` images with an attribute, and of up to `most` without it.

    Args:
        has: whether each image of a data set has the attribute, (N,), bool.
        most: maximum number of images of either kind.
        random: generator to draw them with.

    Returns:
        Positions, (M,), those of images with the attribute first.
    """
    order = torch.randperm(len(has), generator=random)
    return torch.cat([order[has[order]][:most], order[~has[order]][:most]])
