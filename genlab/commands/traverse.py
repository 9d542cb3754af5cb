"""`genlab traverse`: the effect of single units of a code."""

import argparse
from dataclasses import replace

import torch

from genlab import sheets
from genlab.capabilities import Decodes, Encodes, flat_code_size
from genlab.commands.shared.shown import condition_asked, shown
from genlab.commands.shared.trained import Trained, encoded
from genlab.errors import GenlabError

CODES = 5000
"""Maximum number of test images whose codes give the range of a unit."""


def main(args: argparse.Namespace) -> None:
    """Draw a test image with single units of its code changed."""
    trained = Trained(args)
    trained.require(Encodes, Decodes)
    flat_code_size(trained.model)
    if len(trained.inputs) > 1:
        raise GenlabError(f"traverse takes one image, and --input has {len(trained.inputs)}; give one")
    test_set = trained.images()
    chosen = torch.randperm(len(test_set), generator=torch.Generator().manual_seed(args.seed))[:CODES]
    deviation, mean = torch.std_mean(encoded(trained, test_set, chosen), 0)
    pictured = shown(trained, 1, 1, torch.Generator().manual_seed(args.seed), seen_under_asked=False)
    code = encoded(trained, pictured.images, pictured.rows)
    units = deviation.argsort(descending=True)[: args.units]
    steps = torch.linspace(-args.range, args.range, args.steps)
    values = mean[units, None] + deviation[units, None] * steps
    _, original = trained.able_to_with(pictured.batch, Encodes)
    asked = condition_asked(trained)
    condition = trained.condition_of(pictured.batch) if asked is None else asked
    decoder = trained.able_under(condition, Decodes)
    sheet = sheets.traversals(decoder, code[0], units, values, original[0])
    spread = zip(units.tolist(), mean[units].tolist(), deviation[units].tolist(), strict=True)
    sheet = replace(
        sheet,
        row_labels=[f"unit {unit}:\n{sheets.number(m, 2)} ± {sheets.number(s, 2)}" for unit, m, s in spread],
        column_labels=["image", *(f"{sheets.number(round(step, 3), sign=True)} sd" for step in steps.tolist())],
        row_axis="unit: mean ± sd",
        column_axis="value of the unit, as its distance from the mean",
    )
    trained.draw(sheet, "pictures/traverse.png")
