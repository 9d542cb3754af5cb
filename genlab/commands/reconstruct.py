"""`genlab reconstruct`: test images beside what the model makes of them."""

import argparse

import torch

from genlab import sheets
from genlab.commands.common import Trained
from genlab.models.capabilities import Conditional, Reconstructs


def main(args: argparse.Namespace) -> None:
    """Draw test images above their reconstructions."""
    trained = Trained(args)
    if not isinstance(trained.model, Conditional):  # which can reconstruct under conditions only
        trained.able_to(Reconstructs)  # type: ignore[type-abstract]
    test_set = trained.data("test").test_set
    random = torch.Generator().manual_seed(args.seed)
    batch = test_set[torch.randperm(len(test_set), generator=random)[: args.count]]
    trained.able_to_with(batch, Reconstructs)  # type: ignore[type-abstract]
    trained.draw(sheets.reconstructions(trained.model, batch, args.columns, random), "pictures/reconstruct.png")
