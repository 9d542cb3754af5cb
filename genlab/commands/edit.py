"""`genlab edit`: change one attribute of images, such as make someone smile."""

import argparse

import torch
from torch import Tensor

from genlab import images
from genlab.commands.common import Trained, attribute_of, encoded, finite, positive, tool_parser
from genlab.data import ImageDataModule
from genlab.errors import GenlabError
from genlab.latent import attribute_vector
from genlab.models.capabilities import Decodes, Encodes


def main(arguments: list[str]) -> None:
    """Draw test images with more and less of an attribute: codes, moved along the attribute's vector.

    The vector is the mean code of training images with the attribute less that of images without (Larsen et al. 2016),
    from few labelled images of each. The first column shows the images themselves.
    """
    parser = tool_parser("edit", main.__doc__)
    parser.add_argument("--attribute", required=True, metavar="NAME", help="such as Smiling")
    parser.add_argument(
        "--strength", type=_range, default=(-2.0, 2.0), metavar="LOW..HIGH", help="multiples of the vector (-2..2)"
    )
    parser.add_argument("--steps", type=positive, default=9, help="strengths from low to high (default 9)")
    parser.add_argument("-n", "--count", type=positive, default=6, help="test images (default 6)")
    parser.add_argument("--labelled", type=positive, default=500, help="training images of each kind (default 500)")
    given = parser.parse_args(arguments)
    trained = Trained(given)
    encoder = trained.able_to(Encodes)  # type: ignore[type-abstract]
    decoder = trained.able_to(Decodes)  # type: ignore[type-abstract]
    path = trained.out(f"pictures/edit-{given.attribute}.png")
    data, test_set = trained.data("fit"), trained.test_images()
    random = torch.Generator().manual_seed(given.seed)
    with torch.no_grad():
        direction = learned_direction(encoder, data, given.attribute, given.labelled, random)
        originals = test_set[torch.randperm(len(test_set), generator=random)[: given.count]]["image"]
        low, high = given.strength
        strengths = torch.linspace(low, high, given.steps)[:, None]
        edited = torch.stack([decoder.decode(code + strengths * direction) for code in encoder.encode(originals)])
    strip = torch.cat([originals[:, None], edited], 1)
    images.save(images.grid(strip.flatten(0, 1), given.steps + 1), path)
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


def _range(text: str) -> tuple[float, float]:
    low, _, high = text.partition("..")
    try:
        return finite(low), finite(high)
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(f"{text} is no range such as -2..2") from None
