"""Fixtures for tests of the page: runs of each family that have hardly been trained, and servers for them."""

import argparse
import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genlab.cli import main
from tests.run_folders import trained

pytest.importorskip("starlette")

CONFIGS = {
    "autoencoder": ["--config", "autoencoder_digits.yaml", "--model.code_size=5"],
    "cvae": ["--config", "cvae_digits.yaml"],
    "cvae_of_attributes": ["--config", "cvae_celeba.yaml"],
    "cvae_of_images": ["--config", "cvae_frey.yaml"],
    "diffusion": ["--config", "diffusion_digits.yaml", "--model.network.channels=8"],
    "gan": ["--config", "gan_digits.yaml"],
    "rbm": ["--config", "rbm_digits.yaml"],
    "stylegan": ["--config", "stylegan_digits.yaml"],
    "stacked": ["--config", "stacked_digits.yaml"],
    "pix2pix": ["--config", "pix2pix_digits.yaml"],
    "cyclegan": ["--config", "cyclegan_digits.yaml", "--model.generator.blocks=1"],
    "faces": ["--config", "vae_celeba.yaml"],
}


@pytest.fixture(scope="session")
def family(tmp_path_factory: pytest.TempPathFactory, data_dir: Path) -> Callable[[str], Path]:
    """Returns the run folder of a family, one of CONFIGS, which is trained when first requested."""
    runs: dict[str, Path] = {}

    def run_of(name: str) -> Path:
        if name not in runs:
            runs.update(trained({name: CONFIGS[name]}, tmp_path_factory, data_dir))
        return runs[name]

    return run_of


def arguments(**changes: Any) -> argparse.Namespace:
    """Return the arguments of `genlab explore`."""
    usual = {"ckpt": None, "device": "cpu", "trust": False, "seed": 0, "data": None, "data_settings": [], "split": None}
    return argparse.Namespace(**{**usual, "host": "127.0.0.1", **changes})


class Site:
    """A client of a server that does what the page would do.

    Args:
        client: starlette's test client.
        key: key of the chosen run.
    """

    def __init__(self, client: Any, key: str) -> None:
        self.client, self.key = client, key

    def described(self) -> dict[str, Any]:
        answer = self.client.get(f"/api/models/{self.key}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def array(self, what: str, kind: str = "u1", **query: Any) -> np.ndarray:
        """Return raw numbers from an address of the model."""
        answer = self.client.get(f"/api/models/{self.key}/{what}", params=query)
        assert answer.status_code == 200, answer.text
        return np.frombuffer(answer.content, kind)

    def post(self, primitive: str, body: bytes = b"", **query: Any) -> Any:
        return self.client.post(f"/api/models/{self.key}/{primitive}", params=query, content=body)

    def computed(self, primitive: str, body: bytes = b"", **query: Any) -> np.ndarray:
        """Return the result of a primitive: images (N, ...) or codes (N, D)."""
        answer = self.post(primitive, body, **query)
        assert answer.status_code == 200, answer.text
        kind = "<f4" if primitive in ("encode", "draw") else "u1"
        shape = [int(side) for side in answer.headers["x-shape"].split(",")]
        return np.frombuffer(answer.content, kind).reshape(-1, *shape)

    def refused(self, primitive: str, body: bytes = b"", **query: Any) -> str:
        """Return the one line that says why nothing was computed."""
        answer = self.post(primitive, body, **query)
        assert 400 <= answer.status_code < 500, answer.text
        message = answer.json()["error"]
        assert "\n" not in message
        return str(message)


@pytest.fixture(scope="session")
def export_page(run: Path) -> Callable[..., Path]:
    """Exports the page of a VAE with a 2-D code, with additional options, to a folder; its graphs are made once."""
    from genlab.explore import export

    made: dict[str, Any] = {}
    graphs_of = export.graphs_of

    def once(explored: Any) -> dict[str, Any]:
        made.update(made or graphs_of(explored))
        return made

    def exported(*options: str, to: Path) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(export, "graphs_of", once)
            main(["explore", "--ckpt", str(run), "--export", str(to), *options])
        return to

    return exported


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., Site]]:
    """Starts a server of a run, with arguments of `genlab explore`, and returns a client of it."""
    from starlette.testclient import TestClient

    from genlab.explore.app import application
    from genlab.explore.entries import Entries

    with contextlib.ExitStack() as stack:

        def start(ckpt: Path | None, **changes: Any) -> Site:
            args = arguments(ckpt=None if ckpt is None else str(ckpt), **changes)
            app = application(args, Entries(args.ckpt))
            client = TestClient(app, "http://127.0.0.1:8000", raise_server_exceptions=False)
            stack.enter_context(client)
            return Site(client, client.get("/api/runs").json()["chosen"])

        yield start
