"""`genlab transfer`: draw images in their own style under other conditions."""

import argparse

import torch

from genlab import sheets
from genlab.capabilities import Conditional, Encodes, can, can_given
from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError


def main(args: argparse.Namespace) -> None:
    """Draw test images under other conditions."""
    trained = Trained(args)
    model = trained.model
    if not can(model, Conditional) or model.condition.image_shape or not can_given(model, Encodes):
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} has no classes or attributes to change")
    test_set = trained.images()
    chosen = torch.randperm(len(test_set), generator=torch.Generator().manual_seed(args.seed))[: args.count]
    trained.draw(sheets.transfers(model, test_set[chosen]), "pictures/transfer.png")
