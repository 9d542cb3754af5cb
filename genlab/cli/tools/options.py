"""Options that several tools share, and the types of their values."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from genlab.atomic import picture_format
from genlab.errors import GenlabError
from genlab.ranges import LARGEST_SEED

MOST = 1_000_000
"""Maximum number of anything that a tool can be asked for: images, codes, units."""

LARGEST_PORT = 65535


def of_model(parser: argparse.ArgumentParser, out: str, kind: Callable[[str], Path] = Path) -> None:
    """Add the options of all tools that open a checkpoint and write a file, by default `out` in the run."""
    of_checkpoint(parser)
    parser.add_argument("--out", "--output", metavar="PATH", type=kind, help=f"by default {out} in the run")
    parser.add_argument("--force", action="store_true", help="replace an --out that already exists")


def of_checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add the options of all tools that open a checkpoint."""
    parser.add_argument("--ckpt", metavar="PATH", help="a checkpoint or a run folder; by default the newest run")
    parser.add_argument("--seed", type=seed, default=0, help="random seed (default 0)")
    parser.add_argument(
        "--trust",
        action="store_true",
        help="import the classes that the checkpoint names, even if it is not from a run of yours",
    )
    parser.add_argument(
        "--device", help="where the model runs: cpu, cuda, cuda:1, mps; by default an accelerator if available"
    )


def of_data(parser: argparse.ArgumentParser) -> None:
    """Add the options of all tools that read the data which the model was trained on."""
    parser.add_argument(
        "--data",
        metavar="NAME",
        help="data other than the model's, such as MNIST; --data.KEY VALUE changes a setting, as for fit: "
        "--data.folder photos, --data.data_dir /elsewhere",
    )
    parser.add_argument("--split", choices=("train", "val", "test"), help="split of the data to use (default test)")


def of_images(parser: argparse.ArgumentParser) -> None:
    """Add the options of all tools that read images, which may be the user's own."""
    of_files(parser)
    parser.add_argument(
        "--condition",
        metavar="CONDITION",
        help="condition of --input, for a conditional model: a class, such as cat, or attributes: Smiling=1,Male=0",
    )
    parser.set_defaults(condition_image=None)


def of_files(parser: argparse.ArgumentParser) -> None:
    """Add the option for the user's own files."""
    parser.add_argument(
        "--input",
        nargs="+",
        metavar="PATH",
        help="images of your own: files, folders, or patterns, 'photos/*.jpg'; for sentences, text files, one per line",
    )


def codes(text: str) -> Path:
    """Parse an argument that is a file of codes."""
    if not text.lower().endswith(".npz"):
        raise argparse.ArgumentTypeError(f"{text} is not a file of codes, whose name ends in .npz")
    return Path(text)


def of_codes(parser: argparse.ArgumentParser) -> None:
    """Add the option for codes."""
    parser.add_argument(
        "--codes",
        nargs="+",
        metavar="FILE",
        type=codes,
        help="codes in place of images: files written by `genlab project`",
    )


def of_conditions(parser: argparse.ArgumentParser) -> None:
    """Add the options for a condition of new images."""
    parser.add_argument(
        "--condition", metavar="CONDITION", help="a class, such as cat or 7, or attributes: Smiling=1,Male=0"
    )
    parser.add_argument(
        "--condition-image", metavar="FILE", type=Path, help="an image as the condition, for a model of pairs"
    )


