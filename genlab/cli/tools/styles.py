"""The arguments of tools that find codes of images, and mix styles."""

import argparse

from genlab.cli.tools.options import codes, drawing, of_data, of_model, positive


def project(parser: argparse.ArgumentParser) -> None:
    """Find the codes of images, of models without an encoder too: those whose images look most like them.

    Codes begin as the nearest of 1,000 that are drawn at random, and follow the gradient of the squared distance of
    pixels and, with --features, of a network's features. Of a StyleGAN, these codes are styles, in W. They are kept in
    a file, from which other tools go on: `--codes project.npz`. A picture has the images above what was found.

    Images are cropped and resized as the data are; without --image, they are test images, chosen by --seed.
    """
    of_model(parser, "project.npz", codes)
    of_data(parser)
    drawing(parser)
    parser.add_argument(
        "--image", "--input", dest="input", nargs="+", metavar="FILE", help="images: files, folders, or patterns"
    )
    parser.add_argument(
        "--condition", metavar="CONDITION", help="that a conditional model decodes under: cat, or Smiling=1,Male=0"
    )
    parser.set_defaults(condition_image=None)
    parser.add_argument("--steps", type=positive, default=300, help="of the search (default 300)")
    parser.add_argument(
        "--features",
        metavar="NETWORK",
        help="what images are compared by beside their pixels: efficientnet, classifier (trained on the data, and "
        "kept), or the checkpoint of a model that encodes",
    )
    parser.add_argument("-n", "--count", type=positive, help="how many (default 4, or all of --image)")
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")
