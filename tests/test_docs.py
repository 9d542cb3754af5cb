"""Pages of docs name things that exist."""

import re
from pathlib import Path

import pytest
import torch

import genlab

PACKAGE = Path(genlab.__file__).parent
DOCS = PACKAGE.parent / "docs"
RUNS = Path(__file__).parent / "runs_of_0_1_0"


def first_cells(page: str) -> set[str]:
    """Return what is set as code in the first cells of a page's tables."""
    rows = re.findall(r"^\| (.*?) \|", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_the_page_on_architecture_has_every_room():
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert first_cells("architecture.md") == packages


def test_the_page_on_architecture_names_modules_that_there_are():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    modules = set(re.findall(r"`(\w+\.py)`", text))
    assert modules
    assert {name for name in modules if not (PACKAGE / name).is_file()} == set()


@pytest.mark.parametrize("family", ["cyclegan", "stacked", "vae"])
def test_the_page_on_checkpoints_has_every_entry(family):
    checkpoint = torch.load(RUNS / family / "0" / "checkpoints" / "last.ckpt", weights_only=True)
    known = first_cells("checkpoints.md") | {"Digits", "DomainsFromPairs"}  # names of DataModules
    assert set(checkpoint) <= known
