"""`genlab interpolate`: go from one image to another through the space of codes."""

import argparse
from dataclasses import replace

import torch
from torch import Tensor

from genlab import sheets
from genlab.capabilities import (
    Conditional,
    Decodes,
    DrawsCodes,
    Encodes,
    KnowsWords,
    Samples,
    can,
    default_path,
    real_code_shape,
    with_real_codes,
)
from genlab.commands.shared.codes import decoder_asked, read_codes
from genlab.commands.shared.shown import condition_asked, named_condition, shown
from genlab.commands.shared.trained import Trained, encoded
from genlab.commands.shared.truncation import set_truncation
from genlab.commands.shared.typed import typed_sentences
from genlab.errors import GenlabError
from genlab.latent import lerp, slerp
from genlab.models.shared.style_space import movable

PATHS = {"lerp": lerp, "slerp": slerp}


def main(args: argparse.Namespace) -> None:
    """Draw the images of interpolated codes."""
    trained = Trained(args)
    require_able(trained)
    set_truncation(trained, args.truncation)
    with torch.no_grad():
        codes, decoder, condition = ends(trained)
    kind = getattr(trained.model, "observations", "images")
    own = f"given {kind}" if args.input or args.start else f"{trained.split} {kind}"
    of = "samples" if args.between == "samples" else "codes" if args.codes else own
    sheet: sheets.Sheet | sheets.Lines
    if args.along == "square":
        sheet = replace(sheets.interpolations_of_four(decoder, codes, args.steps), title=f"Interpolations of four {of}")
    else:
        start, end = (codes[:-1], codes[1:]) if args.input or args.codes else codes.chunk(2)
        path = PATHS[args.along] if args.along else default_path(decoder)
        sheet = sheets.interpolations(decoder, start, end, args.steps, path)
        sheet = replace(sheet, title=f"{sheet.title} between {of}")
    name = "interpolate" if args.along in (None, "lerp") else f"interpolate-{args.along}"
    trained.draw(named_condition(trained, sheet, condition), f"pictures/{name}.png")


def require_able(trained: Trained) -> None:
    """Check that the model can do what is asked, before any file is read.

    Raises:
        GenlabError: when it cannot.
    """
    args, name = trained.args, type(trained.model).__name__
    trained.require(Decodes)
    require_sentences(trained)
    with_real_codes(trained.model)
    real_code_shape(trained.model)
    if args.between == "samples":
        if args.input or args.codes:
            raise GenlabError("--between samples needs no images; leave out --input and --codes")
        trained.require(Samples)
        if can(trained.model, Conditional) and condition_asked(trained) is None:
            raise GenlabError(f"the {name} samples under a condition; give --condition or --condition-image")
    elif not args.codes:
        try:
            trained.require(Encodes)
        except GenlabError as error:
            raise GenlabError(f"{error}; give --between samples, or --codes of `genlab project`") from None
    elif args.input:
        raise GenlabError("give --input or --codes, not both")
    if args.along == "square" and args.count:
        raise GenlabError("a square has four corners; leave out -n")
    if args.input and not can(trained.model, KnowsWords):
        require_enough(args.along, len(trained.inputs), "images", "--input")


def require_sentences(trained: Trained) -> None:
    """Check that --from and --to are given together, without conflicting options, and to a model of sentences.

    Raises:
        GenlabError: if not, and for a square of sentences.
    """
    args, knows = trained.args, can(trained.model, KnowsWords)
    if args.start is None and args.end is None:
        if knows and args.along == "square":
            raise GenlabError("--along square is for images; for sentences, give lerp or slerp")
        return
    if not knows:
        name = type(trained.model).__name__
        raise GenlabError(f"--from and --to are sentences, but the {name} is a model of images; give two with --input")
    if args.start is None or args.end is None:
        raise GenlabError(f"a walk has two ends; give --{'to' if args.end is None else 'from'} too")
    if args.input or args.codes or args.count or args.between == "samples":
        raise GenlabError("--from and --to are the ends of one walk; leave out --input, --codes, --between and -n")
    if args.along == "square":
        raise GenlabError("--along square is for images; for sentences, give lerp or slerp")


def require_enough(along: str | None, count: int, things: str, option: str) -> None:
    """Raise GenlabError if an option gives more or fewer images or codes than an interpolation takes."""
    square = along == "square"
    if count != 4 if square else count < 2:
        way, few = f"--along {along}" if along else "an interpolation", "exactly 4 {}" if square else "2 {} or more"
        raise GenlabError(f"{way} takes {few.format(things)}; {option} has {count}")


def ends(trained: Trained) -> tuple[Tensor, Decodes, Tensor | None]:
    """Find the codes to interpolate between, of images or samples.

    Returns:
        The codes, (N, code_size); the decoder of all codes; and the first image's condition, (1, ...), if it is under
        that.
    """
    args = trained.args
    random = torch.Generator().manual_seed(args.seed)
    square = args.along == "square"
    drawn = 4 if square else 2 * (args.count or 6)
    count = (args.count and args.count + 1) if args.input or args.codes else drawn
    if args.codes:
        decoder = decoder_asked(trained)
        codes = read_codes(args.codes, decoder)[:count]
        require_enough(args.along, len(codes), "codes", "--codes")
        return codes, decoder, None
    if args.start is not None:
        typed = typed_sentences(trained, {"--from": args.start, "--to": args.end})
        return encoded(trained, typed, torch.arange(2)), trained.able_to(Decodes), None
    condition = condition_asked(trained)
    if args.between == "samples":
        decoder = movable(trained.able_under(condition, DrawsCodes))
        return decoder.draw_codes(drawn, generator=random), decoder, None
    chosen = shown(trained, count, drawn, random, seen_under_asked=False)
    rows, source = chosen.rows, "--input" if args.input else f"the {trained.split} split"
    require_enough(args.along, len(rows), getattr(trained.model, "observations", "images"), source)
    if not (square or args.input):
        rows = rows[: len(rows) // 2 * 2]  # a small split may have an odd number
    of_first = trained.condition_of(chosen.images[rows[:1]]) if condition is None else None
    decoder = trained.able_under(of_first if condition is None else condition, Decodes)
    if can(trained.model, Decodes):
        of_first = None  # it decodes the same under any condition
    return encoded(trained, chosen.images, rows), decoder, of_first
