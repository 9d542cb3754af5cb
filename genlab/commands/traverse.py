"""`genlab traverse`: what single units of a code do."""

import argparse

import torch

from genlab import images
from genlab.commands.common import Trained, encoded
from genlab.models.capabilities import Decodes, Encodes

CODES = 5000
"""Test images at most whose codes say how far a unit goes."""


def main(args: argparse.Namespace) -> None:
    """Draw a test image with single units of its code changed."""
    trained = Trained(args)
    encoder = trained.able_to(Encodes)  # type: ignore[type-abstract]
    decoder = trained.able_to(Decodes)  # type: ignore[type-abstract]
    path = trained.out("pictures/traverse.png")
    test_set = trained.test_images()
    chosen = torch.randperm(len(test_set), generator=torch.Generator().manual_seed(args.seed))[:CODES]
    codes = encoded(encoder, test_set, chosen)
    deviation, mean = torch.std_mean(codes, 0)
    units = deviation.argsort(descending=True)[: args.units]
    values = mean[units, None] + deviation[units, None] * torch.linspace(-args.range, args.range, args.steps)
    changed = codes[0].repeat(len(units), args.steps, 1)
    changed.scatter_(2, units[:, None, None].expand(-1, args.steps, 1), values[:, :, None])
    original = test_set[chosen[:1]]["image"]
    with torch.no_grad():
        rows = decoder.decode(changed.flatten(0, 1)).unflatten(0, (len(units), args.steps))
    picture = torch.cat([original.expand(len(units), 1, *original.shape[1:]), rows], 1)
    images.save(images.grid(picture.flatten(0, 1), args.steps + 1), path)
    print(f"units {', '.join(map(str, units.tolist()))}\n{path}")
