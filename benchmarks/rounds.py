"""Shared code of the comparisons with a hand-written loop: rivals that train in turn, and the report of their times."""

import contextlib
import io
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from torch import Tensor, nn

from genlab.cli import main as genlab
from genlab.cli.trainer import TrainerCLI

BATCH = 128


def silence() -> contextlib.redirect_stdout[io.StringIO]:
    """Suppress printed output."""
    return contextlib.redirect_stdout(io.StringIO())


def bare_epoch(
    images: Tensor, loss: Callable[[Tensor], Tensor], optimizer: torch.optim.Optimizer, batch: int = BATCH
) -> None:
    """Train for one epoch in a hand-written loop, on uint8 images."""
    for index in torch.randperm(len(images)).split(batch)[: len(images) // batch]:
        value = loss(images[index] / 255)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()


def bare_rival(images: Tensor, model: Any, batch: int = BATCH, **adam: Any) -> Iterator[float]:
    """Train a module with a `loss` of images, and yield the seconds of each epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)
    while True:
        began = time.perf_counter()
        bare_epoch(images, model.loss, optimizer, batch)
        yield time.perf_counter() - began


class InTurn(Callback):
    """Lets each rival train for an epoch after each epoch of the trainer."""

    def __init__(self, rivals: dict[str, Iterator[float]]) -> None:
        self.rivals = rivals
        self.rounds: list[dict[str, float]] = []
        self.between: list[float] = []

    def on_validation_start(self, trainer: Trainer, model: LightningModule) -> None:
        self.ended = time.perf_counter()

    def on_train_epoch_start(self, trainer: Trainer, model: LightningModule) -> None:
        now = time.perf_counter()
        if trainer.current_epoch > 0:
            self.between.append(now - self.ended)
            genlabs = self.ended - self.began
            with silence():
                self.rounds.append({"genlab": genlabs} | {name: next(rival) for name, rival in self.rivals.items()})
        self.began = time.perf_counter()


def watched(callback: Callback, *arguments: str) -> TrainerCLI:
    """Run `genlab fit` with an additional callback."""

    class Watched(TrainerCLI):
        def instantiate_trainer(self, **kwargs: Any) -> Trainer:
            trainer = super().instantiate_trainer(**kwargs)
            trainer.callbacks.append(callback)
            return trainer

    with silence():
        return Watched(["fit", *arguments])


def speed(
    config: str, epochs: int, folder: str, rivals: dict[str, Iterator[float]], images: int, *options: str
) -> None:
    """Run `genlab fit` as users run it, rivals in turn, and print images/s and the medians of ratios within rounds.

    Args:
        config: path of the config.
        epochs: number of genlab's epochs; the rivals' turns come in between, and the first two rounds are warm-up.
        folder: folder for the run.
        rivals: iterators that train for an epoch and yield its seconds.
        images: number of images in an epoch of each.
        options: additional options of genlab.
    """
    in_turn = InTurn(rivals)
    length, place = f"--trainer.max_epochs={epochs}", f"--trainer.default_root_dir={folder}"
    watched(in_turn, f"--config={config}", length, place, *options)
    rounds = in_turn.rounds[2:]
    print(f"{len(rounds)} rounds of {images:,} images, {torch.get_num_threads()} threads")
    for name in rounds[0]:
        rate = statistics.median(images / r[name] for r in rounds)
        ratios = sorted(r[name] / r["genlab"] for r in rounds)
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        print(
            f"{name:39} {rate:8,.0f} images/s   genlab is {statistics.median(ratios):.2f} times as fast "
            f"(quartiles {low:.2f} to {high:.2f})"
        )
    between = statistics.median(in_turn.between)
    print(f"genlab between epochs (validation, checkpoints, pictures): {between:.2f} s, median")
    for rival in rivals.values():
        rival.close()  # type: ignore[attr-defined]


def bare_trained(
    seed: int,
    epochs: int,
    data: Any,
    build: Callable[[], Any],
    batch: int = BATCH,
    drawn: Callable[[Tensor], Tensor] = lambda images: images,
) -> Any:
    """Return the hand-written model of the best epoch by validation; `drawn` turns batches into what it trains on."""
    seed_everything(seed, verbose=False)
    model: nn.Module = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    best, best_weights = float("inf"), model.state_dict()
    for _ in range(epochs):
        bare_epoch(data.train_set.images, lambda x: model.loss(drawn(x)), optimizer, batch)
        loss = whole_loss(model, data.val_set.images)
        if loss < best:
            best, best_weights = loss, {k: v.clone() for k, v in model.state_dict().items()}
    model.load_state_dict(best_weights)
    return model


def bare_test_loss(seed: int, epochs: int, data: Any, build: Callable[[], Any]) -> float:
    """Return the hand-written model's loss on test images, after its best epoch by validation."""
    return whole_loss(bare_trained(seed, epochs, data, build), data.test_set.images)


def whole_loss(model: Any, images: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        loss: float = model.loss(images / 255).item()
    model.train()
    return loss


def genlab_trained(config: str, seed: int, epochs: int | None, folder: str, *options: str) -> TrainerCLI:
    """Run `genlab fit` with additional options and a number of epochs, by default the config's."""
    with silence():
        return TrainerCLI(
            [
                "fit",
                f"--config={config}",
                *([] if epochs is None else [f"--trainer.max_epochs={epochs}"]),
                f"--trainer.default_root_dir={folder}",
                f"--seed_everything={seed}",
                "--trainer.enable_progress_bar=false",
                *options,
            ]
        )


def genlab_test_metrics(config: str, seed: int, epochs: int, folder: str, *options: str) -> dict[str, float]:
    """Return the test metrics of `genlab fit` with additional options, after its best epoch by validation."""
    command_line = genlab_trained(config, seed, epochs, folder, *options)
    with silence():
        seed_everything(seed, verbose=False)
        (metrics,) = command_line.trainer.test(datamodule=command_line.datamodule, ckpt_path="best", verbose=False)
    return dict(metrics)


def evaluated(run: Path) -> dict[str, Any]:
    """Return what `genlab evaluate` measures of a run."""
    out = run / "evaluate.json"
    with silence():
        genlab(["evaluate", "--ckpt", str(run), "--out", str(out)])
    return dict(json.loads(out.read_text()))


def quality(contenders: dict[str, Callable[[int], float]], seeds: Sequence[int] = (0, 1, 2)) -> None:
    """Print the result of each contender with each seed, and the time it takes."""
    results: dict[str, list[float]] = {name: [] for name in contenders}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for seed in seeds:
        for name, contender in contenders.items():
            began = time.perf_counter()
            results[name].append(contender(seed))
            seconds[name].append(time.perf_counter() - began)
            print(f"seed {seed}: {name} {results[name][-1]:.2f}", file=sys.stderr, flush=True)
    for name, values in results.items():
        spread = f" +- {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        print(
            f"{name:18} {statistics.mean(values):.2f}{spread} "
            f"({', '.join(f'{value:.2f}' for value in values)}), {statistics.mean(seconds[name]):.0f} s a run"
        )
