"""`genlab project`: find the codes whose images look most like given ones."""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genlab import sheets
from genlab.atomic import must_be_free
from genlab.capabilities import DrawsCodes, Encodes, can_given
from genlab.commands.shared.codes import decoder_asked, drawn_codes, write_codes
from genlab.commands.shared.shown import shown
from genlab.commands.shared.trained import Trained, encoded
from genlab.errors import GenlabError
from genlab.evaluation.extractors import extractor
from genlab.latent.projection import project
from genlab.pictures.drawing import save
from genlab.tables import as_text

CANDIDATES, STARTS = 1000, 4
"""Number of candidate codes, whose spread defines which codes are usual, and of those that the search starts from."""
FEWER, ONE = 100, 1
"""The same for a search by features of a network, which may be slower than the model."""


def main(args: argparse.Namespace) -> None:
    """Find the codes of images, write them to a file, and draw the images above what their codes decode to."""
    trained = Trained(args)
    trained.require_images("`genlab predict --input FILE.txt` writes the codes of sentences")
    model: Any = trained.model.requires_grad_(False)
    decoder = decoder_asked(trained)
    path = trained.out("project.npz")
    picture = path.with_suffix(".png") if args.out else trained.out("pictures/project.png")
    if args.out:
        must_be_free(picture, args.force)
    random = torch.Generator().manual_seed(args.seed)
    count, starts = (FEWER, ONE) if args.features else (CANDIDATES, STARTS)
    candidates = usual_codes(trained, decoder, count, random)
    with torch.enable_grad():
        tried = decoder.decode(candidates[:1].clone().requires_grad_())
    if not tried.requires_grad:
        raise GenlabError(
            f"images of the {type(model).__name__} have no gradient with respect to its codes, which the search needs"
        )
    pictured = shown(trained, args.count, 4, random, seen_under_asked=False)
    batch = pictured.batch
    x = model.images(batch)
    features = [compared_by(trained, args.features, tried)] if args.features else []
    found = project(x, decoder.decode, candidates, features=features, steps=args.steps, starts=starts, progress=True)
    names = pictured.names or tuple(f"image {row}" for row in pictured.rows.tolist())
    errors = (found.images - x).square().flatten(1).mean(1).sqrt()
    write_codes(path, found.codes, decoder, path=np.array(names))
    columns = {"rms error of pixels": errors, "distance, of random codes 1": found.distances}
    print(as_text({name: {each: float(of[i]) for each, of in columns.items()} for i, name in enumerate(names)}))
    kinds = {"image": x, "projection": found.images}
    sheet = sheets.stacked(kinds, args.columns, title="Projections").of(trained.subject)
    save(sheet, picture, scale=args.scale, labels=not args.no_labels, dpi=args.dpi)
    print(path, picture, sep="\n")


def usual_codes(trained: Trained, decoder: Any, count: int, random: torch.Generator) -> Tensor:
    """Draw codes from the prior, or else encode images of the data: (count, D), or fewer if there are fewer images."""
    if can_given(trained.model, DrawsCodes):
        return drawn_codes(trained, decoder, count, random)
    trained.require(Encodes)
    images = trained.images()
    return encoded(trained, images, torch.randperm(len(images), generator=random)[:count])


def compared_by(trained: Trained, name: str, images: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the function that computes a network's features as in `genlab evaluate`, but differentiably.

    Raises:
        GenlabError: for features without a gradient, and for a network that is not available.
    """
    data: Any = trained.unread_data
    if name == "classifier":
        trained.data("test")
        data = trained.data("fit")
    network = extractor(name, data, tuple(images.shape[1:]), trained.device)  # type: ignore[arg-type]
    if network.unrounded is None:
        raise GenlabError(f"{network.name} has no gradient; give other --features, such as efficientnet")
    return network.unrounded
