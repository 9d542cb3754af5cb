"""Fixtures of all tests: a clean working folder, tiny data in the real formats, and one trained run."""

import gc
import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from genlab.cli import main

from .data.pictures import write_celeba, write_frey, write_images

REAL_DATA = Path(__file__).parents[2] / "shared" / "data"


def write_idx(path: Path, array: np.ndarray) -> None:
    """Write a file in MNIST's format: magic number, sizes, bytes."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(header + array.tobytes())


def pytest_collection_finish() -> None:
    """Keep the garbage collector from scanning imported modules, and make it rarely scan old objects."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, 50)


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny data sets: MNIST (600 noisy strokes to train on, 100 to test on), CelebA, Frey Faces, facades and pets."""
    folder = tmp_path_factory.mktemp("data")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for prefix, count in (("train", 600), ("t10k", 100)):
        labels = random.integers(0, 10, count, dtype=np.uint8)
        images = random.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:, 2 * label + 4 : 2 * label + 8] += 150
        write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
    write_celeba(folder / "celeba", 400)
    write_frey(folder / "frey_faces" / "frey_rawface.mat")
    write_images(folder / "facades" / "train", 12, size=(80, 40))
    write_images(folder / "facades" / "test", 4, size=(80, 40))
    write_images(folder / "pets" / "cat", 7, size=(24, 16))
    write_images(folder / "pets" / "dog", 9, size=(16, 24))
    return folder


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A signing key of the tests' own for runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run every test in an empty folder with the tiny data; leave no process group, W&B run or module of its behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GENLAB_DATA_DIR", str(data_dir))
    monkeypatch.delenv("GENLAB_CACHE_DIR", raising=False)
    for name in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE", "WANDB_MODE"):
        monkeypatch.setenv(name, "")  # so that its value is restored in the end
        monkeypatch.delenv(name)
    yield tmp_path
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    if wandb := sys.modules.get("wandb"):
        wandb.finish()
        wandb.teardown()  # it caches what it has read of the environment
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no curves, which would take a quarter of a short training; modules that test curves override this."""
    if curves := sys.modules.get("genlab.callbacks.curves"):
        monkeypatch.setattr(curves.Curves, "_draw", lambda *args: None)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail because of the user's mistake, and returns its one line."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        message = str(end.value.code) if isinstance(end.value.code, str) else capsys.readouterr().err.splitlines()[-1]
        assert "\n" not in message
        assert message.startswith("genlab: ")
        return message

    return run


@pytest.fixture
def tiles() -> Callable[[str | Path], np.ndarray]:
    """Reads the tiles from the arrays of a sheet: (rows, columns, C, H, W) in [0, 1]."""

    def read(path: str | Path) -> np.ndarray:
        with np.load(path) as arrays:
            return np.asarray(arrays["tiles"])

    return read


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a VAE with a 2-D code, trained on digits for three epochs."""
    folder = tmp_path_factory.mktemp("trained")
    before = Path.cwd()
    os.chdir(folder)
    try:
        main(["fit", "--config", "vae_digits.yaml", "--trainer.max_epochs=3", "--pictures.every_n_epochs=2"])
    finally:
        os.chdir(before)
        torch.set_flush_denormal(False)
    return folder / "runs" / "vae_digits" / "0"
