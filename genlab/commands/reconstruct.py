"""`genlab reconstruct`: test images beside what the model makes of them."""

import argparse

import torch

from genlab import images
from genlab.commands.common import Trained
from genlab.models.capabilities import Conditional, Reconstructs, reconstructed


def main(args: argparse.Namespace) -> None:
    """Draw test images above their reconstructions."""
    trained = Trained(args)
    if not isinstance(trained.model, Conditional):  # which can reconstruct under conditions only
        trained.able_to(Reconstructs)  # type: ignore[type-abstract]
    path = trained.out("pictures/reconstruct.png")
    test_set = trained.data("test").test_set
    random = torch.Generator().manual_seed(args.seed)
    chosen = torch.randperm(len(test_set), generator=random)[: args.count]
    with torch.no_grad():
        model, originals = trained.able_to_with(test_set[chosen], Reconstructs)  # type: ignore[type-abstract]
        rows = reconstructed(model, originals, random)
    images.save(images.beside(*rows, columns=args.columns), path)
    print(path)
