"""`genlab interpolate`: from one image to another through the space of codes."""

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
    Samples,
    can,
    real_code_shape,
    with_real_codes,
)
from genlab.commands.shared.shown import condition_asked, shown
from genlab.commands.shared.stepwise import show_steps
from genlab.commands.shared.trained import Trained, encoded
from genlab.errors import GenlabError
from genlab.latent import lerp, slerp

PATHS = {"lerp": lerp, "slerp": slerp}


def main(args: argparse.Namespace) -> None:
    """Draw the images of codes between others."""
    trained = Trained(args)
    require_able(trained)
    show_steps(trained)
    with torch.no_grad():
        codes, decoder = ends(trained)
    of = "samples" if args.between == "samples" else "images of one's own" if args.input else f"{trained.split} images"
    if args.along == "square":
        sheet = replace(sheets.interpolations_of_four(decoder, codes, args.steps), title=f"Interpolations of four {of}")
    else:
        start, end = (codes[:-1], codes[1:]) if args.input else codes.chunk(2)
        path = PATHS[args.along] if args.along else getattr(decoder, "code_path", lerp)
        sheet = sheets.interpolations(decoder, start, end, args.steps, path)
        sheet = replace(sheet, title=f"{sheet.title} between {of}")
    trained.draw(sheet, f"pictures/interpolate{'' if args.along in (None, 'lerp') else f'-{args.along}'}.png")


def require_able(trained: Trained) -> None:
    """Check that the model can do what is asked for, before any file is read.

    Raises:
        GenlabError: when it cannot.
    """
    args, name = trained.args, type(trained.model).__name__
    trained.require(Decodes)
    with_real_codes(trained.model)
    real_code_shape(trained.model)
    if args.between == "samples":
        if args.input:
            raise GenlabError("--between samples goes between no images; leave out --input")
        trained.require(Samples)
        if can(trained.model, Conditional) and condition_asked(trained) is None:
            raise GenlabError(f"the {name} samples under a condition; say which: --condition, or --condition-image")
    else:
        try:
            trained.require(Encodes)
        except GenlabError as error:
            raise GenlabError(f"{error}; give --between samples") from None
    square = args.along == "square"
    few = "exactly 4 images" if square else "2 images or more"
    wrong = len(trained.inputs) != 4 if square else len(trained.inputs) < 2
    if args.input and wrong:
        way = f"--along {args.along}" if args.along else "an interpolation"
        raise GenlabError(f"{way} takes {few}; --input has {len(trained.inputs)}")


def ends(trained: Trained) -> tuple[Tensor, Decodes]:
    """Codes of images, or of samples, to interpolate between, (N, code_size), and the decoder of all codes."""
    args = trained.args
    random = torch.Generator().manual_seed(args.seed)
    drawn = 4 if args.along == "square" else 2 * (args.count or 6)
    condition = condition_asked(trained)
    if args.between == "samples":
        decoder = trained.able_under(condition, Decodes)
        return trained.able_under(condition, DrawsCodes).draw_codes(drawn, generator=random), decoder
    count = (args.count and args.count + 1) if args.input else drawn
    chosen = shown(trained, count, drawn, random, seen_under_asked=False)
    if condition is None:
        condition = trained.condition_of(chosen.images[chosen.rows[:1]])
    decoder = trained.able_under(condition, Decodes)
    return encoded(trained, chosen.images, chosen.rows), decoder
