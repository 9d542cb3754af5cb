"""Options of Lightning's Trainer and its callbacks, with genlab's models and data: they work, or one line says why."""

import csv
import json
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback, Trainer

import genlab
from genlab.callbacks.results import table
from genlab.cli import main

QUICK = [
    "--trainer.max_epochs=2",
    "--trainer.limit_train_batches=4",
    "--trainer.limit_val_batches=1",
    "--pictures.every_n_epochs=0",
]
VAE = ["fit", "--config", "vae_digits.yaml", *QUICK]
GAN = ["fit", "--config", "gan_digits.yaml", *QUICK]


def callback(name: str, **arguments: object) -> str:
    return "--trainer.callbacks=" + json.dumps({"class_path": name, "init_args": arguments})


def rows(run: str = "vae_digits/0") -> list[dict[str, str]]:
    with (Path("runs") / run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            [callback("EarlyStopping", monitor="val/los")],
            "EarlyStopping monitors val/los, which is not logged; did you ",
        ),
        ([callback("ModelCheckpoint", monitor="val/los")], "ModelCheckpoint monitors val/los, which is not logged"),
        (
            ["--best_checkpoint.monitor=val/los"],
            "BestCheckpoint monitors val/los, which is not logged; did you mean val",
        ),
        ([callback("EarlyStopping", monitor="train/los")], "EarlyStopping monitors train/los, which is not logged"),
        (
            ["--trainer.val_check_interval=5"],
            "val_check_interval is 5, but an epoch has only 4 batches; give at most that many",
        ),
        (["--trainer.barebones=true"], "barebones turns off metrics and checkpoints"),
        (["--last_checkpoint.filename=latest"], "last_checkpoint.filename cannot be changed"),
        (["--best_checkpoint.dirpath=elsewhere"], "best_checkpoint.dirpath cannot be changed"),
        (["--name"], "argument --name: expected one argument"),
        (["--ckpt_path"], "argument --ckpt_path: expected one argument"),
        (
            ["--trainer.devices=all"],
            "trainer.devices is all; give a number, a list such as [0, 2], -1 for all, or auto",
        ),
        (
            ["--model=StackedAutoencoder", "--model.layers=[{class_path: DenseLayer}]"],
            "model.layers: DenseLayer needs size; give that under init_args, beside class_path",
        ),
        (["--model.optimizer.lr=abc"], "lr takes a number, not abc"),
        (["--model.optimizer.lr=-1"], "the optimizer rejects its arguments: Invalid learning rate: -1.0"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(options, message, refused):
    assert message in refused(*VAE, *options)


@pytest.mark.parametrize("size", ["33,47", "(33,47)"])
def test_a_pair_is_given_as_a_list(size, refused):
    fit = ["fit", "--config", "vae_celeba.yaml", "--print_config"]
    assert "image_size takes a whole number or a list such as [28, 20], not" in refused(
        *fit, f"--data.image_size={size}"
    )


@pytest.mark.parametrize("size", ["[33,47]", "'[33, 47]'"])
def test_a_list_may_be_written_as_text(size, capsys):
    Path("size.yaml").write_text(f"data:\n  class_path: CelebA\n  init_args:\n    image_size: {size}\n")
    with pytest.raises(SystemExit):
        main(["fit", "--config", "vae_celeba.yaml", "--config", "size.yaml", "--print_config"])
    assert "image_size:\n    - 33\n    - 47\n" in capsys.readouterr().out


def test_an_unknown_metric_of_the_validation_is_found_before_training(refused):
    refused(*VAE, callback("EarlyStopping", monitor="val/los"))
    assert not Path("runs/vae_digits/0/metrics.csv").exists()


def test_an_error_ends_the_line_of_the_bar(capsys):
    with pytest.raises(SystemExit):
        main([*GAN, callback("EarlyStopping", monitor="train/los")])
    assert capsys.readouterr().out.endswith("\n")


def test_players_have_no_one_rate_to_find(refused):
    message = refused(*GAN, callback("LearningRateFinder"))
    assert "LearningRateFinder works with one optimizer, but a GAN has several" in message


def test_the_learning_rate_that_is_found_is_trained_with_from_the_first_step_on():
    search = callback("LearningRateFinder", num_training_steps=30, max_lr=1000.0)
    main([*VAE, search, "--model.schedule=Linear", "--trainer.limit_train_batches=10"])
    trained = [row for row in rows() if row["lr"]]
    assert [int(row["step"]) for row in trained] == list(range(20))
    found = float(trained[0]["lr"])
    assert found not in (2e-3, 1e-3)
    assert [float(row["lr"]) for row in trained] == pytest.approx([found * (20 - step) / 20 for step in range(20)])


@pytest.mark.parametrize("family", [VAE, GAN])
def test_a_batch_size_is_found_and_trained_with(family, capfd):
    main([*family, callback("BatchSizeFinder", max_trials=2, steps_per_trial=1)])
    assert "continue with full run using batch size" in capfd.readouterr().err
    assert int(torch.load(next(Path("runs").glob("*/0/checkpoints/last.ckpt")), weights_only=True)["global_step"]) == 8


def test_training_without_checkpoints(capsys):
    main([*VAE, "--trainer.enable_checkpointing=false"])
    assert len([row for row in rows() if row["train/loss"]]) == 8
    assert not Path("runs/vae_digits/0/checkpoints").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_the_same_batches_are_overfitted_in_each_epoch(workers):
    class Seen(Callback):
        def __init__(self):
            self.images = []

        def on_train_batch_start(self, trainer, model, batch, batch_idx):
            self.images.append(batch["image"])

    seen = Seen()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(**quiet, overfit_batches=2, max_epochs=3, callbacks=[seen])
    trainer.fit(genlab.VAE((1, 8, 8)), genlab.Digits(batch_size=8, num_workers=workers))
    assert len(seen.images) == 6
    assert all(torch.equal(seen.images[batch % 2], images) for batch, images in enumerate(seen.images))
    assert not torch.equal(seen.images[0], seen.images[1])
    assert seen.images[0].shape == (8, 1, 8, 8)


def test_overfitting_from_the_command_line():
    main([*VAE, "--trainer.overfit_batches=4", "--trainer.limit_train_batches=null"])
    assert len([row for row in rows() if row["train/loss"]]) == 8


def test_the_summary_counts_parameters_and_nothing_else(capfd):
    main(VAE)
    said = "".join(capfd.readouterr())
    assert "\n  encoder  MLPEncoder  115 K\n" in said
    assert "\n  total                231 K\n" in said
    assert not [
        hint
        for hint in ("FLOP", "Tip", "LeafSpec", "Modules in", "`weights_only`", "already configured")
        if hint in said
    ]


def test_results_of_a_test_are_a_table_of_rounded_numbers(run, capsys):
    main(["test", "--ckpt_path", str(run)])
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines() if "test/" in line]
    assert {"test/loss", "test/kl", "test/active_units"} <= {name for name, _ in lines}
    assert all(len(number.replace(".", "").lstrip("-0")) <= 4 for _, number in lines)
    main(["validate", "--ckpt_path", str(run), "--verbose=false"])
    assert "val/loss" not in capsys.readouterr().out


def test_numbers_of_a_table_are_below_each_other():
    assert table({"test/loss": 94.27312, "test/kl": 5.5}) == "  test/kl    5.500\n  test/loss  94.27"


def test_tensorboard_has_hyperparameters_with_metrics():
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    main([*VAE, "--config", "overlays/tensorboard.yaml"])
    events = EventAccumulator("runs/vae_digits/0").Reload()
    content = {tag: events.SummaryMetadata(tag).plugin_data.content for tag in ("_hparams_/experiment",)}
    assert b"val/loss" in content["_hparams_/experiment"]
    started = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert b"model.code_size" in started
    assert b"data.batch_size" in started
