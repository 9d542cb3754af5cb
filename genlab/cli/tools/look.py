"""Arguments of the tools that draw what a model makes of codes and images."""

import argparse
import warnings
from pathlib import Path

from genlab.cli.tools.options import (
    drawing,
    finite,
    of_checkpoint,
    of_codes,
    of_conditions,
    of_data,
    of_decoding,
    of_files,
    of_images,
    of_model,
    of_sampling,
    of_truncation,
    picture,
    port,
    positive,
    share,
    span,
)


def explore(parser: argparse.ArgumentParser) -> None:
    """Open a page in the browser for playing with trained models: that of --ckpt first, then all in runs/.

    The page shows what a model can do: samples, a map of its codes, sliders, interpolations, attributes,
    translations, reconstructions, and the progress of its training. By default, only this machine can open it.

    With --export, write the page of one model to a folder instead, which any web server can serve and a browser can
    open from the disk: the model then runs in the browser.
    """
    of_checkpoint(parser)
    of_data(parser)
    parser.add_argument("--port", type=port, default=0, help="port to serve the page on (default: a free one)")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to serve it at; 0.0.0.0 lets other machines connect (default 127.0.0.1)",
    )
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--export", metavar="DIR", type=Path, help="write the page to this folder instead of serving it"
    )
    parser.add_argument(
        "--runtime",
        metavar="DIR",
        type=Path,
        help="with --export: the npm package onnxruntime-web, to copy to the folder; by default, browsers download it",
    )
    parser.add_argument("--force", action="store_true", help="replace an --export that already exists")


def sample(parser: argparse.ArgumentParser) -> None:
    """Draw new images from a trained model, as one picture.

    With --prior, codes are drawn from a density that is fitted to the codes of training images, and then decoded, which
    makes an autoencoder generative. The density is saved beside the checkpoint, and reused with the same --seed.

    For a conditional model, each column is one code and each row one condition: every class; every attribute, in turn
    set to the opposite of most images; or test images, on the left, with the truth on the right. --count is then the
    number of columns. With --condition or --condition-image, all samples have that condition. With --per-class, images
    are written to folders by class.

    A model of sentences prints them, or writes them to --out FILE.txt; --columns has no effect.

    A diffusion model samples with --sampler in --steps, and starts from an image with --from-image, or from a part of
    it with --mask; so does a Boltzmann machine, by Gibbs chains. A PixelCNN completes the last part of an image, such
    as the lower half.
    """
    of_model(parser, "pictures/sample.png")
    of_data(parser)
    of_decoding(parser)
    drawing(parser)
    parser.add_argument(
        "-n", "--count", type=positive, help="how many (default 64), or how many of each condition (default --columns)"
    )
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")
    parser.add_argument(
        "--prior",
        choices=("gaussian", "gmm"),
        help="draw codes from a normal distribution fitted to those of images, or from a mixture",
    )
    parser.add_argument(
        "--components", type=positive, help="with --prior gmm: distributions in the mixture (default 10)"
    )
    parser.add_argument(
        "--without-average",
        action="store_true",
        help="for a GAN or a diffusion model: use the network itself, not its moving average (EMA)",
    )
    of_conditions(parser)
    of_truncation(parser)
    of_sampling(parser)
    steps = parser.add_argument_group("for diffusion models and Boltzmann machines")
    steps.add_argument("--from-image", metavar="FILE", type=Path, help="make images like this one; see --strength")
    steps.add_argument("--strength", type=share, help="how much to change it: share of the steps (default 0.6)")
    steps.add_argument(
        "--mask",
        metavar="FILE",
        type=Path,
        help="complete --from-image: redraw it where this image is white, and keep the rest",
    )
    steps.add_argument(
        "--strip", type=positive, metavar="N", help="show each sample as a row of N images, beginning with noise"
    )
    parser.add_argument(
        "--per-class", type=positive, metavar="N", help="write N images of each class to --out, a new folder"
    )


