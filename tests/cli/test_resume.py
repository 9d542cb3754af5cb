"""Training that is stopped and resumed ends with the weights of uninterrupted training, bit for bit."""

import csv
import functools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer, seed_everything
from torch.utils.data import DataLoader, TensorDataset

import genlab
from genlab.checkpoints import read
from genlab.cli import main, slurm
from genlab.configs import find_config
from genlab.errors import GenlabError
from tests.data.pictures import write_images
from tests.processes import ended

BATCHES = 5
"""Number of batches in an epoch."""
QUICK = [
    f"--trainer.limit_train_batches={BATCHES}",
    "--trainer.limit_val_batches=2",
    "--trainer.max_epochs=3",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--pictures.every_n_epochs=1",
    "--pictures.count=4",
]
SMALL_CELEBA = [
    "--data.image_size=16",
    "--data.batch_size=8",
    "--model.encoder.channels=8",
    "--model.decoder.channels=8",
]
TRAININGS = {
    "autoencoder": ["autoencoder_digits.yaml"],
    "denoising": ["denoising_mnist.yaml", "--data.batch_size=32"],
    "stacked": [
        "stacked_digits.yaml",
        "--config=overlays/cosine.yaml",
        "--model.fine_tuning=[{epochs: 1}]",
        "--model.classifier=[{epochs: 1}]",
    ],
    "vae": ["vae_digits.yaml", "--trainer.precision=bf16-mixed"],
    "scheduled": ["vae_digits.yaml", "--model.schedule=Cosine", "--model.schedule.warmup_steps=3"],
    "on plateaus": [
        "vae_digits.yaml",
        "--model.schedule=torch.optim.lr_scheduler.ReduceLROnPlateau",
        "--model.schedule.patience=0",
        "--model.schedule.threshold=1000",
        "--model.schedule.threshold_mode=abs",
    ],
    "validated often": ["vae_digits.yaml", "--trainer.val_check_interval=2"],
    "accumulated": ["vae_digits.yaml", "--trainer.accumulate_grad_batches=2"],
    "mirrored": ["vae_celeba.yaml", *SMALL_CELEBA],
    "cvae": ["cvae_digits.yaml"],
    "gan": ["gan_digits.yaml", "--model.critic_steps=2", "--config=overlays/cosine.yaml"],
    "accumulated gan": ["gan_digits.yaml", "--trainer.accumulate_grad_batches=2"],
    "wgan": ["gan_digits.yaml", "--model.loss=Wasserstein", "--model.penalty=GradientPenalty"],
    "cgan": ["cgan_mnist.yaml", "--data.batch_size=16"],
    "pix2pix": ["pix2pix_digits.yaml", "--model.ema_decay=0.9"],
    "cyclegan": ["cyclegan_digits.yaml", "--model.ema_decay=0.9", "--model.pool_size=6"],
}


def fit(*arguments: str) -> Path:
    """Train with `BATCHES` batches an epoch, unless a signal ends it; return the newest run."""
    main(["fit", "--config", *arguments, *QUICK])
    return max(Path("runs").glob("*/*"), key=lambda run: run.stat().st_mtime)


def accident(name: str, **arguments: object) -> str:
    """Return the option that makes one of `tests.accidents` happen."""
    return "--trainer.callbacks=" + json.dumps({"class_path": f"tests.accidents.{name}", "init_args": arguments})


def stopped(step: int, *arguments: str, by: str = "SIGTERM", code: int = 143) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fit", "--config", *arguments, *QUICK, accident("Signal", step=step, kind=by)])
    assert end.value.code == code


def died(*arguments: str) -> str:
    """Return the output of a process that did not finish its training."""
    status, said = ended(main, ["fit", "--config", *arguments, *QUICK])
    assert status != 0
    return said


def last(run: str) -> dict:
    """Return the content of a run's last checkpoint."""
    content = torch.load(next(Path("runs").glob(f"*/{run}/checkpoints/last.ckpt")), weights_only=True)
    return {key: value for key, value in content.items() if key not in ("callbacks", "loops")}  # those hold paths


