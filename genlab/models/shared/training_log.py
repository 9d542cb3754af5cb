"""Metrics of single batches on their way to the loggers."""

import math
from collections.abc import Iterable, Mapping

import torch
from lightning.pytorch.loggers import Logger
from torch import Tensor

from genlab.errors import NotFinite


class TrainingLog:
    """Collects the metrics of batches and hands them to loggers together, with one transfer from a GPU for all."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, Tensor], dict[str, float]]] = []

    def add(self, step: int, metrics: Mapping[str, Tensor], rates: dict[str, float]) -> None:
        """Add a batch: its step, its metrics, and the learning rates."""
        self.rows.append((step, {name: value.detach() for name, value in metrics.items()}, rates))

    def hand_over(self, loggers: Iterable[Logger], epoch: int, *, searches: bool = False) -> None:
        """Hand all rows, at least one, to loggers, each with its epoch.

        Args:
            loggers: loggers that get the rows.
            epoch: epoch that the rows are from.
            searches: whether metrics may be infinite, as in a search for the largest learning rate.

        Raises:
            NotFinite: for a metric that is not finite.
        """
        steps, rows, rates = zip(*self.rows, strict=True)
        self.rows.clear()
        values = iter(torch.stack([value for row in rows for value in row.values()]).tolist())
        for step, row, at in zip(steps, rows, rates, strict=True):
            metrics = {name: next(values) for name in row}
            for logger in loggers:
                logger.log_metrics(metrics | at | {"epoch": epoch}, step)
            for name, value in metrics.items():
                if not math.isfinite(value) and not searches:
                    raise NotFinite(name, step)
