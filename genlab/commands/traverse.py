"""`genlab traverse`: draw the effect of single units of a code, or of principal directions of styles."""

import argparse
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from genlab import sheets
from genlab.capabilities import Decodes, Encodes, can_given, flat_code_size
from genlab.commands.shared.codes import codes_asked, drawn_codes, require_no_input
from genlab.commands.shared.shown import condition_asked, named_condition, shown
from genlab.commands.shared.trained import Trained, encoded
from genlab.commands.shared.truncation import set_truncation
from genlab.errors import GenlabError
from genlab.latent import principal
from genlab.models.shared.style_space import StyleSpace
from genlab.pictures.drawing import Sheet

CODES = 5000
"""Maximum number of codes, of test images or from the prior, that determine how far a unit or a direction goes."""


def main(args: argparse.Namespace) -> None:
    """Draw an image with its code changed, in single units or along principal directions."""
    trained = Trained(args)
    trained.require_images("`genlab interpolate` and `genlab edit` print what codes decode to")
    trained.require(Decodes)
    flat_code_size(trained.model)
    require_no_input(trained)
    set_truncation(trained, args.truncation)
    if len(trained.inputs) > 1:
        raise GenlabError(f"traverse takes one image, and --input has {len(trained.inputs)}; give one")
    random = torch.Generator().manual_seed(args.seed)
    usual = encoded_codes(trained) if can_given(trained.model, Encodes) else None
    if args.codes or usual is None:
        code, (decoder, *_), image = codes_asked(trained, 1, 1, random).each
    else:
        code, decoder, image = encoded_image(trained)
    if usual is None:
        usual = drawn_codes(trained, decoder, CODES, random)
    steps = torch.linspace(-args.range, args.range, args.steps)
    change = along_directions if isinstance(decoder, StyleSpace) else in_units
    sheet = change(decoder, code[0], usual, steps, args.units, image[0])
    labels = ["image", *(f"{sheets.number(round(step, 3), sign=True)} sd" for step in steps.tolist())]
    trained.draw(named_condition(trained, replace(sheet, column_labels=labels)), "pictures/traverse.png")


def encoded_image(trained: Trained) -> tuple[Tensor, Any, Tensor]:
    """Encode the image of --input, or one of the data; return its code (1, code_size), its decoder, and the image."""
    pictured = shown(trained, 1, 1, torch.Generator().manual_seed(trained.args.seed), seen_under_asked=False)
    code = encoded(trained, pictured.images, pictured.rows)
    _, original = trained.able_to_with(pictured.batch, Encodes)
    asked = condition_asked(trained)
    condition = trained.condition_of(pictured.batch) if asked is None else asked
    return code, trained.able_under(condition, Decodes), original


def encoded_codes(trained: Trained) -> Tensor:
    """Encode at most CODES of the data's images: (N, code_size)."""
    images = trained.images()
    chosen = torch.randperm(len(images), generator=torch.Generator().manual_seed(trained.args.seed))[:CODES]
    return encoded(trained, images, chosen)


def in_units(decoder: Any, code: Tensor, usual: Tensor, steps: Tensor, count: int, image: Tensor) -> Sheet:
    """Change the `count` units that vary most among usual codes (N, code_size), by standard deviations (steps,)."""
    deviation, mean = torch.std_mean(usual, 0)
    units = deviation.argsort(descending=True)[:count]
    values = mean[units, None] + deviation[units, None] * steps
    spread = zip(units.tolist(), mean[units].tolist(), deviation[units].tolist(), strict=True)
    return replace(
        sheets.traversals(decoder, code, units, values, image),
        row_labels=[f"unit {unit}:\n{sheets.number(m, 2)} ± {sheets.number(s, 2)}" for unit, m, s in spread],
        row_axis="unit: mean ± sd",
        column_axis="value of the unit, as its distance from the mean",
    )


def along_directions(decoder: Any, code: Tensor, usual: Tensor, steps: Tensor, count: int, image: Tensor) -> Sheet:
    """Move a code in principal directions of usual codes, by standard deviations (GANSpace, Härkönen et al. 2020)."""
    directions, deviations = principal(usual)
    share = deviations.square() / deviations.square().sum()
    return replace(
        sheets.moves(decoder, code, directions[:count] * deviations[:count, None], steps, image),
        title="Traversals of principal directions of styles",
        row_labels=[f"direction {i}:\n{100 * part:.0f} %" for i, part in enumerate(share[:count].tolist())],
        row_axis="direction: share of the variance",
        column_axis="distance from the image",
    )
