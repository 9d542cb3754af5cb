"""W&B and TensorBoard get what `metrics.csv` and `pictures/` have, and training depends on neither."""

import csv
import json
import struct
from pathlib import Path

import pytest
import torch
import wandb
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto import wandb_internal_pb2

from genlab.cli import main
from genlab.loggers import safe_wandb

RUN = Path("runs/vae_digits/0")
QUICK = [
    "fit",
    "--config=vae_digits.yaml",
    "--trainer.max_epochs=2",
    "--trainer.limit_train_batches=5",
    "--trainer.enable_progress_bar=false",
    "--pictures.every_n_epochs=1",
    "--pictures.count=8",
]
OVERLAYS = ["--config=overlays/wandb.yaml", "--config=overlays/tensorboard.yaml"]


@pytest.fixture(autouse=True)
def nobodys_account(working_folder, monkeypatch):
    """Use no account, and keep W&B's files in the test's folder."""
    for name in ("WANDB_API_KEY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(working_folder))
    monkeypatch.setenv("WANDB_SILENT", "true")


def figures_in_csv() -> dict[tuple[int, str], float]:
    """Return the metrics of `metrics.csv`, by step and name."""
    with (RUN / "metrics.csv").open(newline="") as file:
        return {
            (int(row["step"]), name): float(value)
            for row in csv.DictReader(file)
            for name, value in row.items()
            if name != "step" and value
        }


def wandb_records(run: Path):
    """Yield W&B's records of a run, from LevelDB's log format: blocks of 32 KiB with fragments of records."""
    (path,) = run.glob("wandb/*run-*/*.wandb")
    log, at, content = path.read_bytes(), 7, b""
    assert log.startswith(b":W&B")
    while at + 7 <= len(log):
        if 2**15 - at % 2**15 < 7:  # too short for a fragment's header
            at += 2**15 - at % 2**15
        length, kind = struct.unpack_from("<HB", log, at + 4)
        content += log[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last fragment
            yield wandb_internal_pb2.Record.FromString(content)
            content = b""


def test_both_at_once_have_the_figures_the_pictures_and_the_config(capsys):
    main([*QUICK, *OVERLAYS])
    assert "wandb: WARNING" not in capsys.readouterr().err
    wandb.finish()
    wandb.teardown()  # it waits until everything is written
    figures = figures_in_csv()
    assert len({step for step, _ in figures}) == 10

    history, config = {}, {}
    for record in wandb_records(RUN):
        if record.HasField("run"):
            assert record.run.display_name == "vae_digits-0"
            assert record.run.project == "genlab"
        for item in record.config.update:
            config[item.key] = json.loads(item.value_json)
        row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for name, value in row.items():
            history[row["trainer/global_step"], name] = value
    assert {key: history[key] for key in figures} == pytest.approx(figures)
    assert history[10, "sample/captions"] == ["sample, epoch 2"]
    assert len(list(RUN.glob("wandb/offline-run-*/files/media/images/*.png"))) == 4
    stated = yaml.safe_load((RUN / "config.yaml").read_text())
    assert config["model"] == stated["model"]
    assert config["data"]["class_path"] == "genlab.Digits"
    assert "code_size" not in config

    events = EventAccumulator(str(RUN)).Reload()
    tags = events.Tags()
    scalars = {(event.step, name): event.value for name in tags["scalars"] for event in events.Scalars(name)}
    assert {key: scalars[key] for key in figures} == pytest.approx(figures)
    assert sorted(tags["images"]) == ["reconstruct", "sample"]
    assert tags["tensors"] == ["config/text_summary"]


@pytest.mark.parametrize("logger", ["true", "false", "lightning.pytorch.loggers.logger.DummyLogger"])
def test_any_logger_or_none_will_do(logger):
    main([*QUICK, "--trainer.logger", logger])
    assert len(figures_in_csv()) > 20


def test_lightnings_own_wandb_logger_without_an_account_is_one_line(refused):
    assert "W&B: No API key configured." in refused(*QUICK, "--trainer.logger=WandbLogger")


def test_the_config_of_a_run_with_trackers_is_of_use_to_another():
    main([*QUICK, *OVERLAYS])
    wandb.finish()
    main(["fit", f"--config={RUN}/config.yaml"])
    assert len(list(Path("runs/vae_digits/1").glob("wandb/offline-run-*"))) == 1
    assert len(list(RUN.glob("wandb/offline-run-*"))) == 1


def test_training_that_goes_on_is_the_same_run_to_wandb():
    main([*QUICK, *OVERLAYS])
    wandb.finish()
    main([*QUICK, *OVERLAYS, "--ckpt_path=last", "--trainer.max_epochs=3"])
    wandb.finish()
    first, second = sorted(RUN.glob("wandb/offline-run-*"))
    assert first.name.rpartition("-")[2] == second.name.rpartition("-")[2]


def test_a_service_that_cannot_be_reached_is_told_and_training_is_the_same(monkeypatch):
    main(QUICK)
    monkeypatch.setenv("WANDB_API_KEY", 40 * "a")
    monkeypatch.setenv("WANDB_BASE_URL", "http://localhost:9")
    monkeypatch.setattr(safe_wandb, "PATIENCE", {"init_timeout": 1})
    with pytest.warns(UserWarning, match="W&B stays offline: .* `wandb sync"):
        main([*QUICK, OVERLAYS[0]])
    one, two = (torch.load(f"runs/vae_digits/{n}/checkpoints/last.ckpt", weights_only=True) for n in (0, 1))
    assert all(torch.equal(one["state_dict"][name], two["state_dict"][name]) for name in one["state_dict"])
    assert len(list(Path("runs/vae_digits/1").glob("wandb/offline-run-*"))) == 1
