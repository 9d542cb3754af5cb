"""`genlab noise`: draw images with the same styles and different noise, and where they differ."""

import argparse

import torch

from genlab import sheets
from genlab.capabilities import Styled
from genlab.commands.shared.codes import codes_asked
from genlab.commands.shared.layers import layers_asked
from genlab.commands.shared.shown import named_condition
from genlab.commands.shared.trained import Trained
from genlab.commands.shared.truncation import set_truncation


def main(args: argparse.Namespace) -> None:
    """Draw images with different noise, and their standard deviation over many draws."""
    trained = Trained(args)
    trained.require(Styled)
    set_truncation(trained, args.truncation)
    random = torch.Generator().manual_seed(args.seed)
    asked = codes_asked(trained, args.count, 4, random)
    model = asked.decoder.model
    maps = len(model.draw_noise(1, generator=random))
    groups = layers_asked(args.layers, maps, f"the noise of the {type(trained.model).__name__}")
    layers = sorted(layer for group in groups.values() for layer in group)
    styles = asked.decoder.to_each_layer(asked.codes)
    sheet = sheets.noises(model, styles, layers, min(args.others, args.draws), args.draws, random)
    trained.draw(named_condition(trained, sheet), "pictures/noise.png")
