"""Units of a code that carry information."""

import torch

from genlab.metrics import ActiveUnits


def test_units_whose_mean_varies_are_counted_over_all_batches():
    means = torch.randn(400, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 0.2, 0.05, 0, 0]) + 7
    metric = ActiveUnits(5)
    for batch in means.split(32):
        metric.update(batch)
    assert metric.compute() == (means.var(0) > 0.01).sum() == 2


def test_units_far_from_the_origin_are_counted_as_those_near_it():
    means = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.2, 0.12, 0.08, 0.0])
    near, far = ActiveUnits(4), ActiveUnits(4)
    for batch in means.split(100):
        near.update(batch)
        far.update(batch + 1000)
    assert near.compute() == far.compute() == 2


def test_units_of_several_processes_are_counted_together():
    """One unit varies only between processes."""
    parts = [torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([[1.0, 1.0]]), torch.zeros(0, 2)]
    metrics = [ActiveUnits(2) for _ in parts]
    for metric, part in zip(metrics, parts, strict=True):
        if len(part):
            metric.update(part)
        assert metric.compute() == 0
    together = ActiveUnits(2)
    for name in ("mean", "squares", "count"):  # torchmetrics stacks states without a reduction
        setattr(together, name, torch.stack([getattr(metric, name) for metric in metrics]))
    together._update_count = 1
    assert together.compute() == 1
