"""Folders as `fit` leaves them: after two training batches, or without any training."""

import copy
import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from genlab.cli import main

SETTINGS: dict[str, Any] = {
    "seed_everything": 0,
    "trainer": {"max_epochs": 2, "enable_progress_bar": True},
    "model": {
        "class_path": "genlab.VAE",
        "init_args": {
            "code_size": 2,
            "beta": 1.0,
            "encoder": {"class_path": "genlab.networks.MLPEncoder", "init_args": {"hidden": [8, 4]}},
            "optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3}},
        },
    },
    "data": {"class_path": "genlab.Digits", "init_args": {"batch_size": 64}},
    "pictures": {"count": 4},
    "best_checkpoint": {"monitor": "val/loss", "mode": "min"},
    "last_checkpoint": {"filename": "last"},
}
STEPS = 5
"""Number of batches in an epoch."""


def trained(options: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> dict[str, Path]:
    """Return run folders of two training batches with these options, by name."""
    runs = {}
    for name, given in options.items():
        folder = tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("GENLAB_DATA_DIR", str(data_dir))
            main(["fit", *given, "--config", "overlays/smoke.yaml"])
        (runs[name],) = (folder / "runs").glob("*/0")
    torch.set_flush_denormal(False)
    return runs


def make_run(path: str, settings: dict[str, Any] | None = None, epochs: int = 2, time: float | None = None) -> Path:
    """Make a run whose loss falls from 10 to 10 / epochs, with other settings by name, such as "model.optimizer.lr"."""
    run = Path(path)
    run.mkdir(parents=True)
    config = copy.deepcopy(SETTINGS)
    for name, value in (settings or {}).items():
        *way, last = name.split(".")
        place = config
        for part in way:
            place = place[part]
            place = place.get("init_args", place)
        place[last] = value
    (run / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    rows = []
    for step in range(epochs * STEPS):
        epoch = step // STEPS
        rows.append({"step": step, "epoch": epoch, "train/loss": 10 / (1 + step / STEPS)})
        if (step + 1) % STEPS == 0:
            rows.append({"step": step, "epoch": epoch, "val/loss": 10 / (1 + epoch)})
    write_metrics(run, rows)
    if time is not None:
        for name in ("config.yaml", "metrics.csv"):
            os.utime(run / name, (time, time))
    return run


def write_metrics(run: Path, rows: list[dict[str, Any]]) -> None:
    """Write metrics.csv as training does."""
    columns = list(dict.fromkeys(["step", "epoch", *(name for row in rows for name in row)]))
    with (run / "metrics.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def out_of(arguments: Sequence[str]) -> str:
    """Return a file name of the kind that a tool writes."""
    endings = {"evaluate": "csv" if "--input" in arguments else "json", "predict": "npz", "probe": "json"}
    return f"x.{endings.get(arguments[0], 'png')}"