def reconstruct(parser: argparse.ArgumentParser) -> None:
    """Draw test images, chosen by --seed, or those of --input, in rows above the rows of their reconstructions.

    A denoising model reconstructs corrupted images, which are drawn in between. A model of sentences prints pairs.
    """
    of_model(parser, "pictures/reconstruct.png", picture)
    of_data(parser)
    of_images(parser)
    of_decoding(parser)
    drawing(parser)
    parser.add_argument("-n", "--count", type=positive, help="how many (default 32, or all of --input)")
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")


def latent(parser: argparse.ArgumentParser) -> None:
    """Draw the codes of test images, or of --input: as they are if they are 2-D, otherwise by PCA, t-SNE or UMAP.

    They are coloured by label, or by whether an image has an attribute.

    For a model with a 2-D Gaussian prior, draw its manifold too: the images decoded from a grid of codes, spaced evenly
    in the prior's probability (Kingma & Welling 2013, figure 4).
    """
    of_model(parser, "pictures/latent.png", picture)
    of_data(parser)
    of_images(parser)
    drawing(parser)
    parser.add_argument(
        "--method", choices=("pca", "tsne", "umap"), help="how to map codes of more than 2 dimensions (default pca)"
    )
    parser.add_argument(
        "--color-by",
        metavar="NAME",
        help="colour by an attribute or a class, such as Smiling, or by label (default label)",
    )
    parser.add_argument(
        "-n", "--count", type=positive, help="images at most (default 5000, for t-SNE 2000, or all of --input)"
    )
    parser.add_argument("--side", type=positive, default=20, help="images along a side of the manifold (default 20)")


def features(parser: argparse.ArgumentParser) -> None:
    """Draw the first layer's weights as images: for each unit, the input of fixed norm that excites it most (Ng 2011).

    Those with the largest norms come first; each is scaled to its own range. With one channel, white is zero, red
    positive and blue negative; with three, grey is zero.
    """
    of_model(parser, "pictures/features.png", picture)
    drawing(parser)
    parser.add_argument("--columns", type=positive, default=10, help="units in a row (default 10)")
    parser.add_argument("-n", "--count", type=positive, default=100, help="units at most (default 100)")


def interpolate(parser: argparse.ArgumentParser) -> None:
    """Draw the images of codes between those of test images, or of samples, chosen by --seed.

    Each row goes from one image to another, or a square lies between the images in its four corners. With --input, rows
    go from each of these images to the next. A model of sentences prints walks: between test sentences, from each
    sentence of --input to the next, or --from one --to another.

    A conditional model decodes everything under the condition of the first image, or the one given. With --codes, rows
    go from each code to the next. The codes of a StyleGAN are styles, also between samples.
    """
    of_model(parser, "pictures/interpolate.png", picture)
    of_data(parser)
    of_files(parser)
    of_codes(parser)
    of_conditions(parser)
    of_decoding(parser)
    drawing(parser)
    parser.add_argument(
        "--along",
        type=_interpolation,
        choices=("lerp", "slerp", "square"),
        help="linear or spherical interpolation in each row, or a square (default lerp; for diffusion models slerp)",
    )
    parser.add_argument(
        "--from", dest="start", metavar="SENTENCE", help="where a walk begins, for a model of sentences"
    )
    parser.add_argument("--to", dest="end", metavar="SENTENCE", help="where the walk ends")
    parser.add_argument(
        "--between",
        choices=["images", "samples"],
        default="images",
        help="what is at the ends of a row (default images)",
    )
    parser.add_argument("--steps", type=positive, default=9, help="images in a row, both ends included (default 9)")
    parser.add_argument("-n", "--count", type=positive, help="rows (default 6, or all of --input)")
    of_truncation(parser)


def _interpolation(name: str) -> str:
    """Replace an old name of an interpolation by the new one, with a warning."""
    now = {"line": "lerp", "arc": "slerp"}.get(name, name)
    if now != name:
        warnings.warn(
            f"--along {name} is called --along {now} now; the next release will not know the old name", stacklevel=2
        )
    return now


