"""`genlab interpolate`: from one image to another through the space of codes."""

import argparse

import torch
from torch import Tensor

from genlab import images
from genlab.commands.common import Trained
from genlab.errors import GenlabError
from genlab.latent import arc, line, square
from genlab.models.capabilities import Decodes, Encodes, Samples

PATHS = {"line": line, "arc": arc}


def main(args: argparse.Namespace) -> None:
    """Draw the images of codes between others."""
    trained = Trained(args)
    decoder = trained.able_to(Decodes)  # type: ignore[type-abstract]
    path = trained.out("pictures/interpolate.png")
    with torch.no_grad():
        codes = ends(trained, args.between, 4 if args.along == "square" else 2 * args.count)
        if args.along == "square":
            way = square(codes, args.steps)
        else:
            start, end = codes.chunk(2)
            way = PATHS[args.along](start, end, args.steps).flatten(0, 1)
        images.save(images.grid(decoder.decode(way), args.steps), path)
    print(path)


def ends(trained: Trained, kind: str, count: int) -> Tensor:
    """Codes of test images, or of samples, to go between: (count, code_size)."""
    random = torch.Generator().manual_seed(trained.args.seed)
    if kind == "samples":
        trained.able_to(Samples)  # type: ignore[type-abstract]
        return torch.randn(count, trained.able_to(Decodes).code_size, generator=random)  # type: ignore[type-abstract]
    if isinstance(trained.model, Samples) and not isinstance(trained.model, Encodes):
        raise GenlabError(f"the {type(trained.model).__name__} cannot encode images; give --between samples")
    encoder = trained.able_to(Encodes)  # type: ignore[type-abstract]
    test_set = trained.test_images()
    return encoder.encode(test_set[torch.randperm(len(test_set), generator=random)[:count]]["image"])
