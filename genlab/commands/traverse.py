"""`genlab traverse`: what single units of a code do."""

import argparse

import torch

from genlab import images
from genlab.commands.common import Trained, batched, encoded
from genlab.commands.shown import condition_asked, shown
from genlab.errors import GenlabError
from genlab.models.capabilities import Decodes, Encodes

CODES = 5000
"""Test images at most whose codes say how far a unit goes."""


def main(args: argparse.Namespace) -> None:
    """Draw a test image with single units of its code changed."""
    trained = Trained(args)
    trained.require(Encodes, Decodes)
    if len(trained.inputs) > 1:
        raise GenlabError(f"one image is traversed, --input has {len(trained.inputs)}; give one")
    path = trained.out("pictures/traverse.png")
    test_set = trained.images()
    chosen = torch.randperm(len(test_set), generator=torch.Generator().manual_seed(args.seed))[:CODES]
    deviation, mean = torch.std_mean(encoded(trained, test_set, chosen), 0)
    pictured = shown(trained, 1, 1, torch.Generator().manual_seed(args.seed), seen_under_asked=False)
    code = encoded(trained, pictured.images, pictured.rows)
    units = deviation.argsort(descending=True)[: args.units]
    values = mean[units, None] + deviation[units, None] * torch.linspace(-args.range, args.range, args.steps)
    changed = code[0].repeat(len(units), args.steps, 1)
    changed.scatter_(2, units[:, None, None].expand(-1, args.steps, 1), values[:, :, None])
    _, original = trained.able_to_with(pictured.batch, Encodes)  # type: ignore[type-abstract]
    asked = condition_asked(trained)
    condition = trained.condition_of(pictured.batch) if asked is None else asked
    with torch.no_grad():
        decoder = trained.able_under(condition, Decodes)  # type: ignore[type-abstract]
        rows = batched(decoder.decode, changed.flatten(0, 1)).unflatten(0, (len(units), args.steps))
    picture = torch.cat([original.expand(len(units), 1, *original.shape[1:]), rows], 1)
    images.save(images.grid(picture.flatten(0, 1), args.steps + 1), path)
    print(f"units {', '.join(map(str, units.tolist()))}\n{path}")
