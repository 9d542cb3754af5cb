"""The arguments of every tool command. Imports nothing heavy: help and a misspelt option are answered at once.

Each function declares the arguments of the tool that it is called after; its docstring is the help's description.
"""

import argparse
import functools
import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from genlab.atomic import picture_format
from genlab.errors import GenlabError, suggestion
from genlab.ranges import LARGEST_SEED

MOST = 1_000_000
"""Maximum number of anything that a tool is asked for: images, codes, units."""


class ToolParser(argparse.ArgumentParser):
    """A parser whose errors are GenlabErrors of one line, and suggest the nearest option."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        """Parse all arguments.

        A tool that takes --data takes --data.KEY too: these are left as they are, in `data_settings`.

        Raises:
            GenlabError: for one that is unknown or wrong.
        """
        rest: list[str] = [*(args or [])]
        settings: list[str] = []
        if "--data" in self._option_string_actions:
            rest, settings = self._split(rest)
        known, unknown = self.parse_known_args(rest, namespace)
        known.data_settings = settings
        for argument in unknown:
            name = argument.partition("=")[0]
            options = sorted(option for option in self._option_string_actions if option.startswith("--"))
            hint = suggestion(name, options) if name.startswith("-") else f"`{self.prog} --help` says what it takes"
            raise GenlabError(f"{self.prog} has no argument {name}; {hint}")
        return known

    def _split(self, args: list[str]) -> tuple[list[str], list[str]]:
        """Take out what `--data.KEY VALUE` or `--data.KEY=VALUE` says: other arguments, and the latter."""
        rest, settings = [], []
        following = iter(args)
        for argument in following:
            if not argument.startswith("--data."):
                rest.append(argument)
            elif "=" in argument:
                settings.append(argument)
            else:
                value = next(following, None)
                if value is None:
                    self.error(f"argument {argument}: expected one argument")
                settings.append(f"{argument}={value}")
        return rest, settings

    def error(self, message: str) -> NoReturn:
        """Raise what argparse says as a GenlabError."""
        raise GenlabError(f"{message}; `{self.prog} --help` explains its arguments")


LISTINGS = {
    "models": ("models", "VAE"),
    "datasets": ("data sets", "CelebA"),
    "networks": ("networks", "ConvEncoder"),
    "losses": ("losses, likelihoods and penalties", "Gaussian"),
    "schedules": ("schedules of learning rates", "Cosine"),
}
"""The commands of `genlab.commands.listings`: the things that each lists, and the name of one of them."""


def parser_of(tool: str) -> ToolParser:
    """The parser of a tool command."""
    declare: Callable[[argparse.ArgumentParser], None]
    if tool in LISTINGS:
        things, example = LISTINGS[tool]
        description = f"List the {things} that come with genlab, or explain one: its arguments, configs, an example."
        declare = functools.partial(_of_listing, command=tool, example=example)
    else:
        declare = globals()[tool]
        description = declare.__doc__ or ""
    parser = ToolParser(prog=f"genlab {tool}", description=description, allow_abbrev=False)
    declare(parser)
    return parser


def _of_listing(parser: argparse.ArgumentParser, command: str, example: str) -> None:
    parser.add_argument("name", nargs="?", help=f"the one to explain, such as {example}; without it, all are listed")
    parser.set_defaults(listing=command)


def sample(parser: argparse.ArgumentParser) -> None:
    """Draw new images from a trained model, as one picture.

    With --prior, codes are drawn from a density that is fitted to those of training images, and then decoded: so an
    autoencoder becomes generative. The density is kept beside the checkpoint, and used again with the same --seed.

    Of a conditional model, each column is one code and each row one condition: every class, or every attribute in turn
    the other way than in most images, or test images, on the left, with the truth on the right. With --condition or
    --condition-image, all samples have that one. With --per-class, images are written to folders by class.
    """
    _of_model(parser, "pictures/sample.png")
    _of_data(parser)
    _drawing(parser)
    parser.add_argument("-n", "--count", type=positive, default=64, help="how many (default 64)")
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")
    parser.add_argument("--prior", choices=("gaussian", "gmm"), help="one normal distribution of codes, or a mixture")
    parser.add_argument("--components", type=positive, default=10, help="distributions in the mixture (default 10)")
    parser.add_argument(
        "--without-average", action="store_true", help="of a GAN: by the generator itself, not by its moving average"
    )
    _of_conditions(parser)
    parser.add_argument(
        "--per-class", type=positive, metavar="N", help="write N images of each class to the folder --out"
    )


def reconstruct(parser: argparse.ArgumentParser) -> None:
    """Draw test images, chosen by --seed, or those of --input, each row above the row of their reconstructions.

    A denoising model reconstructs from corrupted images; these are drawn in between.
    """
    _of_model(parser, "pictures/reconstruct.png", picture)
    _of_data(parser)
    _of_images(parser)
    _drawing(parser)
    parser.add_argument("-n", "--count", type=positive, help="how many (default 32, or all of --input)")
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")


def latent(parser: argparse.ArgumentParser) -> None:
    """Draw the codes of images, of test images or --input: as they are when 2-D, else by PCA, t-SNE or UMAP.

    Labels colour them, or whether an image has an attribute.

    For a model with a 2-D Gaussian prior, draw its manifold too: the images of a lattice of codes, spaced evenly in
    the prior's probability (Kingma & Welling 2013, figure 4).
    """
    _of_model(parser, "pictures/latent.png", picture)
    _of_data(parser)
    _of_images(parser)
    _drawing(parser)
    parser.add_argument("--method", choices=("pca", "tsne", "umap"), help="how codes of more dimensions become a map")
    parser.add_argument("--color-by", metavar="NAME", help="an attribute, such as Smiling, or label (default: labels)")
    parser.add_argument(
        "-n", "--count", type=positive, help="images at most (default 5000, of t-SNE 2000, or all of --input)"
    )
    parser.add_argument("--side", type=positive, default=20, help="images along a side of the manifold (default 20)")


def evaluate(parser: argparse.ArgumentParser) -> None:
    """Evaluate a model on the test images of its data; printed, and written as JSON.

    One with a likelihood: log p(x), in nats, by importance sampling, and the ELBO, with one sample for each image. In
    expectation both are lower bounds; the more samples, the tighter.

    One that translates: L1, PSNR, SSIM, LPIPS and sharpness where the truth is known; otherwise, or with --fid or
    --features, FID and KID of translations. Beside them, what the untranslated images have.

    With --fid or --features, and of any other model that samples: FID, KID, precision, recall and classes of as many
    samples as test images, judged by the features of a network. Figures of different networks do not compare.

    Of an autoencoder: L1, MSE, PSNR and SSIM of reconstructions, of values in [0, 1].

    The table is rounded to standard errors, where they are known; the file has all digits.

    With --input: how strange each of these images is, the strangest first, as a table, and as CSV: its negative
    log p(x), or else its squared error, and the share of test images that are less so.
    """
    _of_model(parser, "evaluate.json, with --input outliers.csv,")
    _of_data(parser)
    _of_images(parser)
    parser.add_argument("--samples", type=positive, help="of a likelihood: codes for each image (default 5000)")
    parser.add_argument("--limit", type=positive, default=10**9, help="test images at most (default all)")
    parser.add_argument("--fid", action="store_true", help="judge samples, also of a model with a likelihood")
    parser.add_argument(
        "--features",
        metavar="NETWORK",
        help="inception, classifier (trained on the data, and kept), or the checkpoint of a model that encodes; by "
        "default a classifier of labels, else inception where it can be had, else a classifier of attributes",
    )


def predict(parser: argparse.ArgumentParser) -> None:
    """Write codes and reconstructions of the images given with --input to a file that `numpy.load` reads.

    Its arrays have a row for each image; "path" has their files.
    """
    _of_model(parser, "predictions.npz")
    parser.add_argument("--ckpt_path", dest="ckpt", help=argparse.SUPPRESS)  # as predict without --input has it
    _of_data(parser)
    _of_images(parser)


def probe(parser: argparse.ArgumentParser) -> None:
    """Measure a model's codes, beside those of PCA of the same size, and pixels; as tables, and as JSON.

    The squared error of reconstructed test images; the accuracy of a linear classifier that saw few labels; how well
    clusters of test images agree with classes; and of a model trained WithoutClass, how its error tells that class.
    """
    _of_model(parser, "probe.json")
    _of_data(parser)
    parser.add_argument(
        "--labels", type=counts, default="1,10,100,all", help="labelled images of each class (default 1,10,100,all)"
    )
    parser.add_argument("--draws", type=positive, default=5, help="times that few labels are drawn (default 5)")
    parser.add_argument("--attribute", metavar="NAME", help="the classes are images with and without it")
    parser.add_argument("--limit", type=positive, default=10_000, help="images of each split at most (default 10000)")


def features(parser: argparse.ArgumentParser) -> None:
    """Draw the first layer's weights as images: for each unit the input of given norm that excites it most (Ng 2011).

    Those with the largest norms come first; each is scaled to its own range. Of one channel, white is zero, red above
    and blue below it; of three, grey is zero.
    """
    _of_model(parser, "pictures/features.png", picture)
    _drawing(parser)
    parser.add_argument("--columns", type=positive, default=10, help="units in a row (default 10)")
    parser.add_argument("-n", "--count", type=positive, default=100, help="units at most (default 100)")


def interpolate(parser: argparse.ArgumentParser) -> None:
    """Draw the images of codes between those of test images, or of samples, chosen by --seed.

    Each row goes from one image to another, or a square lies between the images in its four corners. With --input, rows
    go from each of these images to the next.

    A conditional model decodes all under the condition of the first image, or the one given.
    """
    _of_model(parser, "pictures/interpolate.png", picture)
    _of_data(parser)
    _of_files(parser)
    _of_conditions(parser)
    _drawing(parser)
    parser.add_argument(
        "--along",
        type=_interpolation,
        choices=("lerp", "slerp", "square"),
        default="lerp",
        help="linear or spherical interpolation in each row, or a square (default lerp)",
    )
    parser.add_argument("--between", choices=["images", "samples"], default="images", help="ends (default test images)")
    parser.add_argument("--steps", type=positive, default=9, help="images in a row, both ends included (default 9)")
    parser.add_argument("-n", "--count", type=positive, help="rows (default 6, or all of --input)")


def _interpolation(name: str) -> str:
    """Translate an old name of an interpolation, with a warning."""
    now = {"line": "lerp", "arc": "slerp"}.get(name, name)
    if now != name:
        warnings.warn(
            f"--along {name} is called --along {now} now; the next release will not know the old name", stacklevel=2
        )
    return now


def traverse(parser: argparse.ArgumentParser) -> None:
    """Draw a test image, or that of --input, again and again, each row with one unit of its code changed.

    The units are those that vary most over test images, the first one on top; they go from so many standard deviations
    below their mean to as many above. The first column shows the image itself.

    A conditional model decodes under the image's own condition, or the one given.
    """
    _of_model(parser, "pictures/traverse.png", picture)
    _of_data(parser)
    _of_files(parser)
    _of_conditions(parser)
    _drawing(parser)
    parser.add_argument("--units", type=positive, default=10, help="how many units at most (default 10)")
    parser.add_argument("--steps", type=positive, default=9, help="values of each (default 9)")
    parser.add_argument("--range", type=finite, default=3.0, help="standard deviations up and down (default 3)")


def edit(parser: argparse.ArgumentParser) -> None:
    """Draw test images, or those of --input, with more and less of an attribute: codes, moved along its vector.

    The vector is the mean code of training images with the attribute less that of images without (Larsen et al. 2016),
    from few labelled images of each. The first column shows the images themselves.
    """
    _of_model(parser, "pictures/edit-ATTRIBUTE.png", picture)
    _of_data(parser)
    _of_images(parser)
    _drawing(parser)
    parser.add_argument("--attribute", required=True, metavar="NAME", help="such as Smiling")
    parser.add_argument(
        "--strength", type=span, default=(-2.0, 2.0), metavar="LOW..HIGH", help="multiples of the vector (-2..2)"
    )
    parser.add_argument("--steps", type=positive, default=9, help="strengths from low to high (default 9)")
    parser.add_argument("-n", "--count", type=positive, help="images (default 6, or all of --input)")
    parser.add_argument("--labelled", type=positive, default=500, help="training images of each kind (default 500)")


def translate(parser: argparse.ArgumentParser) -> None:
    """Translate the images given with --input, of any size, into files of the same names in the folder --output.

    By default that is the folder `translated` in the run. A single image can become a file: --output new.png.

    Without --input, draw test images beside their translations and, of pairs, the truth, as one picture.
    """
    _of_model(parser, "pictures/translate.png, with --input the folder translated,")
    _of_data(parser)
    _of_files(parser)
    _drawing(parser)
    parser.add_argument("--direction", choices=("a_to_b", "b_to_a"), default="a_to_b", help="default a_to_b")
    parser.add_argument("--tile", action="store_true", help="large images: in parts of the size seen in training")
    parser.add_argument("--side-by-side", action="store_true", help="each image on the left of its translation")
    parser.add_argument("-n", "--count", type=positive, default=32, help="of test images (default 32)")
    parser.add_argument("--columns", type=positive, default=8, help="test images in a row (default 8)")


def transfer(parser: argparse.ArgumentParser) -> None:
    """Draw what becomes of test images under other conditions: encoded under their own, decoded under another.

    The first column shows the images. The others have each class in turn, or each attribute the other way.
    """
    _of_model(parser, "pictures/transfer.png", picture)
    _of_data(parser)
    _drawing(parser)
    parser.add_argument("-n", "--count", type=positive, default=8, help="test images (default 8)")


def runs(parser: argparse.ArgumentParser) -> None:
    """List all runs: model, data, what differs between runs of the same two, epochs, state, best validation metric.

    A setting is only shown where it is not what most of these runs have. The newest runs come last.
    """
    parser.add_argument("folder", nargs="?", type=Path, default=Path("runs"), help="where they are (default runs)")
    parser.add_argument(
        "--sort",
        metavar="KEY",
        default="date",
        help="a column, or a setting such as lr; the newest, longest and best runs come last (default date)",
    )
    parser.add_argument(
        "--filter",
        nargs="+",
        metavar="KEY=TEXT",
        help="only runs of which all of this is true: columns and settings that contain the text, whatever its case, "
        "and numbers that are equal: --filter model=VAE data=MNIST lr=0.001",
    )
    parser.add_argument("--force", action="store_true", help="let --csv replace a file that already exists")
    parser.add_argument("--yes", action="store_true", help="let --delete ask nothing")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--diff", nargs=2, metavar=("A", "B"), help="the settings in which two runs differ")
    instead.add_argument(
        "--csv", nargs="?", const=Path("-"), type=Path, metavar="FILE", help="as CSV, printed or to a file"
    )
    instead.add_argument("--delete", nargs="+", metavar="RUN", help="delete runs for good, after a question")


def curves(parser: argparse.ArgumentParser) -> None:
    """Draw the curves of runs, training and validation: the loss and its parts, or the losses of all players.

    Several runs go into one picture, and are told apart by the settings in which they differ.
    """
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="folders of runs; by default the run that was trained last"
    )
    parser.add_argument(
        "--metrics", nargs="+", metavar="NAME", help="what to draw, such as kl, or val/kl for validation alone"
    )
    parser.add_argument("--log-y", action="store_true", help="draw positive metrics on a logarithmic axis")
    parser.add_argument("--x", choices=("epochs", "steps"), default="epochs", help="what goes across (default epochs)")
    parser.add_argument(
        "--out",
        "--output",
        metavar="PATH",
        type=Path,
        help="png, pdf or svg; by default pictures/curves.png in the run, of several curves-compared.png in the first",
    )
    parser.add_argument("--force", action="store_true", help="let --out replace a file that already exists")


def data(parser: argparse.ArgumentParser) -> None:
    """Prepare a data set (download what is missing, decode images) or check it (counts, shapes, a sample)."""
    parser.add_argument("action", choices=("prepare", "check"), help="what to do")
    parser.add_argument("name", help="a data set, such as mnist, celeba or facades, or a config, whose data are meant")
    parser.add_argument("--data_dir", help="folder of data sets; by default GENLAB_DATA_DIR, else ./data")
    parser.add_argument("--out", type=picture, metavar="FILE.png", help="check: draw a training batch to this file")
    parser.add_argument("--force", action="store_true", help="replace that file if it already exists")
    _drawing(parser)


def doctor(parser: argparse.ArgumentParser) -> None:
    """Print what this machine has, on one page for a bug report; nothing secret is in it."""


def configs(parser: argparse.ArgumentParser) -> None:
    """List the shipped configs, or print one."""
    parser.add_argument("name", nargs="?", help="the config to print; without it, all are listed")


def _of_model(parser: argparse.ArgumentParser, out: str, kind: Callable[[str], Path] = Path) -> None:
    """Add what all tools take that open a checkpoint and write a file, by default `out` in the run."""
    parser.add_argument("--ckpt", metavar="PATH", help="a checkpoint or a run folder; by default the newest run")
    parser.add_argument("--out", "--output", metavar="PATH", type=kind, help=f"by default {out} in the run")
    parser.add_argument("--seed", type=seed, default=0, help="of everything random (default 0)")
    parser.add_argument("--force", action="store_true", help="replace an --out that already exists")
    parser.add_argument(
        "--trust", action="store_true", help="import what the checkpoint names, also when it is of no run of your own"
    )
    parser.add_argument(
        "--device", help="where the model works: cpu, cuda, cuda:1, mps; by default the accelerator that is there"
    )


def _of_data(parser: argparse.ArgumentParser) -> None:
    """Add what all tools take that read the data which the model was trained on."""
    parser.add_argument(
        "--data",
        metavar="NAME",
        help="other data than the model's, such as MNIST; --data.KEY VALUE changes a setting, as for fit: "
        "--data.folder photos, --data.data_dir /elsewhere",
    )
    parser.add_argument(
        "--split", choices=("train", "val", "test"), help="of the data: which images are looked at (default test)"
    )


def _of_images(parser: argparse.ArgumentParser) -> None:
    """Add what all tools take that look at images, which may be the user's own."""
    _of_files(parser)
    parser.add_argument(
        "--condition",
        metavar="CONDITION",
        help="that a conditional model is to see --input under: a class, such as cat, or attributes: Smiling=1,Male=0",
    )
    parser.set_defaults(condition_image=None)