def traverse(parser: argparse.ArgumentParser) -> None:
    """Draw variations of a test image, or that of --input: in each row, one unit of its code changes.

    The units are those that vary most over test images, from the top down. Each goes from --range standard deviations
    below its mean to as many above. The first column shows the image itself.

    A conditional model decodes under the image's own condition, or the one given. For a model without an encoder, the
    code is that of a sample, or of --codes. The styles of a StyleGAN move along their principal directions instead
    (GANSpace, Härkönen et al. 2020), those of the largest variance first. Both are numbered from 0.
    """
    of_model(parser, "pictures/traverse.png", picture)
    of_data(parser)
    of_files(parser)
    of_codes(parser)
    of_conditions(parser)
    drawing(parser)
    parser.add_argument("--units", type=positive, default=10, help="units, or directions, at most (default 10)")
    parser.add_argument("--steps", type=positive, default=9, help="values of each (default 9)")
    parser.add_argument("--range", type=finite, default=3.0, help="standard deviations up and down (default 3)")
    of_truncation(parser)


def edit(parser: argparse.ArgumentParser) -> None:
    """Draw test images, or those of --input, with more and less of an attribute, by moving codes along its vector.

    The vector is the mean code of training images with the attribute minus that of images without (Larsen et al. 2016),
    from a few labelled images of each. The first column shows the images themselves.

    For a model without an encoder, samples or --codes are moved. The vector is then the mean code of samples in which a
    classifier of the data's attributes (trained, and saved) sees the attribute, minus that of other samples; for a
    StyleGAN, in W.
    """
    of_model(parser, "pictures/edit-ATTRIBUTE.png", picture)
    of_data(parser)
    of_images(parser)
    of_codes(parser)
    of_decoding(parser)
    drawing(parser)
    parser.add_argument(
        "--attribute", metavar="NAME", help="attribute or class, such as Smiling or 7; for sentences, a word"
    )
    parser.add_argument("--with", dest="having", metavar="FILE", type=Path, help="sentences with the attribute")
    parser.add_argument("--without", metavar="FILE", type=Path, help="sentences without it")
    parser.add_argument(
        "--strength",
        type=span,
        default=(-2.0, 2.0),
        metavar="LOW..HIGH",
        help="multiples of the vector (default -2..2)",
    )
    parser.add_argument("--steps", type=positive, default=9, help="strengths from low to high (default 9)")
    parser.add_argument("-n", "--count", type=positive, help="images (default 6, or all of --input)")
    parser.add_argument("--labelled", type=positive, default=500, help="training images of each kind (default 500)")
    of_truncation(parser)


def translate(parser: argparse.ArgumentParser) -> None:
    """Translate the images given with --input, of any size, to files of the same names in the folder --output.

    By default that is the folder `translated` in the run. A single image can be written to a file: --output new.png.

    Without --input, draw test images beside their translations and, for pairs, the truth, as one picture.
    """
    of_model(parser, "pictures/translate.png, with --input the folder translated,")
    of_data(parser)
    of_files(parser)
    drawing(parser)
    parser.add_argument(
        "--direction", default="a_to_b", help="from which domain to which, such as b_to_a or a_to_c (default a_to_b)"
    )
    parser.add_argument(
        "--tile", action="store_true", help="translate large images in tiles of the size seen in training"
    )
    parser.add_argument("--side-by-side", action="store_true", help="put each image to the left of its translation")
    parser.add_argument("-n", "--count", type=positive, default=32, help="test images (default 32)")
    parser.add_argument("--columns", type=positive, default=8, help="test images in a row (default 8)")


def transfer(parser: argparse.ArgumentParser) -> None:
    """Draw test images under other conditions: encoded under their own condition, decoded under another.

    The first column shows the images. The others show each class in turn, or each attribute flipped.
    """
    of_model(parser, "pictures/transfer.png", picture)
    of_data(parser)
    drawing(parser)
    parser.add_argument("-n", "--count", type=positive, default=8, help="test images (default 8)")
