"""Examples in docstrings run, and return what they say."""

import doctest
import importlib
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule

import genlab

PACKAGE = Path(genlab.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(["genlab", *path.relative_to(PACKAGE).with_suffix("").parts])
    for path in PACKAGE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_give_what_they_say(name):
    torch.manual_seed(0)
    names = {"torch": torch, "genlab": genlab, "LightningModule": LightningModule}
    found = doctest.testmod(importlib.import_module(name), extraglobs=names)
    assert found.attempted
    assert not found.failed
