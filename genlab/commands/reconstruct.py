"""`genlab reconstruct`: draw test images, or the user's own, above their reconstructions."""

import argparse

import torch

from genlab import sheets
from genlab.capabilities import Reconstructs
from genlab.commands.shared.shown import named_condition, shown
from genlab.commands.shared.trained import Trained


def main(args: argparse.Namespace) -> None:
    """Draw images above their reconstructions."""
    trained = Trained(args)
    trained.require(Reconstructs)
    random = torch.Generator().manual_seed(args.seed)
    batch = shown(trained, args.count, 32, random).batch
    sheet = sheets.reconstructions(trained.model, batch, args.columns, random)
    trained.draw(named_condition(trained, sheet), "pictures/reconstruct.png")