def differences(one, other, where="") -> list[str]:
    """List where two checkpoints differ: weights, optimizers, schedules, averages, pools, progress, random states."""
    if isinstance(one, torch.Tensor):
        return [] if isinstance(other, torch.Tensor) and torch.equal(one, other) else [where]
    if isinstance(one, dict):
        keys = one.keys() | other.keys()
        return [d for key in keys for d in differences(one.get(key), other.get(key), f"{where}/{key}")]
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=True)
        return [d for i, (a, b) in enumerate(pairs) for d in differences(a, b, f"{where}/{i}")]
    if where.endswith("/class_path"):  # by public name or full path
        one, other = (path.rpartition(".")[2] for path in (one, other))
    return [] if one == other else [where]


@pytest.fixture(scope="module")
def whole_of(tmp_path_factory) -> Callable[..., dict]:
    """Returns the last checkpoint of uninterrupted training."""

    @functools.cache
    def train(*arguments: str) -> dict:
        before = Path.cwd()
        os.chdir(tmp_path_factory.mktemp("whole"))
        try:
            fit(*arguments)
            return last("0")
        finally:
            os.chdir(before)

    return train


WORKERS = {"pix2pix": "--data.data.num_workers=2", "cyclegan": "--data.pairs.data.num_workers=2"}


@pytest.mark.parametrize("training", TRAININGS)
def test_stopped_inside_and_at_the_end_of_epochs_with_workers_and_without(training, whole_of):
    arguments = TRAININGS[training]
    with_workers = [*arguments, WORKERS.get(training, "--data.num_workers=2")]
    if training == "mirrored":  # workers mirror images, and draw other random numbers
        with_workers = arguments
    stopped(2, *arguments)
    stopped(4, *with_workers, "--ckpt_path=last")
    stopped(5, *arguments, "--ckpt_path=last")  # the last batch of its epoch, so the epoch ends first
    stopped(7, *with_workers, "--ckpt_path=last")
    fit(*with_workers, "--ckpt_path=last")
    whole, parts = whole_of(*arguments), last("0")
    steps = 3 * (3 if training.startswith("accumulated") else BATCHES)
    assert whole["global_step"] == parts["global_step"] == steps
    assert [name for name in differences(whole, parts) if not name.endswith("/num_workers")] == []


def test_stopped_with_workers_that_mirror(whole_of):
    arguments = [*TRAININGS["mirrored"], "--data.num_workers=2"]
    stopped(2, *arguments)
    stopped(7, *arguments, "--ckpt_path=last")
    stopped(8, *arguments, "--ckpt_path=last")
    fit(*arguments, "--ckpt_path=last")
    assert differences(whole_of(*arguments), last("0")) == []


@pytest.fixture
def whole(whole_of) -> dict:
    """The last checkpoint of a GAN's uninterrupted training."""
    return whole_of("gan_digits.yaml")


def test_one_batch_an_epoch():
    few = ["gan_digits.yaml", "--data.batch_size=1000", "--trainer.max_epochs=4"]
    with pytest.raises(SystemExit):
        main(["fit", "--config", few[0], *QUICK, *few[1:], accident("Signal", step=2)])
    assert last("0")["global_step"] == 2


def test_saved_where_validation_is_due():
    often = [*TRAININGS["validated often"], "--last_checkpoint.every_n_train_steps=2"]
    fit(*often)
    died(*often, accident("Signal", step=5, kind="SIGKILL"))
    assert last("1")["global_step"] == 4
    fit(*often, "--ckpt_path=last")
    assert differences(last("0"), last("1")) == []
    assert Path("runs/vae_digits/1/metrics.csv").read_text() == Path("runs/vae_digits/0/metrics.csv").read_text()


def test_other_batches_cannot_end_an_epoch(refused):
    stopped(7, "gan_digits.yaml")
    told = refused("fit", "--config", "gan_digits.yaml", *QUICK, "--ckpt_path=last", "--data.batch_size=32")
    was = "batch_size 64, processes 1, seed 0, images 1437"
    assert f"interrupted inside an epoch, with {was}, and cannot finish it with batch_size 32" in told
    told = refused("fit", "--ckpt_path=last", "--data=MNIST")
    assert "stopped within an epoch of Digits, which MNIST cannot complete; resume with the same data" in told


