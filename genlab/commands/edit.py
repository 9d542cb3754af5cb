"""`genlab edit`: change one attribute of images, such as make someone smile."""

import argparse

import torch
from torch import Tensor

from genlab import images
from genlab.commands.common import Trained, attribute_of, encoded
from genlab.data import ImageDataModule
from genlab.errors import GenlabError
from genlab.latent import attribute_vector
from genlab.models.capabilities import Decodes, Encodes


def main(args: argparse.Namespace) -> None:
    """Draw test images with more and less of an attribute."""
    trained = Trained(args)
    encoder = trained.able_to(Encodes)  # type: ignore[type-abstract]
    decoder = trained.able_to(Decodes)  # type: ignore[type-abstract]
    path = trained.out(f"pictures/edit-{args.attribute}.png")
    data, test_set = trained.data("fit"), trained.test_images()
    random = torch.Generator().manual_seed(args.seed)
    with torch.no_grad():
        direction = learned_direction(encoder, data, args.attribute, args.labelled, random)
        originals = test_set[torch.randperm(len(test_set), generator=random)[: args.count]]["image"]
        low, high = args.strength
        strengths = torch.linspace(low, high, args.steps)[:, None]
        edited = torch.stack([decoder.decode(code + strengths * direction) for code in encoder.encode(originals)])
    strip = torch.cat([originals[:, None], edited], 1)
    images.save(images.grid(strip.flatten(0, 1), args.steps + 1), path)
    print(path)


def learned_direction(
    encoder: Encodes, data: ImageDataModule, attribute: str, labelled: int, random: torch.Generator
) -> Tensor:
    """The attribute's vector, (code_size,), from at most `labelled` training images with it and as many without.

    Raises GenlabError when the data do not have the attribute, or no images with or without it.
    """
    images = data.train_set
    has = attribute_of(images, data, attribute)
    order = torch.randperm(len(has), generator=random)
    chosen = torch.cat([order[has[order]][:labelled], order[~has[order]][:labelled]])
    if not has[chosen].any() or has[chosen].all():
        raise GenlabError(f"all training images of {type(data).__name__} are alike in {attribute}")
    return attribute_vector(encoded(encoder, images, chosen), has[chosen])
