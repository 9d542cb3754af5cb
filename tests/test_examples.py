"""The programs in examples/ run, for an epoch each, and leave the pictures that they name."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_example_draws_the_pictures_that_it_names(program, working_folder):
    few = ["--epochs", "1"] if "--epochs" in (EXAMPLES / program).read_text() else []
    printed = subprocess.run(
        [sys.executable, EXAMPLES / program, *few], capture_output=True, text=True, check=True
    ).stdout
    pictures = [*working_folder.glob("*.png")]
    assert pictures
    assert {line for line in printed.splitlines() if line.endswith(".png")} <= {picture.name for picture in pictures}
    for picture in pictures:
        assert np.asarray(Image.open(picture)).std() > 5


def test_the_tours_page_is_the_tour():
    """`make tour` renders it."""
    page = ""
    for cell in (EXAMPLES / "tour.py").read_text(encoding="utf-8").split("# %%")[1:]:
        text = re.sub("^# ?", "", cell.removeprefix(" [markdown]\n"), flags=re.MULTILINE).strip()
        page += f"{text}\n\n" if cell.startswith(" [markdown]") else f"```python\n{cell.strip()}\n```\n\n"
    assert (EXAMPLES.parent / "docs" / "tour.md").read_text(encoding="utf-8").strip() == page.strip()