def test_a_folder_that_has_grown_is_split_anew_and_that_is_said():
    photos = ["--model=VAE", "--data=ImageFolder", "--data.folder=photos", "--data.image_size=8"]
    write_images(Path("photos"), 20)
    main(["fit", *photos, *QUICK, "--trainer.max_epochs=1"])
    write_images(Path("photos"), 30)
    with pytest.warns(UserWarning, match="resumes with 24 training images, but it had 16 before; if splits are"):
        main(["fit", "--ckpt_path=last", "--trainer.max_epochs=2"])


class Shuffled(LightningDataModule):
    """Images in a plain DataLoader."""

    def train_dataloader(self):
        images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        return DataLoader(TensorDataset(images), 8, shuffle=True)


def test_a_dataloader_of_ones_own_goes_on_in_the_order_that_it_would_have_had():
    def trained(epochs: int, checkpoint: str | None = None) -> Trainer:
        seed_everything(0)
        trainer = Trainer(max_epochs=epochs, logger=False, enable_checkpointing=False, enable_progress_bar=False)
        trainer.fit(genlab.VAE((1, 8, 8), 2), Shuffled(), ckpt_path=checkpoint)
        return trainer

    trained(1).save_checkpoint("one.ckpt")
    whole, resumed = (trainer.model.state_dict() for trainer in (trained(3), trained(3, "one.ckpt")))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_killed_between_two_checkpoints(whole):
    often = ["gan_digits.yaml", "--last_checkpoint.every_n_train_steps=2"]
    died(*often, accident("Signal", step=9, kind="SIGKILL"))
    assert last("0")["global_step"] == 8
    fit(*often, "--ckpt_path=last")
    assert differences(whole, last("0")) == []
    with Path("runs/gan_digits/0/metrics.csv").open(newline="") as file:
        steps = [int(row["step"]) for row in csv.DictReader(file) if row["train/generator"]]
    assert steps == list(range(3 * BATCHES))


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (accident("KillWhileSaving", step=8), ""),
        (accident("FullDisk", step=8, largest=20_000), "last.ckpt cannot be written: File too large"),
        (accident("FullDisk", step=8, largest=100), "metrics.csv cannot be written: File too large"),
    ],
    ids=["killed while saving", "no room for a checkpoint", "no room for figures"],
)
def test_a_checkpoint_that_cannot_be_written_whole_leaves_the_one_before(what, told, whole):
    said = died("gan_digits.yaml", what)
    assert "Traceback" not in said
    assert (said.splitlines() or [""])[-1].endswith(told)
    for checkpoint in Path("runs").rglob("*.ckpt"):
        assert read(checkpoint).steps == BATCHES
    fit("gan_digits.yaml", "--ckpt_path=last")
    assert differences(whole, last("0")) == []


def test_a_step_that_fails_leaves_the_checkpoint_before(whole, refused):
    told = refused("fit", "--config", "gan_digits.yaml", *QUICK, accident("Mistake", step=8))
    assert "out of memory" in told
    assert "lower data.batch_size" in told
    assert last("0")["global_step"] == BATCHES
    fit("gan_digits.yaml", "--ckpt_path=last")
    assert differences(whole, last("0")) == []


VALIDATED_WITHIN_STEPS = ["vae_digits.yaml", "--trainer.accumulate_grad_batches=2", "--trainer.val_check_interval=3"]
"""Validation after the first of the two batches of a step."""
ERRORS = [["SIGINT", "SIGINT"], ["KeyboardInterrupt"], ["RuntimeError"], ["OSError"]]
PLACES = {
    "validation within a step": ("Failure", {"hook": "on_validation_batch_end", "step": 4}, VALIDATED_WITHIN_STEPS),
    "end of validation within a step": ("Failure", {"hook": "on_validation_end", "step": 4}, VALIDATED_WITHIN_STEPS),
    "fetching within a step": ("BadBatch", {"number": 9}, VALIDATED_WITHIN_STEPS),
    "validation": ("Failure", {"hook": "on_validation_batch_end", "step": 10}, ["gan_digits.yaml"]),
    "end of validation": ("Failure", {"hook": "on_validation_end", "step": 10}, ["gan_digits.yaml"]),
    "fetching with augmentation": ("BadBatch", {"number": 8}, TRAININGS["mirrored"]),
}


