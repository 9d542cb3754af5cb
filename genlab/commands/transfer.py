"""`genlab transfer`: an image's style under other conditions."""

import argparse

import torch

from genlab import images
from genlab.commands.common import Trained
from genlab.errors import GenlabError
from genlab.models.cvae import CVAE


def main(args: argparse.Namespace) -> None:
    """Draw test images under other conditions."""
    trained = Trained(args)
    model = trained.model
    if not isinstance(model, CVAE) or model.source_shape:
        raise GenlabError(f"the {type(model).__name__} in {trained.checkpoint} has no classes or attributes to change")
    path = trained.out("pictures/transfer.png")
    test_set = trained.images()
    chosen = torch.randperm(len(test_set), generator=torch.Generator().manual_seed(args.seed))[: args.count]
    batch = test_set[chosen]
    originals, own = model.images(batch), model.condition(batch)
    if model.num_classes:
        others = torch.arange(model.num_classes).expand(len(own), -1)
    else:
        others = (own[:, None] - torch.eye(len(model.attribute_names))).abs()
        print(f"columns: the image, and the other way {', '.join(model.attribute_names)}")
    with torch.no_grad():
        codes = model.given(own).encode(originals)
        changed = torch.stack([model.given(condition).decode(codes) for condition in others.unbind(1)], 1)
    rows = torch.cat([originals[:, None], changed], 1)
    images.save(images.grid(rows.flatten(0, 1), rows.shape[1]), path)
    print(path)
