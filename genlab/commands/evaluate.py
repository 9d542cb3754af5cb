"""`genlab evaluate`: how good a model is, in figures that can be compared."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from genlab.commands.common import Trained, positive, tool_parser
from genlab.commands.likelihood import likelihood
from genlab.commands.sample_quality import sample_quality
from genlab.commands.translation_quality import translation_quality
from genlab.errors import GenlabError
from genlab.models.capabilities import Samples, Translates
from genlab.outputs import whole_file


def main(arguments: list[str]) -> None:
    """Evaluate a model on the test images of its data; printed, and written as JSON.

    One with a likelihood: log p(x), in nats, by importance sampling, and the ELBO, with one sample for each image. In
    expectation both are lower bounds; the more samples, the tighter.

    One that translates: L1, PSNR, SSIM, LPIPS and sharpness where the truth is known; otherwise, or with --fid or
    --features, FID and KID of translations. Beside them, what the untranslated images have.

    With --fid or --features, and of any other model that samples: FID, KID, precision, recall and classes of as many
    samples as test images, judged by the features of a network. Figures of different networks do not compare.
    """
    parser = tool_parser("evaluate", main.__doc__, out="evaluate.json")
    parser.add_argument("--samples", type=positive, help="of a likelihood: codes for each image (default 5000)")
    parser.add_argument("--limit", type=positive, default=10**9, help="test images at most (default all)")
    parser.add_argument("--fid", action="store_true", help="judge samples, also of a model with a likelihood")
    parser.add_argument(
        "--features",
        metavar="NETWORK",
        help="inception, classifier (trained on the data, and kept), or the checkpoint of a model that encodes; by "
        "default a classifier of labels, else inception where it can be had, else a classifier of attributes",
    )
    given = parser.parse_args(arguments)
    trained = Trained(given)
    path = trained.out("evaluate.json")
    evaluation = evaluation_of(trained, given)
    if given.samples and evaluation is not likelihood:
        raise GenlabError("--samples is for likelihoods; as many images are made as are compared: give --limit")
    found = {
        "model": type(trained.model).__name__,
        "checkpoint": str(trained.checkpoint),
        "seed": given.seed,
        **evaluation(trained, given),
    }
    with whole_file(path) as part:
        part.write_text(json.dumps(found, indent=1))
    print("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in found.items()))
    print(path)


def evaluation_of(
    trained: Trained, given: argparse.Namespace
) -> Callable[[Trained, argparse.Namespace], dict[str, Any]]:
    """What the model is judged by."""
    model = trained.model
    if isinstance(model, Translates):
        return translation_quality
    if given.fid or given.features or (isinstance(model, Samples) and not hasattr(model, "likelihood")):
        return sample_quality
    return likelihood
