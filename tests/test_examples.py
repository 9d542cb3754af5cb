"""The programs in examples/ run, for an epoch each, and leave their pictures."""

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
    command = [sys.executable, EXAMPLES / program, *few]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    pictures = [line for line in printed.splitlines() if line.endswith(".png")]
    assert pictures
    for picture in pictures:
        assert np.asarray(Image.open(working_folder / picture)).std() > 5
