"""A small, deterministic part of the attack."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_few_cases_of_every_attack_are_survived():
    command = [sys.executable, "-m", "tests.attack", "--count=4"]
    place = {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(command, env=os.environ | place, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stdout + process.stderr
