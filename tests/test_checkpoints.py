"""Checkpoints are plain data that describe themselves."""

import io
import os
import pickle
import re
import struct
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import nn

import genlab
from genlab.checkpoints import WholeCheckpoints
from genlab.losses import absolute_error
from genlab.networks import ConvDecoder, ConvEncoder, MLPEncoder


def saved(model, path: Path) -> Path:
    trainer = Trainer(max_epochs=1, limit_train_batches=1, limit_val_batches=0, logger=False, enable_progress_bar=False)
    trainer.fit(model, genlab.Digits())
    trainer.save_checkpoint(path)
    return path


def lightning_checkpoint(**hparams):
    hparams["_instantiator"] = "lightning.pytorch.cli.instantiate_module"
    return {"state_dict": {}, "hyper_parameters": hparams, "pytorch-lightning_version": "2.6.6"}


def optimizer_of(model):
    return model.configure_optimizers()["optimizer"]


MODELS = [
    lambda: genlab.VAE((1, 8, 8)),
    lambda: genlab.VAE(
        image_shape=(1, 8, 8),
        code_size=3,
        encoder=partial(ConvEncoder, channels=4, activation=partial(nn.LeakyReLU, negative_slope=0.2)),
        decoder=partial(ConvDecoder, channels=4, normalization=nn.InstanceNorm2d),
        optimizer=partial(torch.optim.AdamW, lr=1e-2, betas=(0.5, 0.9)),
    ),
    lambda: genlab.Autoencoder((1, 8, 8), loss=absolute_error),
]


@pytest.mark.parametrize("build", MODELS)
def test_a_model_built_in_python_is_rebuilt_from_its_checkpoint_alone(build, working_folder):
    model = build()
    path = saved(model, working_folder / "a.ckpt")
    torch.load(path, weights_only=True)
    for rebuilt in (
        genlab.load(path),
        LightningModule.load_from_checkpoint(path),
        type(model).load_from_checkpoint(path),
    ):
        assert type(rebuilt) is type(model)
        assert str(rebuilt) == str(model)
        assert rebuilt.hparams == model.hparams
        x = torch.rand(2, 1, 8, 8)
        torch.testing.assert_close(rebuilt.eval().reconstruct(x), model.eval().reconstruct(x))
        assert type(optimizer_of(rebuilt)) is type(optimizer_of(model))
        assert optimizer_of(rebuilt).defaults == optimizer_of(model).defaults


def test_a_loaded_model_is_saved_again_as_plain_data(working_folder):
    first = saved(MODELS[1](), working_folder / "a.ckpt")
    second = saved(genlab.load(first), working_folder / "b.ckpt")
    hparams = [torch.load(path, weights_only=True)["hyper_parameters"] for path in (first, second)]
    assert hparams[0] == hparams[1]


def test_the_command_lines_and_pythons_checkpoints_describe_models_alike(run, working_folder):
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    again = torch.load(saved(genlab.load(run), working_folder / "a.ckpt"), weights_only=True)
    for part in ("hyper_parameters", "datamodule_hyper_parameters"):
        assert checkpoint[part].keys() == again[part].keys()


