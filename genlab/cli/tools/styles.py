"""Arguments of the tools that find codes of images, and mix styles."""

import argparse

from genlab.cli.tools.options import (
    codes,
    drawing,
    of_codes,
    of_conditions,
    of_data,
    of_model,
    of_truncation,
    picture,
    positive,
)


def project(parser: argparse.ArgumentParser) -> None:
    """Find the codes whose decoded images look most like given images, also for models without an encoder.

    Codes start as the nearest of 1,000 random ones, of 100 with --features, and follow the gradient of the squared
    distance between pixels and, with --features, between a network's features. For a StyleGAN, these codes are styles,
    in W. They are saved to a file, for other tools: `--codes project.npz`. A picture shows the images above those
    found.

    Images are cropped and resized like the data; without --image, they are test images, chosen by --seed.
    """
    of_model(parser, "project.npz", codes)
    of_data(parser)
    drawing(parser)
    parser.add_argument(
        "--image", "--input", dest="input", nargs="+", metavar="FILE", help="images: files, folders, or patterns"
    )
    parser.add_argument(
        "--condition",
        metavar="CONDITION",
        help="condition to decode under, for a conditional model: cat, or Smiling=1,Male=0",
    )
    parser.set_defaults(condition_image=None, codes=None, truncation=None)
    parser.add_argument("--steps", type=positive, default=300, help="steps of the search (default 300)")
    parser.add_argument(
        "--features",
        metavar="NETWORK",
        help="features to compare images by, in addition to pixels: efficientnet, classifier (trained on the data, "
        "and saved), or the checkpoint of a model that encodes",
    )
    parser.add_argument("-n", "--count", type=positive, help="how many (default 4, or all of --image)")
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")


def mix(parser: argparse.ArgumentParser) -> None:
    """Draw images of a StyleGAN with mixed styles: sources on top, destinations on the left.

    Each image in between has the styles of its destination, but those of its source in some layers: the coarse, middle
    or fine ones, a block of rows each, or --layers (Karras et al. 2019, figure 3).
    """
    of_model(parser, "pictures/mix.png", picture)
    of_data(parser)
    of_conditions(parser)
    drawing(parser)
    of_layers(parser)
    parser.add_argument("--sources", type=positive, metavar="N", help="how many (default 6, or all of --source-codes)")
    parser.add_argument("--destinations", type=positive, metavar="N", help="how many (default 3, or all of --codes)")
    parser.add_argument(
        "--source-codes", nargs="+", metavar="FILE", type=codes, help="sources: files written by `genlab project`"
    )
    parser.add_argument(
        "--codes", nargs="+", metavar="FILE", type=codes, help="destinations: files written by `genlab project`"
    )
    of_truncation(parser)


def noise(parser: argparse.ArgumentParser) -> None:
    """Draw images of a StyleGAN, the same images with other noise, and each pixel's standard deviation over many.

    (Karras et al. 2019, figure 4.)
    """
    of_model(parser, "pictures/noise.png", picture)
    of_data(parser)
    of_conditions(parser)
    of_codes(parser)
    drawing(parser)
    of_layers(parser)
    parser.add_argument("-n", "--count", type=positive, help="images (default 4, or all of --codes)")
    parser.add_argument("--others", type=positive, default=4, help="images with other noise (default 4)")
    parser.add_argument(
        "--draws", type=positive, default=100, help="images to compute the deviation from (default 100)"
    )
    of_truncation(parser)


def of_layers(parser: argparse.ArgumentParser) -> None:
    """Add the option for layers."""
    parser.add_argument(
        "--layers", metavar="LAYERS", help="coarse, middle, fine, or numbers: 0-3 or 0,2,5 (default all)"
    )
