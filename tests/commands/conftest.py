"""Fixtures for tests of several tools: runs that have hardly been trained, photographs, and recorded calls."""

from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from genlab import devices
from tests.data.pictures import write_image
from tests.run_folders import trained

PETS = ["--model=CVAE", "--data=ImageFolder", "--data.folder=pets", "--data.image_size=8", "--data.batch_size=4"]


@pytest.fixture(scope="session")
def conditional(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> dict[str, Path]:
    """Run folders of conditional VAEs: on labels (digits, pets), attributes (celeba), and halves of images (frey)."""
    configs = {name: ["--config", f"cvae_{name}.yaml"] for name in ("digits", "celeba", "frey")}
    return trained({**configs, "pets": PETS}, tmp_path_factory, data_dir)


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """The run folder of an autoencoder of faces."""
    return trained({"faces": ["--config", "autoencoder_celeba.yaml"]}, tmp_path_factory, data_dir)["faces"]


@pytest.fixture
def photos() -> list[str]:
    """Paths of three photographs of different sizes in the folder `photos`."""
    sizes = {"a.png": (30, 20), "b.jpg": (16, 40), "c.png": (8, 8)}
    return [str(write_image(Path("photos", name), seed=ord(name[0]), size=size)) for name, size in sizes.items()]


@pytest.fixture
def calls(monkeypatch) -> dict[str, list[tuple[Tensor, Tensor]]]:
    """What tools pass to the methods of models, and what they get back, by method name."""
    made: dict[str, list[Any]] = {}

    def recording(method, device):
        def called(*args, **kwargs):
            result = method(*args, **kwargs)
            made.setdefault(method.__name__, []).append((args[0], result))
            return result

        return called

    monkeypatch.setattr(devices, "_at_hand", recording)
    return made
