"""`genlab features`: draw the weights of a network's first layer."""

import argparse

from genlab import sheets
from genlab.commands.shared.trained import Trained


def main(args: argparse.Namespace) -> None:
    """Draw the first layer's weights."""
    trained = Trained(args)
    trained.require_images("`genlab latent` maps its codes")
    trained.draw(sheets.features(trained.model, args.count, args.columns), "pictures/features.png")