def test_load_takes_a_file_a_run_or_the_newest_run(run, monkeypatch):
    monkeypatch.chdir(run.parents[2])
    models = [genlab.load(run / "checkpoints" / "best.ckpt"), genlab.load(run), genlab.load(str(run)), genlab.load()]
    weights = [torch.cat([p.flatten() for p in model.parameters()]) for model in models]
    assert all(torch.equal(weights[0], other) for other in weights[1:])
    assert not models[0].training


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no checkpoint at all", "cannot be opened as a checkpoint"),
        (b"", "cannot be opened as a checkpoint"),
        ({"some": "thing"}, "not a checkpoint of a Lightning model"),
        ([1, 2], "not a checkpoint of a Lightning model"),
        ({"state_dict": {}, "hyper_parameters": {}}, "not a checkpoint of a Lightning model"),
        (lightning_checkpoint(code_size=3), "does not name the class"),
        (lightning_checkpoint(_class_path="some.where.Model"), r"names some\.where\.Model, which would be imported"),
        (lightning_checkpoint(_class_path="genlab.models.vae.VEA"), "genlab.models.vae has no VEA; did you mean VAE?"),
        (lightning_checkpoint(_class_path="torch.nn.Linear"), "does not fit"),
    ],
)
def test_foreign_files_give_one_line(content, message, working_folder):
    path = working_folder / "foreign.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(genlab.GenlabError, match=message) as error:
        genlab.load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_truncated_and_missing_files_give_one_line(run, working_folder):
    part = working_folder / "part.ckpt"
    whole = (run / "checkpoints" / "best.ckpt").read_bytes()
    for size in (0, 1, 100, 20_000, len(whole) // 2, len(whole) - 1):
        part.write_bytes(whole[:size])
        with pytest.raises(genlab.GenlabError, match="part.ckpt cannot be opened as a checkpoint"):
            genlab.load(part)
    with pytest.raises(genlab.GenlabError, match="there is no checkpoint gone.ckpt"):
        genlab.load("gone.ckpt")
    with pytest.raises(genlab.GenlabError, match="train a model first"):
        genlab.load()


@pytest.fixture(scope="module")
def content(run) -> bytes:
    return (run / "checkpoints" / "last.ckpt").read_bytes()


def entries(content: bytes) -> list[tuple[int, int]]:
    """Return where the entries of a zip archive begin and end."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = []
        for entry in archive.infolist():
            name, extra = struct.unpack_from("<HH", content, entry.header_offset + 26)
            start = entry.header_offset + 30 + name + extra
            found.append((start, start + entry.file_size))
        return found


@pytest.mark.parametrize("damage", ["a flipped bit", "a page of zeros"])
def test_damage_inside_a_checkpoint_is_found(damage, content, working_folder, refused):
    random = np.random.default_rng(0)
    spans = [(start, end) for start, end in entries(content) if any(content[start:end])]
    for start, end in spans:
        bad = bytearray(content)
        if damage == "a flipped bit":
            bad[random.integers(start, end)] ^= 1 << random.integers(8)
        else:
            bad[start:end] = bytes(end - start)
        Path("bad.ckpt").write_bytes(bad)
        with pytest.raises(genlab.GenlabError, match=r"bad\.ckpt (is damaged|cannot be opened as a checkpoint)"):
            genlab.load("bad.ckpt")
    assert "bad.ckpt is damaged: the checksum of its" in refused("sample", "--ckpt", "bad.ckpt")
    assert "bad.ckpt is damaged: the checksum of its" in refused("test", "--ckpt_path", "bad.ckpt")
    assert "bad.ckpt is damaged" in refused("fit", "--config", "vae_digits.yaml", "--ckpt_path", "bad.ckpt")
    assert not Path("runs").exists()


WRONG = {
    "state_dict": 3,
    "hyper_parameters": ["code_size"],
    "datamodule_hyper_parameters": "Digits",
    "pytorch-lightning_version": 2,
    "genlab_version": "new",
    "epoch": "one",
    "global_step": None,
    "optimizer_states": [{"state": {}}],
    "lr_schedulers": 1,
    "callbacks": [],
    "loops": {"fit_loop": {}},
    "random_states": [{"torch": 1}],
}


@pytest.mark.parametrize("part", WRONG)
def test_plain_data_of_the_wrong_kind_give_one_line(part, run, working_folder, refused):
    torch.save(torch.load(run / "checkpoints" / "last.ckpt", weights_only=True) | {part: WRONG[part]}, "wrong.ckpt")
    more = ["--config", str(run / "config.yaml"), "--trainer.max_epochs=4"]
    assert re.search(r"checkpoint is damaged|wrong\.ckpt", refused("fit", *more, "--ckpt_path=wrong.ckpt"))


@pytest.mark.parametrize("hparams", [{"image_shape": 3}, {"encoder": 1}, {"image_shape": None}, {"unknown": 1}, {1: 2}])
def test_hyperparameters_of_the_wrong_kind_give_one_line(hparams, run, working_folder):
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    checkpoint["hyper_parameters"] |= hparams
    torch.save(checkpoint, "wrong.ckpt")
    with pytest.raises(genlab.GenlabError, match=r"wrong\.ckpt does not fit the genlab\S+VAE of this version") as error:
        genlab.load("wrong.ckpt")
    assert "\n" not in str(error.value)


class OwnModel(genlab.VAE):
    """A model with a part that is built late, and with more than tensors in its state."""

    def configure_model(self):
        self.late = nn.Linear(2, 2)

    def get_extra_state(self):
        return {"words": ["a", "b"]}

    def set_extra_state(self, state):
        self.words = state["words"]


def test_a_model_of_ones_own_may_build_parts_late_and_keep_more_than_tensors(working_folder):
    model = genlab.load(saved(OwnModel((1, 8, 8)), working_folder / "a.ckpt"))
    assert isinstance(model.late, nn.Linear)
    assert model.words == ["a", "b"]


def test_a_plain_trainer_with_whole_checkpoints_resumes_from_no_damaged_one(content, working_folder):
    bad = bytearray(content)
    bad[entries(content)[5][0]] ^= 1
    Path("bad.ckpt").write_bytes(bad)
    trainer = Trainer(plugins=[WholeCheckpoints()], logger=False, enable_progress_bar=False)
    with pytest.raises(genlab.GenlabError, match=r"bad\.ckpt is damaged"):
        trainer.fit(genlab.VAE((1, 8, 8)), genlab.Digits(), ckpt_path="bad.ckpt", weights_only=True)


def test_folders_pipes_and_devices_are_no_checkpoints(working_folder):
    os.mkfifo("pipe.ckpt")
    Path("loop.ckpt").symlink_to("loop.ckpt")
    Path("zeros.ckpt").symlink_to("/dev/zero")
    for name, reason in [("pipe", "a FIFO"), ("loop", "Too many levels"), ("zeros", "a device")]:
        with pytest.raises(genlab.GenlabError, match=rf"{name}\.ckpt cannot be read: {reason}"):
            genlab.load(f"{name}.ckpt")


class Trap:
    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


def test_a_pickle_in_a_checkpoint_does_not_run(working_folder):
    path = working_folder / "trap.ckpt"
    for write in (torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))):
        write({"state_dict": {}, "hyper_parameters": {"a": Trap()}}, path)
        with pytest.raises(genlab.GenlabError, match="cannot be opened as a checkpoint of plain data"):
            genlab.load(path)
    assert not Path("sprung").exists()


def test_weights_of_another_size_give_one_line(run, working_folder):
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    checkpoint["hyper_parameters"]["code_size"] = 7
    torch.save(checkpoint, working_folder / "other.ckpt")
    with pytest.raises(genlab.GenlabError, match="does not fit.*size mismatch") as error:
        genlab.load(working_folder / "other.ckpt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("argument", [lambda shape, size: MLPEncoder(shape, size), partial(MLPEncoder, (1, 8, 8))])
def test_what_cannot_be_written_down_is_refused_at_once(argument):
    with pytest.raises(genlab.GenlabError, match=r"VAE\(encoder=...\) cannot be kept in a checkpoint as plain data"):
        genlab.VAE((1, 8, 8), encoder=argument)


@pytest.mark.parametrize(
    "content", [b"junk\n", b"", b"PK\x03\x04", b"\x80\x02", b"a,b\n1,2\n", b"0", b"\x89PNG\r\n\x1a\n"]
)
def test_files_of_any_other_kind_are_refused_in_one_line(content, working_folder):
    (working_folder / "other.ckpt").write_bytes(content)
    with pytest.raises(genlab.GenlabError, match=r"other\.ckpt cannot be opened as a checkpoint of plain data"):
        genlab.load("other.ckpt")


def test_a_checkpoint_of_a_newer_genlab_is_refused_in_one_line(run, working_folder, refused):
    checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert checkpoint["genlab_version"] == genlab.__version__
    checkpoint["genlab_version"] = "99.1.0"
    torch.save(checkpoint, working_folder / "newer.ckpt")
    told = f"newer.ckpt was written by genlab 99.1.0, and this is {genlab.__version__}; upgrade genlab"
    assert told in refused("sample", "--ckpt", "newer.ckpt")
    assert told in refused("fit", "--config", "vae_digits.yaml", "--ckpt_path", "newer.ckpt")


@pytest.mark.parametrize(
    "command",
    [
        ["fit", "--config", "vae_digits.yaml", "--ckpt_path"],
        ["test", "--ckpt_path"],
        ["sample", "--ckpt"],
        ["evaluate", "--ckpt"],
        ["translate", "--ckpt"],
    ],
)
@pytest.mark.parametrize("kind", ["trap", "half"])
def test_no_command_runs_what_is_in_a_checkpoint_or_takes_half_of_one(command, kind, run, working_folder, refused):
    content = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    torch.save(content | ({"state_dict": {"a": Trap()}} if kind == "trap" else {}), "bad.ckpt")
    if kind == "half":
        Path("bad.ckpt").write_bytes(Path("bad.ckpt").read_bytes()[:-1000])
    assert "bad.ckpt cannot be opened as a checkpoint of plain data" in refused(*command, "bad.ckpt")
    assert not Path("sprung").exists()
