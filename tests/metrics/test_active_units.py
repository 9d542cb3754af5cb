"""Units of a code that say something."""

import torch

from genlab.metrics import ActiveUnits


def test_units_whose_mean_varies_are_counted_over_all_batches():
    means = torch.randn(400, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.2, 0.05, 0, 0]) + 7
    metric = ActiveUnits(5)
    for batch in means.split(32):
        metric.update(batch)
    assert metric.compute() == (means.var(0) > 0.01).sum() == 2
