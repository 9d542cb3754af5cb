"""Which Python `make` picks."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MAKE = shutil.which("make")
MAKEFILE = Path(__file__).parents[1] / "Makefile"
BROKEN = "#!/bin/sh\nexit 127\n"
"""Like pyenv's shim for a version that is not selected."""

pytestmark = pytest.mark.skipif(MAKE is None, reason="needs make")


def installed(folder: Path, pythons: dict[str, tuple[int, ...] | None]) -> str:
    """Make a folder for PATH with Pythons that claim these versions; one with None does not run."""
    folder.mkdir()
    for name, version in pythons.items():
        code = f"import sys; sys.version_info = {version}; exec(sys.argv[2])"
        (folder / name).write_text(f"#!/bin/sh\nexec {sys.executable} -c '{code}' \"$@\"\n" if version else BROKEN)
        (folder / name).chmod(0o755)
    return str(folder)


def set_up(path: str) -> subprocess.CompletedProcess[str]:
    """Return what `make setup` would do in a fresh clone."""
    Path("pyproject.toml").touch()
    command = [str(MAKE), "--dry-run", "--file", str(MAKEFILE), "setup"]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [
        ({"python3": (3, 11, 4)}, "python3"),
        ({"python3": (3, 12, 1), "python3.13": (3, 13, 0)}, "python3"),
        ({"python3": (3, 11, 3), "python3.11": (3, 11, 3), "python3.12": (3, 12, 0)}, "python3.12"),
        ({"python3": (3, 14, 0), "python3.13": None, "python3.11": (3, 11, 9)}, "python3.11"),
    ],
)
def test_make_takes_a_python_that_runs_and_is_tested(pythons, taken, working_folder):
    assert set_up(installed(working_folder / "bin", pythons)).stdout.splitlines()[0] == f"{taken} -m venv .venv"


@pytest.mark.parametrize("pythons", [{}, {"python3": (3, 9, 2), "python3.13": None}])
def test_make_without_such_a_python_says_so_in_one_line(pythons, working_folder):
    done = set_up(installed(working_folder / "bin", pythons))
    assert done.returncode != 0
    assert "venv" not in done.stdout
    (line,) = done.stderr.splitlines()
    assert "no Python 3.11.4 to 3.13 with venv is here; install one, or name it: make PYTHON=" in line