def of_truncation(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Add the option for how far styles are moved towards their mean; with `several`, for several values in turn."""
    parser.add_argument(
        "--truncation",
        type=share,
        nargs="+" if several else None,
        metavar="PSI",
        help="for a StyleGAN: 1 leaves styles as they are, less moves them towards their mean, 0 onto it (default 1)"
        + ("; several values make a table" if several else ""),
    )


SAMPLERS = ("ancestral", "ddim", "dpm", "euler", "heun")
"""Names of `genlab.diffusion.SAMPLERS`, which would take seconds to import."""


def of_sampling(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Add the options for sampling in steps; with `several`, for several samplers, steps and guidances in turn."""
    group = parser.add_argument_group("sampling in steps, for diffusion models and Boltzmann machines")
    count = {"nargs": "+"} if several else {}
    each = "; several values make a table" if several else ""
    group.add_argument("--sampler", choices=SAMPLERS, **count, help=f"by default dpm, DPM-Solver++(2M){each}")  # type: ignore[arg-type]
    group.add_argument("--steps", type=positive, **count, metavar="N", help=f"default 30; for Gibbs chains 1000{each}")  # type: ignore[arg-type]
    follows = f"0 ignores the condition, 1 follows it, more exaggerates it (default 1){each}"
    group.add_argument("--guidance", type=finite, **count, metavar="SCALE", help=follows)  # type: ignore[arg-type]
    group.add_argument(
        "--thinning", type=positive, metavar="N", help="Gibbs steps between the images of a single chain"
    )
    group.add_argument(
        "--eta", type=share, help="for ddim and dpm: share of new noise in each step, 0 to 1 (default 0)"
    )


def of_decoding(parser: argparse.ArgumentParser) -> None:
    """Add the options for how a model of sentences decodes them."""
    group = parser.add_argument_group("for models of sentences")
    kinds = "the most probable word each time, words drawn at random, or beam search (default the model's own)"
    group.add_argument("--decoding", choices=("greedy", "sample", "beam"), help=kinds)
    group.add_argument("--temperature", type=finite, help="for sample: below 1, probable words are drawn more often")
    group.add_argument(
        "--top_p",
        type=finite,
        metavar="P",
        help="for sample: draw only from the most probable words, of this total probability",
    )
    group.add_argument(
        "--beam", type=positive, metavar="N", help="for beam: partial sentences that are kept (default 5)"
    )
    group.add_argument("--unknown", action="store_true", help="allow unknown words, <unk>, in sentences")


def drawing(parser: argparse.ArgumentParser) -> None:
    """Add the options for how a picture is drawn."""
    group = parser.add_argument_group(
        "picture", "--out may end in .png, .jpg, .pdf, .svg, .npz for its arrays, or .txt for sentences"
    )
    group.add_argument("--scale", type=positive, metavar="N", help="enlarge each pixel N times (default: to 64 pixels)")
    group.add_argument("--dpi", type=dots, default=100, help="dots per inch; text grows with it (default 100)")
    group.add_argument("--no-labels", action="store_true", help="leave out the title and labels")


def picture(text: str) -> Path:
    """Parse an argument that is a file to draw to, with a suffix for its format."""
    try:
        picture_format(Path(text), arrays=True, text=True)
    except GenlabError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return Path(text)


def dots(text: str) -> int:
    """Parse an argument that is a resolution in dots per inch."""
    number = int(text)
    if not 10 <= number <= 2400:
        raise argparse.ArgumentTypeError(f"{text} is not from 10 to 2400")
    return number


def positive(text: str) -> int:
    """Parse an argument that is a positive number of at most a million."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    if number > MOST:
        raise argparse.ArgumentTypeError(f"{text} is more than {MOST:,}")
    return number


def port(text: str) -> int:
    """Parse an argument that is a port, 0 for a free one."""
    if not text.isdecimal() or int(text) > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 0 to {LARGEST_PORT}")
    return int(text)


def seed(text: str) -> int:
    """Parse an argument that is a seed."""
    if not text.isdecimal() or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {LARGEST_SEED:,}")
    return int(text)


def finite(text: str) -> float:
    """Parse an argument that is a finite number."""
    number = float(text)
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is not finite")
    return number


def share(text: str) -> float:
    """Parse an argument that is a number from 0 to 1."""
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 1")
    return number


def span(text: str) -> tuple[float, float]:
    """Parse an argument that is a range of numbers, such as -2..2."""
    low, _, high = text.partition("..")
    try:
        return finite(low), finite(high)
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(f"{text} is not a range such as -2..2") from None


def counts(text: str) -> list[int | None]:
    """Parse an argument that lists positive numbers or "all"."""
    return [None if part == "all" else positive(part) for part in text.split(",")]
