"""`genlab evaluate`: the likelihood of test images."""

import json
from typing import Any

import torch
from tqdm import tqdm

from genlab.commands.common import Trained, positive, tool_parser
from genlab.errors import GenlabError
from genlab.losses import Perceptual
from genlab.models.capabilities import HasLikelihood
from genlab.outputs import whole_file

IMAGES = 100
"""That are evaluated together."""


def main(arguments: list[str]) -> None:
    """Estimate log p(x) of the test images, in nats, by importance sampling, and the ELBO, with one sample for each.

    In expectation both are lower bounds; the more samples, the tighter. Printed, and written as JSON.
    """
    parser = tool_parser("evaluate", main.__doc__, out="evaluate.json")
    parser.add_argument("--samples", type=positive, default=5000, help="codes for each image (default 5000)")
    parser.add_argument("--limit", type=positive, default=10**9, help="test images at most (default all)")
    given = parser.parse_args(arguments)
    trained = Trained(given)
    path = trained.out("evaluate.json")
    test = trained.data("test").test_set
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(given.seed))[: given.limit].sort().values
    random = torch.Generator().manual_seed(given.seed)
    elbo, log_likelihood = [], []
    for rows in tqdm(chosen.split(IMAGES), "Evaluating", unit_scale=IMAGES, unit=" images"):
        with torch.no_grad():
            model, x = trained.able_to_with(test[rows], HasLikelihood)  # type: ignore[type-abstract]
        if isinstance(model.likelihood, Perceptual):
            raise GenlabError(f"the {type(trained.model).__name__} has a perceptual distance in place of a likelihood")
        elbo.append(model.log_likelihood(x, 1, random))
        log_likelihood.append(model.log_likelihood(x, given.samples, random))
    figures = {"elbo": torch.cat(elbo), "log_likelihood": torch.cat(log_likelihood)}
    found: dict[str, Any] = {
        "model": type(trained.model).__name__,
        "checkpoint": str(trained.checkpoint),
        "likelihood": type(model.likelihood).__name__,
        "test_images": len(chosen),
        "samples": given.samples,
        "seed": given.seed,
    }
    for name, values in figures.items():
        found[name] = values.mean().item()
        if len(values) > 1:
            found[f"{name}_standard_error"] = (values.std() / len(values) ** 0.5).item()
    bits = model.likelihood.bits_per_dim(figures["log_likelihood"].mean(), x[0].numel())
    found["bits_per_dim"] = bits.item()
    with whole_file(path) as part:
        part.write_text(json.dumps(found, indent=1))
    print("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in found.items()))
    print(path)
