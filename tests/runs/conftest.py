"""Fixtures for the tests of runs."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def own(run, working_folder) -> Path:
    """A copy of a trained run, in the runs folder."""
    return Path(shutil.copytree(run, "runs/vae_digits/0"))
