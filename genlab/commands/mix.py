"""`genlab mix`: draw images with the styles of two codes, each in some of the layers."""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from genlab import sheets
from genlab.capabilities import Styled
from genlab.commands.shared.codes import decoder_asked, drawn_codes, read_codes
from genlab.commands.shared.layers import layers_asked
from genlab.commands.shared.shown import named_condition
from genlab.commands.shared.trained import Trained
from genlab.commands.shared.truncation import set_truncation


def main(args: argparse.Namespace) -> None:
    """Draw a grid of mixed styles."""
    trained = Trained(args)
    trained.require(Styled)
    set_truncation(trained, args.truncation)
    space = decoder_asked(trained)
    layers = layers_asked(args.layers, space.model.num_layers, f"the {type(trained.model).__name__}")
    random = torch.Generator().manual_seed(args.seed)

    def styles(files: list[Path] | None, count: int | None, default: int) -> Tensor:
        drawn = not files
        w = drawn_codes(trained, space, count or default, random) if drawn else read_codes(files or [], space)[:count]
        to_each: Tensor = space.to_each_layer(w)
        return to_each

    sources = styles(args.source_codes, args.sources, 6)
    destinations = styles(args.codes, args.destinations, 3)
    sheet = sheets.mixes(space.model, sources, destinations, layers)
    trained.draw(named_condition(trained, sheet), "pictures/mix.png")
