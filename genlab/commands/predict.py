"""`genlab predict --input`: write codes and reconstructions of the user's own images to a file."""

import argparse

import numpy as np
import torch

from genlab.atomic import must_be_free, whole_file
from genlab.capabilities import Encodes, KnowsWords, can
from genlab.commands.shared.shown import shown
from genlab.commands.shared.trained import BATCH, Trained
from genlab.errors import GenlabError
from genlab.evaluation.predictions import arrays_of
from genlab.models.shared.image_model import require_predictions


def main(args: argparse.Namespace) -> None:
    """Write the model's predictions: arrays with a row per input, and an array "path" or "sentence" of the inputs."""
    if not args.input:
        raise GenlabError("--input is empty; give files, folders or patterns")
    trained = Trained(args)
    model = trained.model
    require_predictions(model)
    trained.require(Encodes)
    path = trained.written_to("predictions.npz")
    must_be_free(path, args.force)  # predictions for test images have the same file name
    pictured = shown(trained, None, 0, torch.Generator())
    with torch.no_grad():
        batches = (pictured.images[rows] for rows in pictured.rows.split(BATCH))
        arrays = arrays_of(model, [model.predict_step(batch, 0) for batch in batches])
    names = {"sentence" if can(model, KnowsWords) else "path": np.array(pictured.names)}
    with whole_file(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays, **names)  # type: ignore[arg-type]
    print(f"{path}: {', '.join(f'{name} {array.shape}' for name, array in arrays.items())}")