def _of_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input", nargs="+", metavar="PATH", help="images of your own: files, folders, or patterns, 'photos/*.jpg'"
    )


def _of_conditions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--condition", metavar="CONDITION", help="a class, such as cat or 7, or attributes: Smiling=1,Male=0"
    )
    parser.add_argument("--condition-image", metavar="FILE", type=Path, help="an image, for a model of pairs")


def _drawing(parser: argparse.ArgumentParser) -> None:
    """Add how a picture is drawn."""
    group = parser.add_argument_group("picture", "--out may end in .png, .jpg, .pdf, .svg, or .npz for its arrays")
    group.add_argument("--scale", type=positive, metavar="N", help="enlarge each pixel N times (default: to 64 pixels)")
    group.add_argument("--dpi", type=dots, default=100, help="dots per inch, which text grows with (default 100)")
    group.add_argument("--no-labels", action="store_true", help="leave out title and labels")


def picture(text: str) -> Path:
    """An argument that is a file to draw to, with an ending that says its format."""
    try:
        picture_format(Path(text), arrays=True)
    except GenlabError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)


def dots(text: str) -> int:
    """An argument that is a resolution in dots per inch."""
    number = int(text)
    if not 10 <= number <= 2400:
        raise argparse.ArgumentTypeError(f"{text} is not from 10 to 2400")
    return number


def positive(text: str) -> int:
    """An argument that is a positive number, of a million at most."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    if number > MOST:
        raise argparse.ArgumentTypeError(f"{text} is more than {MOST:,}")
    return number


def seed(text: str) -> int:
    """An argument that is a seed."""
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 0 to {LARGEST_SEED:,}")
    return int(text)


def finite(text: str) -> float:
    """An argument that is a number, and not an infinite one."""
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is not finite")
    return number


def span(text: str) -> tuple[float, float]:
    """An argument that is a range of numbers, such as -2..2."""
    low, _, high = text.partition("..")
    try:
        return finite(low), finite(high)
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(f"{text} is no range such as -2..2") from None


def counts(text: str) -> list[int | None]:
    """An argument that lists positive numbers, or "all"."""
    return [None if part == "all" else positive(part) for part in text.split(",")]
