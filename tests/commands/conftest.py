"""Runs that the tests of several tools share; each has hardly seen anything."""

from pathlib import Path

import pytest
import torch

from genlab.cli import main

PETS = ["--model=CVAE", "--data=ImageFolder", "--data.folder=pets", "--data.image_size=8", "--data.batch_size=4"]


@pytest.fixture(scope="session")
def conditional(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> dict[str, Path]:
    """Run folders of conditional VAEs: of labels (digits, pets), of attributes (celeba), of halves of images (frey)."""
    configs = {name: ["--config", f"cvae_{name}.yaml"] for name in ("digits", "celeba", "frey")}
    return trained({**configs, "pets": PETS}, tmp_path_factory, data_dir)


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """The run folder of an autoencoder of faces."""
    return trained({"faces": ["--config", "autoencoder_celeba.yaml"]}, tmp_path_factory, data_dir)["faces"]


def trained(options: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> dict[str, Path]:
    """Run folders of two batches' training with these options, by name."""
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
