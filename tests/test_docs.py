"""Pages of docs name what there is."""

import re
from pathlib import Path

import pytest
import torch

import genlab

PACKAGE = Path(genlab.__file__).parent
DOCS = PACKAGE.parent / "docs"
RUNS = Path(__file__).parent / "runs_of_0_1_0"


def first_cells(page: str) -> set[str]:
    """What is set as code in the first cells of a page's tables."""
    rows = re.findall(r"^\| (.*?) \|", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


@pytest.mark.parametrize("family", ["cyclegan", "stacked", "vae"])
def test_the_page_on_checkpoints_has_every_entry(family):
    checkpoint = torch.load(RUNS / family / "0" / "checkpoints" / "last.ckpt", weights_only=True)
    known = first_cells("checkpoints.md") | {"Digits", "DomainsFromPairs"}  # names of DataModules
    assert set(checkpoint) <= known
