"""`genlab fit | validate | test | predict`, from the config to the run's folder."""

import csv
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import genlab
from genlab import runs
from genlab.cli import main
from genlab.configs import shipped_configs
from genlab.data.base import BatchDataModule
from genlab.losses import Bernoulli, Gaussian
from genlab.models import ImageModel, SentenceModel
from genlab.models.shared.autoregressive import PixelModel
from tests.processes import running

TRAINABLE = [name for name in shipped_configs() if "/" not in name]
TOOLS = {
    genlab.GAN: ("sample", "test/diversity"),
    genlab.VAEGAN: ("reconstruct", "test/l1"),
    genlab.DeepFake: ("translate", "test/l1_a"),
    genlab.GaussianRegressor: ("translate", "test/l1"),
    genlab.Pix2Pix: ("translate", "test/l1"),
    genlab.RBM: ("sample", "test/reconstruction"),
    genlab.DBN: ("sample", "/reconstruction"),
    genlab.LabelledDBN: ("sample", "/reconstruction"),
    genlab.CycleGAN: ("translate", "test/cycle"),
    PixelModel: ("sample", "test/bits_per_dim"),
    ImageModel: ("reconstruct", "test/loss"),
    genlab.SentenceLM: ("sample", "test/perplexity"),
    SentenceModel: ("reconstruct", "test/perplexity"),
}
ALL_LAYERS = ["--model.pretraining=[{epochs: 1, lr: 0.01}]", "--trainer.max_epochs=-1"]
OPTIONS = {
    "vae_folder.yaml": ["--data.folder=pets"],
    "gan_folder.yaml": ["--data.folder=pets"],
    "stylegan_celeba64.yaml": ["--data.image_size=16"],
    "pix2pix_facades.yaml": ["--data.image_size=64", "--model.generator.channels=16"],
    "cyclegan_facades.yaml": ["--data.pairs.image_size=64", "--model.generator.channels=16"],
    "dbn_digits.yaml": [*ALL_LAYERS, "--model.up_down=[]"],
    "narrow_dbn_mnist.yaml": ALL_LAYERS,
}
"""Options for what a config leaves to the user, what would take minutes, and stages that others need."""
FIRST = {
    "latent_diffusion_celeba.yaml": "map_vae_celeba.yaml",
    "code_prior_mnist.yaml": "vqvae_mnist.yaml",
    "unrolled_mnist.yaml": "narrow_dbn_mnist.yaml",
}
"""The config that trains the first stage of another config."""
OVERLAYS = [name for name in shipped_configs() if name.startswith("overlays/")]