@pytest.mark.parametrize(
    ("place", "what"),
    [(place, what) for place in PLACES for what in (ERRORS if "within" in place else ERRORS[2:3])],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_an_error_between_exact_states_leaves_the_checkpoint_before(place, what, whole_of):
    kind, where, arguments = PLACES[place]
    uninterrupted = whole_of(*arguments)
    with pytest.raises(SystemExit):
        fit(*arguments, accident(kind, **where, what=what))
    assert last("0")["global_step"] == uninterrupted["global_step"] / 3
    fit(*arguments, "--ckpt_path=last")
    assert differences(uninterrupted, last("0")) == []


def test_nothing_is_saved_by_a_validation_within_a_step(whole_of):
    arguments = [*VALIDATED_WITHIN_STEPS, "--last_checkpoint.save_on_train_epoch_end=false"]
    with pytest.raises(SystemExit):
        fit(*arguments, accident("Failure", hook="on_train_batch_start", step=5, what=["RuntimeError"]))
    fit(*arguments, "--ckpt_path=last")
    assert differences(whole_of(*VALIDATED_WITHIN_STEPS), last("0")) == []


def test_a_signal_in_the_last_step_lets_training_come_to_its_end(whole):
    run = fit("gan_digits.yaml", "--pictures.every_n_epochs=9", accident("Signal", step=15))
    assert differences(whole, last("0")) == []
    assert (run / "pictures" / "sample-epoch0003.png").exists()


def test_a_signal_stops_training_that_would_stop_early_but_must_not_yet():
    stopping = {"class_path": "EarlyStopping", "init_args": {"monitor": "val/loss", "mode": "max", "patience": 1}}
    signal = {"class_path": "tests.accidents.Signal", "init_args": {"step": 12}}
    with pytest.raises(SystemExit) as end:
        fit("vae_digits.yaml", "--trainer.min_epochs=3", f"--trainer.callbacks={json.dumps([stopping, signal])}")
    assert end.value.code == 143
    assert last("0")["global_step"] == 12


def test_a_signal_in_the_check_before_training_stops_it_after_a_step(whole_of):
    with pytest.raises(SystemExit) as end:
        fit(*VALIDATED_WITHIN_STEPS, accident("Failure", hook="on_sanity_check_end", step=0, what=["SIGTERM"]))
    assert end.value.code == 143
    assert last("0")["global_step"] == 1
    fit(*VALIDATED_WITHIN_STEPS, "--ckpt_path=last")
    assert differences(whole_of(*VALIDATED_WITHIN_STEPS), last("0")) == []


def test_a_closed_terminal_stops_training(whole):
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    stopped(7, "gan_digits.yaml", by="SIGHUP", code=129)
    assert signal.signal(signal.SIGHUP, before) is signal.SIG_DFL
    fit("gan_digits.yaml", "--ckpt_path=last")
    assert differences(whole, last("0")) == []


def test_a_stacked_training_is_over_when_all_its_stages_are(refused):
    stages = [f"--model.{stage}=[]" for stage in ("pretraining", "fine_tuning", "classifier_fine_tuning")]
    stages.append("--model.classifier=[{epochs: 2}]")
    fit("stacked_digits.yaml", *stages)
    command = ["fit", "--config=stacked_digits.yaml", *QUICK, *stages, "--ckpt_path=last", "--trainer.max_epochs=9"]
    assert "last.ckpt has completed all stages, 2 epochs in total; to train with stages of other lengths" in refused(
        *command
    )


def test_a_training_that_cannot_go_on_leaves_its_checkpoint(refused, whole):
    fit("gan_digits.yaml")
    told = refused("fit", "--config=gan_digits.yaml", *QUICK, "--ckpt_path=last", "--trainer.max_epochs=1")
    assert "last.ckpt has been trained for more epochs than max_epochs, 1; raise --trainer.max_epochs" in told
    assert differences(whole, last("0")) == []


def test_max_steps_may_end_inside_an_epoch(whole):
    fit("gan_digits.yaml", "--trainer.max_steps=7")
    assert last("0")["global_step"] == 7
    fit("gan_digits.yaml", "--ckpt_path=last")
    assert differences(whole, last("0")) == []


def test_with_nothing_left_to_train_that_is_said(refused):
    fit("gan_digits.yaml")
    told = refused("fit", "--config", "gan_digits.yaml", *QUICK, "--ckpt_path=last")
    assert "nothing is left to train" in told
    assert "has trained for 3 epochs and 15 steps, and max_epochs is 3; raise it" in told
    told = refused("fit", "--config", "gan_digits.yaml", *QUICK, "--ckpt_path=last", "--trainer.max_epochs=2")
    assert "has trained for 3 epochs and 15 steps, and max_epochs is 2; raise it" in told
    told = refused("fit", "--config", "gan_digits.yaml", *QUICK, "--ckpt_path=last", "--trainer.max_steps=15")
    assert "nothing is left to train" in told


@pytest.fixture
def scontrol(monkeypatch, working_folder):
    """A stand-in for SLURM's command, which reads the state of all jobs from a variable and logs its arguments."""
    command = working_folder / "scontrol"
    command.write_text('#!/bin/sh\necho $* >> scontrol.log\necho "JobId=77 JobState=$STATE Reason=None"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{working_folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("by", ["SIGUSR1", "SIGTERM"])
def test_a_job_that_slurm_ends_is_requeued_and_goes_on(by, scontrol, whole, monkeypatch):
    monkeypatch.setenv("STATE", "RUNNING")
    job = {"JOB_ID": "77", "STEP_ID": "0", "NTASKS": "1", "PROCID": "0", "LOCALID": "0", "NODEID": "0", "JOB_NAME": "a"}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    stopped(4, "gan_digits.yaml", by=by, code=0)
    assert Path("scontrol.log").read_text().splitlines() == ["show job 77", "requeue 77"]
    monkeypatch.setenv("SLURM_STEP_ID", "1")  # another run of the same job and config
    fit("gan_digits.yaml", "--trainer.max_steps=1")
    monkeypatch.setenv("SLURM_STEP_ID", "0")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    fit("gan_digits.yaml", "--ckpt_path=runs/gan_digits/1")  # where the job started, long ago
    assert differences(whole, last("0")) == []


@pytest.mark.parametrize("state", ["CANCELLED", "COMPLETING", "PENDING"])
def test_a_job_that_was_cancelled_or_is_queued_already_is_not_requeued(state, scontrol, monkeypatch):
    monkeypatch.setenv("STATE", state)
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    slurm.requeue()
    assert Path("scontrol.log").read_text() == "show job 77\n"


def test_a_job_that_slurm_does_not_requeue_says_so(monkeypatch, working_folder):
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "70")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    monkeypatch.setenv("PATH", str(working_folder))
    with pytest.raises(GenlabError, match="job 70_3 is not requeued: scontrol cannot be run"):
        slurm.requeue()


def test_the_batch_script_runs_what_it_says(monkeypatch, working_folder):
    main(["configs", "slurm/train.sbatch"])
    script = find_config("slurm/train.sbatch").read_text()
    assert [line for line in script.splitlines() if line.startswith("# --- ")][2].startswith("# --- 3.")
    Path("train.sbatch").write_text(script.replace("vae_celeba.yaml", "vae_digits.yaml"))
    Path(".venv/bin").mkdir(parents=True)
    Path(".venv/bin/activate").touch()
    Path("srun").write_text('#!/bin/sh\nexec "$@" --trainer.accelerator=cpu --trainer.fast_dev_run=true\n')
    Path("genlab").write_text(f'#!/bin/sh\nexec {sys.executable} -m genlab "$@"\n')
    for command in ("srun", "genlab"):
        Path(command).chmod(0o755)
    nodes = {"SLURM_NNODES": "1", "SLURM_NTASKS_PER_NODE": "1", "PATH": f"{working_folder}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "train.sbatch"], env=os.environ | nodes, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "bfloat16" in done.stderr
    assert "distributed_backend=gloo" in done.stderr


def test_a_folder_that_cannot_be_written_is_one_line(refused):
    Path("runs").write_text("a file")
    told = refused("fit", "--config", "gan_digits.yaml", *QUICK)
    assert told == "genlab: the run's folder runs/gan_digits/0 cannot be created: Not a directory"
