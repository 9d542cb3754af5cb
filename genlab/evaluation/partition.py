"""Likelihoods of Boltzmann machines: the partition function by annealed importance sampling, and log p(x)."""

from typing import Any

import torch

from genlab.boltzmann.annealing import CHAINS, DEVIATIONS, TEMPERATURES
from genlab.errors import GenlabError
from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Options, Splits

AT_ONCE = 500
"""Number of images evaluated together."""


@torch.no_grad()
def judge_partition(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Estimate log Z by annealed importance sampling, and from it log p(x) or a lower bound, both in nats.

    The interval of log Z is three standard errors of the mean importance weight on each side, as in Salakhutdinov &
    Murray 2008; that of log p(x) follows from its ends. Grey pixels of binary units are drawn once.

    Raises:
        GenlabError: for fewer than two chains, which have no standard error.
    """
    random = torch.Generator().manual_seed(options.seed)
    chains, temperatures = options.codes or CHAINS, options.temperatures or TEMPERATURES
    if chains < 2:
        raise GenlabError(f"--samples is {chains}, the number of chains; it must be at least 2")
    found = [able.unnormalized(x, random) for able, x in splits.seen_by(model, options, AT_ONCE, "Evaluating")]
    z = model.log_partition(chains, temperatures, random, progress=True)
    name = "log_likelihood_bound" if model.is_bound else "log_likelihood"
    stamp = {f"{splits.split}_images": sum(map(len, found)), "chains": chains, "temperatures": temperatures}
    (row,) = averages({name: [part - z.value for part in found]}, stamp)
    interval = {"interval": f"{DEVIATIONS} standard errors of the partition function"}
    bounds = {
        f"{name}_low": row.value - (z.high - z.value),
        f"{name}_high": row.value + (z.value - z.low),
        "log_partition": z.value,
        "log_partition_low": z.low,
        "log_partition_high": z.high,
    }
    of_partition = [Row(key, value, unit="nats", stamp={**stamp, **interval}) for key, value in bounds.items()]
    return [Row(name, row.value, row.error, "nats", stamp), *of_partition]