def rows(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("config", TRAINABLE)
def test_every_shipped_config_trains_is_tested_and_is_rebuilt_from_its_checkpoint(config, capsys, monkeypatch):
    monkeypatch.setattr(genlab.diffusion.Sampling, "steps", 3)  # networks of real size are slow
    monkeypatch.setattr(BatchDataModule, "batch_size", property(lambda data: 4, lambda data, size: None), raising=False)
    for name in filter(None, (FIRST.get(config), config)):
        main(["fit", "--config", name, "--config", "overlays/smoke.yaml", "--pictures.count=4", *OPTIONS.get(name, ())])
    run = Path("runs") / Path(config).stem / "0"
    for checkpoint in (run / "checkpoints").iterdir():
        torch.load(checkpoint, weights_only=True, mmap=True)
    model = genlab.load(run)
    tool, figure = next(value for kind, value in TOOLS.items() if isinstance(model, kind))
    assert (run / "checkpoints" / "best.ckpt").exists() == (model.monitor is not None)
    printed = isinstance(model, SentenceModel)
    main([tool, "-n", "2", *(["--out=shown.txt"] if printed else ["--columns=2"])])
    assert (Path("shown.txt") if printed else run / "pictures" / f"{tool}.png").exists()
    capsys.readouterr()
    main(["test"])
    assert figure in capsys.readouterr().out


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_goes_over_a_config(overlay, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    config, loss = ("stylegan", "discriminator") if overlay == "overlays/ada.yaml" else ("vae", "loss")
    main(["fit", "--config", f"{config}_digits.yaml", "--config", overlay, "--trainer.max_epochs", "1"])
    losses = [float(value) for row in rows(Path(f"runs/{config}_digits/0")) if (value := row[f"train/{loss}"])]
    assert np.isfinite(losses).all()


def test_a_run_has_its_config_figures_checkpoints_and_pictures(run):
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["model"]["init_args"]["code_size"] == 2
    assert sorted(path.name for path in (run / "checkpoints").glob("*.ckpt")) == ["best.ckpt", "last.ckpt"]
    pictures = {f"{kind}-epoch000{epoch}.png" for kind in ("sample", "reconstruct") for epoch in (2, 3)}
    assert {path.name for path in (run / "pictures").iterdir()} >= pictures
    assert {path.name for path in run.iterdir()} >= {"config.yaml", "metrics.csv", "checkpoints", "pictures"}


def test_curves_have_every_training_batch_and_every_validation_epoch(run):
    trained = [row for row in rows(run) if row["train/loss"]]
    validated = [row for row in rows(run) if row["val/loss"]]
    assert [int(row["step"]) for row in trained] == list(range(66))
    assert [row["epoch"] for row in validated] == ["0", "1", "2"]
    for row in trained:
        elbo, reconstruction, kl = (float(row[f"train/{name}"]) for name in ("elbo", "reconstruction", "kl"))
        assert elbo == pytest.approx(-reconstruction - kl, rel=1e-5)
        assert kl >= 0
    assert float(validated[-1]["val/elbo"]) > float(validated[0]["val/elbo"])


def test_the_command_says_how_it_went_and_where(capsys):
    main(["fit", "--config", "vae_digits.yaml", "--config", "overlays/smoke.yaml"])
    told = capsys.readouterr().out
    assert re.search(r"runs/vae_digits/0: .*val/elbo -\d", told)
    assert "pictures in runs/vae_digits/0/pictures" in told


def test_a_shape_flows_from_the_data_and_swapping_data_needs_nothing_else():
    main(["fit", "--config", "vae_digits.yaml", "--config", "overlays/smoke.yaml", "--data", "MNIST"])
    assert genlab.load().image_shape == (1, 28, 28)


def test_short_class_names_are_enough():
    main(["fit", "--model", "Autoencoder", "--data", "Digits", "--config", "overlays/smoke.yaml"])
    assert type(genlab.load("runs/autoencoder-digits/0")) is genlab.Autoencoder


def test_runs_are_numbered_and_never_overwritten():
    for _ in range(2):
        main(["fit", "--config", "vae_digits.yaml", "--config", "overlays/smoke.yaml"])
    assert sorted(path.name for path in Path("runs/vae_digits").iterdir()) == ["0", "1"]
    assert runs.newest_run() == Path("runs/vae_digits/1")


def test_a_runs_own_config_repeats_it_under_its_name(run):
    main(["fit", "--config", str(run / "config.yaml"), "--config", "overlays/smoke.yaml"])
    assert (Path("runs/vae_digits/0/config.yaml")).exists()


def test_the_environment_sets_what_no_config_sets(monkeypatch, capsys):
    monkeypatch.setenv("GENLAB_FIT__TRAINER__MAX_EPOCHS", "7")
    with pytest.raises(SystemExit):
        main(["fit", "--model", "VAE", "--data", "Digits", "--print_config"])
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["trainer"]["max_epochs"] == 7
    assert config["model"]["class_path"] == "genlab.VAE"


def test_print_config_makes_no_run_and_can_be_used_again(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--config", "vae_digits.yaml", "--config", "overlays/smoke.yaml", "--print_config"])
    Path("whole.yaml").write_text(capsys.readouterr().out)
    assert not Path("runs").exists()
    main(["fit", "--config", "whole.yaml"])
    assert genlab.load("runs/whole/0").code_shape == (2,)


def test_missing_data_leaves_no_run(refused, monkeypatch, working_folder):
    def refuse(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    message = refused("fit", "--config", "vae_mnist.yaml", "--data.data_dir", "nowhere")
    assert "could not be downloaded from any of 3 sources" in message
    assert not list(Path("runs").iterdir())


def test_validate_test_and_predict_take_everything_from_the_checkpoint(run, capsys, refused):
    checkpoint = run / "checkpoints" / "best.ckpt"
    moved = Path("moved.ckpt")
    moved.write_bytes(checkpoint.read_bytes())
    main(["validate", "--ckpt_path", str(checkpoint)])
    assert "val/elbo" in capsys.readouterr().out
    main(["test", "--ckpt_path", str(moved)])
    assert "test/elbo" in capsys.readouterr().out
    main(["predict", "--ckpt_path", str(moved)])
    data = genlab.Digits()
    data.setup()
    predictions = np.load("predictions.npz")
    expected = genlab.load(run).encode(data.test_set[torch.arange(180)]["image"])
    np.testing.assert_allclose(predictions["code"], expected.detach().numpy(), atol=1e-5)
    assert predictions["reconstruction"].shape == (180, 1, 8, 8)
    assert "predictions.npz already exists; give --force" in refused("predict", "--ckpt_path", str(moved))
    before = Path("predictions.npz").stat().st_mtime_ns
    main(["predict", "--ckpt_path", str(moved), "--force"])
    assert Path("predictions.npz").stat().st_mtime_ns > before
    main(["predict", "--ckpt_path", str(moved), "--out", "codes.npz"])
    np.testing.assert_array_equal(np.load("codes.npz")["code"], predictions["code"])
    assert "codes.npz already exists; give --force" in refused("predict", "--ckpt", str(moved), "--out=codes.npz")
    said = refused("predict", "--ckpt_path", str(moved), "--out", "codes.csv")
    assert "codes.csv would hold NPZ; give a name that ends in .npz" in said


def test_resuming_goes_on_in_the_same_run(capsys):
    options = ["--config", "vae_digits.yaml", "--trainer.limit_train_batches=4"]
    main(["fit", *options, "--trainer.max_epochs=2"])
    first = rows(Path("runs/vae_digits/0"))
    main(["fit", *options, "--trainer.max_epochs=5", "--ckpt_path=last"])
    assert [path.name for path in Path("runs/vae_digits").iterdir()] == ["0"]
    after = rows(Path("runs/vae_digits/0"))
    assert [{k: row[k] for k in first[0]} for row in after[: len(first)]] == first
    assert [int(row["step"]) for row in after if row["train/loss"]] == list(range(20))
    assert torch.load("runs/vae_digits/0/checkpoints/last.ckpt", weights_only=True)["epoch"] == 4
    assert "in place of" not in capsys.readouterr().err
    main(["fit", "--ckpt_path=last", "--trainer.max_epochs=6", "--data.batch_size=32"])
    told = "data.batch_size 32 in place of 64: runs/vae_digits/0/config.yaml stays as it is, so give this again"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("config", ["stacked_digits.yaml", "cvae_celeba.yaml", "cvae_frey.yaml"])
def test_models_that_learn_facts_from_data_resume_too(config, refused):
    options = ["--config", config, "--config", "overlays/smoke.yaml"]
    main(["fit", *options])
    main(["fit", *options, "--trainer.max_epochs=2", "--ckpt_path=last"])
    run = Path("runs") / Path(config).stem / "0"
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["epoch"] == 1
    if config == "cvae_celeba.yaml":
        told = refused("fit", *options, "--ckpt_path=last", "--data.attributes=[Smiling]")
        assert "trained on attributes ('Male', 'Smiling'" in told
        assert "CelebA has ('Smiling',)" in told


def test_last_is_the_last_epoch_and_best_the_best():
    main(["fit", "--config", "vae_digits.yaml", "--trainer.max_epochs=3", "--model.optimizer.lr=0.3"])
    run = Path("runs/vae_digits/0")
    losses = [float(row["val/loss"]) for row in rows(run) if row["val/loss"]]
    epochs = [torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True)["epoch"] for name in ("best", "last")]
    assert epochs == [losses.index(min(losses)), 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["fit", "--config", "vae_digits.yaml", "--model.code_size=5"],
            "a different model from the config's: code_size differ",
        ),
        (
            ["fit", "--config", "autoencoder_digits.yaml"],
            "has a model of class VAE, but the config has one of class Auto",
        ),
        (
            ["test", "--config", "vae_digits.yaml", "--model.code_size=5"],
            "a different model from the config's: code_size differ",
        ),
        (["test", "--data", "MNIST"], "images of shape (1, 8, 8), but MNIST has (1, 28, 28)"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(arguments, message, run, refused):
    assert message in refused(*arguments, "--ckpt_path", str(run / "checkpoints" / "last.ckpt"))


def test_nothing_to_resume_is_said(refused):
    told = refused("fit", "--config", "vae_digits.yaml", "--ckpt_path=last")
    assert told == "genlab: no run in runs/vae_digits has a checkpoint; train a model first, or give its path"


def test_ctrl_c_leaves_a_usable_checkpoint(working_folder):
    command = ["fit", "--config", "vae_digits.yaml", "--trainer.max_epochs=5000"]
    figures = Path("runs/vae_digits/0/metrics.csv")
    with running(main, command) as (process, printed):
        while process.is_alive() and not (figures.exists() and "val/loss" in figures.read_text()):
            time.sleep(0.1)
        os.kill(process.pid, signal.SIGINT)
        told = printed.read()
    assert process.exitcode == 130
    run = Path("runs/vae_digits/0")
    assert f"--ckpt_path {run / 'checkpoints' / 'last.ckpt'} resumes from here\n" in told
    assert "Traceback" not in told
    interrupted = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert interrupted["global_step"] >= 22
    assert type(genlab.load(run)) is genlab.VAE
    steps = [int(row["step"]) for row in rows(run) if row["train/loss"]]
    done = interrupted["global_step"]
    assert steps[:done] == list(range(done))  # the interrupted batch may be there too
    epochs = interrupted["epoch"] + 3
    main(["fit", "--config", "vae_digits.yaml", "--ckpt_path=last", f"--trainer.max_epochs={epochs}"])
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 22 * epochs


def test_training_on_a_cpu_flushes_denormal_numbers(run):
    main(["fit", "--config", "vae_digits.yaml", "--config", "overlays/smoke.yaml"])
    try:
        assert torch.tensor(1e-40) * 1 == 0
    finally:
        torch.set_flush_denormal(False)


def test_the_same_seed_gives_the_same_model():
    for _ in range(2):
        main(["fit", "--config", "vae_digits.yaml", "--config", "overlays/smoke.yaml"])
    one, two = (torch.load(f"runs/vae_digits/{i}/checkpoints/last.ckpt", weights_only=True) for i in range(2))
    assert all(torch.equal(one["state_dict"][key], two["state_dict"][key]) for key in one["state_dict"])


def test_two_runs_started_at_once_never_share_a_folder(monkeypatch):
    monkeypatch.setattr("genlab.runs.folders.run_folders", lambda root, name: [])  # each looked before all others
    claims = {runs.claim_run(Path("runs"), "x").name for _ in range(6)}
    assert claims == {*"012345"}


def test_hyperparameters_of_data_and_model_are_json(run):
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    for part in ("hyper_parameters", "datamodule_hyper_parameters"):
        hparams = dict(checkpoint[part])
        assert json.loads(json.dumps(hparams)) == hparams


def test_a_fast_dev_run_leaves_nothing_and_says_so(capsys):
    main(["fit", "--config", "vae_digits.yaml", "--trainer.fast_dev_run=true"])
    assert not list(Path("runs").iterdir())
    assert capsys.readouterr().out.splitlines()[-1] == "no pictures and no checkpoints were made"


def test_training_without_batches_names_no_files_that_there_are_not(run, refused, capsys):
    main(["fit", "--config", "vae_digits.yaml", "--trainer.limit_train_batches=0"])
    assert capsys.readouterr().out.splitlines()[-1] == "no pictures and no checkpoints were made"
    copy = shutil.copytree(run, "copy")
    told = refused("fit", "--config", "vae_digits.yaml", f"--ckpt_path={copy}", "--trainer.limit_train_batches=0")
    assert "limit_train_batches is 0; raise it" in told


def test_a_search_for_a_batch_size_that_fails_leaves_nothing(refused, monkeypatch):
    def fails(*batch):
        raise genlab.GenlabError("no step")

    monkeypatch.setattr(genlab.VAE, "training_step", fails)
    search = {"class_path": "BatchSizeFinder", "init_args": {"init_val": 1024, "steps_per_trial": 1}}
    told = refused("fit", "--config=vae_digits.yaml", f"--trainer.callbacks={json.dumps(search)}")
    assert "no step" in told
    assert not list(Path("runs").iterdir())


def test_a_search_for_a_batch_size_goes_with_resuming(run):
    shutil.copy(run / "checkpoints" / "last.ckpt", "m.ckpt")
    search = {"class_path": "BatchSizeFinder", "init_args": {"init_val": 64, "max_trials": 1, "steps_per_trial": 1}}
    resume = ["--ckpt_path=m.ckpt", "--trainer.max_epochs=4"]
    main(["fit", "--config=vae_digits.yaml", f"--trainer.callbacks={json.dumps(search)}", *resume])
    assert torch.load("runs/vae_digits/0/checkpoints/last.ckpt", weights_only=True)["epoch"] == 3


def test_one_callback_or_logger_needs_no_list():
    options = [
        "--trainer.callbacks=EarlyStopping",
        "--trainer.callbacks.monitor=val/loss",
        "--trainer.logger=CSVLogger",
    ]
    main(
        ["fit", "--config=vae_digits.yaml", "--config=overlays/smoke.yaml", *options, "--trainer.logger.save_dir=other"]
    )
    assert list(Path("other").rglob("metrics.csv"))
    assert Path("runs/vae_digits/0/metrics.csv").exists()


def test_lightnings_averages_of_weights_copy_a_model():
    averaged = ["--trainer.callbacks=StochasticWeightAveraging", "--trainer.callbacks.swa_lrs=0.01"]
    main(["fit", "--config=vae_digits.yaml", "--config=overlays/smoke.yaml", *averaged])
    assert Path("runs/vae_digits/0/checkpoints/last.ckpt").exists()


def test_batch_norm_cannot_be_synchronised_on_cpus(refused):
    told = refused("fit", "--config=gan_digits.yaml", "--trainer.sync_batchnorm=true", "--trainer.accelerator=cpu")
    assert "batch norm is synchronised between GPUs only" in told
    assert not list(Path("runs").iterdir())


def test_what_lightning_refuses_is_one_line_and_leaves_no_run(refused):
    assert "limit_train_batches" in refused("fit", "--config=vae_digits.yaml", "--trainer.limit_train_batches=1.5")
    told = refused("fit", "--config=vae_digits.yaml", "--trainer.accelerator=none")
    assert told.startswith("genlab: You selected an invalid accelerator name")
    assert "--debug" not in told
    assert not list(Path("runs").iterdir())


def test_what_data_still_need_is_said(refused):
    assert refused("fit", "--model=VAE", "--data=ImageFolder") == (
        "genlab: ImageFolder needs folder; give --data.folder, or init_args in a config"
    )


def test_a_run_that_fails_at_once_leaves_nothing(refused):
    told = refused("fit", "--model=VAE", "--data=SideBySidePairs", "--data.folder=facades", "--data.image_size=8")
    assert told.endswith(
        "takes batches (image), or dicts with 'image', of shape (B, C, H, W); the data gave source, target"
    )
    assert not list(Path("runs").iterdir())


def test_the_best_checkpoint_of_a_model_in_stages_is_of_its_last_stage(capsys):
    schedules = [f"--model.{stage}=[{{epochs: 2}}]" for stage in ("pretraining", "fine_tuning", "classifier")]
    main(["fit", "--config=stacked_digits.yaml", *schedules, "--model.classifier_fine_tuning=[]"])
    run = Path("runs/stacked_digits/0")
    assert sorted(path.name for path in (run / "checkpoints").glob("*.ckpt")) == ["best.ckpt", "last.ckpt"]
    stages = {name: genlab.load(run / "checkpoints" / f"{name}.ckpt").stage.name for name in ("best", "last")}
    assert stages == {"best": "classifier", "last": "classifier"}
    columns = rows(run)[0]
    assert {"train/layer1/loss", "val/layer3/loss", "val/fine_tuning/loss", "val/classifier/error_rate"} < set(columns)


def test_a_gan_says_where_its_own_clipping_is(refused):
    fit = ["fit", "--config", "gan_digits.yaml"]
    assert "give --model.generator_clip and --model.discriminator_clip" in refused(
        *fit, "--trainer.gradient_clip_val=1"
    )
    assert not [*Path("runs").glob("*")]
    main([*fit, "--config", "overlays/smoke.yaml", "--model.generator_clip=1", "--model.discriminator_clip=2"])


def test_gradients_are_clipped_in_mixed_precision_though_the_optimizer_is_fused():
    smoke = ["--config", "overlays/bf16.yaml", "--config", "overlays/smoke.yaml", "--trainer.gradient_clip_val=1"]
    main(["fit", "--config", "vae_digits.yaml", *smoke, "--model.optimizer.init_args.fused=true"])
    assert genlab.checkpoints.read(Path("runs/vae_digits/0/checkpoints/last.ckpt")).steps == 2


def test_processes_that_are_spawned_are_refused(refused):
    spawned = ["--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp_spawn"]
    assert "give --trainer.strategy ddp" in refused("fit", "--config", "vae_digits.yaml", *spawned)
    assert not [*Path("runs").glob("*")]


def test_a_gan_resumes_with_its_average_and_counts_on(capsys):
    fit = ["fit", "--config", "gan_digits.yaml", "--trainer.limit_train_batches=3"]
    main([*fit, "--trainer.max_epochs=2"])
    run = Path("runs/gan_digits/0")
    before = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert before["global_step"] == 6
    assert before["state_dict"]["average.n_averaged"] == 6
    main([*fit, "--trainer.max_epochs=3", "--ckpt_path=last"])
    after = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert after["global_step"] == 9
    assert after["state_dict"]["average.n_averaged"] == 9
    assert [int(row["step"]) for row in rows(run) if row["train/discriminator"]] == list(range(9))


def test_training_that_diverges_is_one_line_and_leaves_the_checkpoint_before(refused):
    fit = ["fit", "--config", "gan_digits.yaml", "--trainer.limit_train_batches=3"]
    main([*fit, "--trainer.max_epochs=1"])
    checkpoint = Path("runs/gan_digits/0/checkpoints/last.ckpt")
    before = checkpoint.read_bytes()
    infinite = "--model.discriminator_optimizer.lr=1e38"
    message = refused(*fit, "--trainer.max_epochs=2", infinite)
    assert "training has diverged and stops" in message
    assert checkpoint.read_bytes() == before
    assert not Path("runs/gan_digits/1/checkpoints").exists()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc")
def test_freed_memory_is_kept_for_the_next_step():
    """Run in its own process: 256 MB that are freed stay with the process."""
    script = """
import sys, torch
from genlab.cli.process import keep_freed_memory
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
if sys.argv[1] == "keep":
    keep_freed_memory()
before = resident()
x = torch.ones(2**26)
del x
print(resident() - before)
"""
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", script, way], capture_output=True, check=True).stdout)
        for way in ("keep", "give back")
    )
    assert kept > 200e6 > given_back


def test_the_likelihood_that_a_model_chose_is_the_checkpoints_whatever_is_chosen_later(monkeypatch):
    fit = ["fit", "--model=VAE", "--data=ImageFolder", "--data.folder=pets", "--data.image_size=8"]
    main([*fit, "--config=overlays/smoke.yaml"])
    assert type(genlab.load().likelihood) is Gaussian
    monkeypatch.setattr("genlab.models.vae.usual_likelihood", lambda shape: Bernoulli)
    assert type(genlab.load().likelihood) is Gaussian
    main([*fit, "--ckpt_path=last", "--trainer.max_epochs=2"])
    assert type(genlab.load().likelihood) is Gaussian
    main(["test"])
