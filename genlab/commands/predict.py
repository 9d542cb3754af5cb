"""`genlab predict --input`: codes and reconstructions of images of one's own, to a file."""

import argparse
from collections import defaultdict

import numpy as np
import torch
from torch import Tensor

from genlab.atomic import must_be_free, whole_file
from genlab.capabilities import Encodes
from genlab.commands.shared.shown import shown
from genlab.commands.shared.stepwise import show_steps
from genlab.commands.shared.trained import BATCH, Trained
from genlab.errors import GenlabError
from genlab.models.image_model import require_predictions


def main(args: argparse.Namespace) -> None:
    """Write the model's predictions for images: arrays with a row per image, and "path" with the files."""
    if not args.input:
        raise GenlabError("--input is empty; give files, folders or patterns")
    trained = Trained(args)
    model = trained.model
    require_predictions(model)
    trained.require(Encodes)
    show_steps(trained)
    path = trained.out("predictions.npz")
    must_be_free(path, args.force)  # those of test images have the same name
    pictured = shown(trained, None, 0, torch.Generator())
    found: dict[str, list[Tensor]] = defaultdict(list)
    with torch.no_grad():
        for rows in pictured.rows.split(BATCH):
            for name, values in model.predict_step(pictured.images[rows], 0).items():
                found[name].append(values.float())
    arrays = {name: torch.cat(parts).numpy() for name, parts in found.items()}
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays, path=np.array(pictured.names))  # type: ignore[arg-type]
    print(f"{path}: {', '.join(f'{name} {array.shape}' for name, array in arrays.items())}")
