"""The wheel: it contains the configs, and the command line works from it alone, without optional packages."""

import subprocess
import sys
import zipfile
from pathlib import Path

from genlab.configs import shipped_configs

REPOSITORY = Path(__file__).parents[1]


def test_the_wheel_ships_the_configs_and_runs_without_the_repository_and_without_trackers(working_folder):
    build = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(working_folder),
        str(REPOSITORY),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = working_folder.glob("*.whl")
    site = working_folder / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
    assert (site / "genlab" / "py.typed").is_file()
    pages = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "genlab" / "explore" / "page").rglob("*.*")}
    assert Path("genlab/explore/page/index.html") in pages
    assert all((site / path).is_file() for path in pages)
    assert "License-Expression: Apache-2.0\n" in metadata
    assert [*site.glob("genlab-*/licenses/LICENSE")]
    script = (
        f"import sys; site = {str(site)!r}; sys.path.insert(0, site); "
        "import genlab; assert genlab.__file__.startswith(site); "
        "from genlab.cli import main; "
        "main(['configs']); main(['fit', '--config', 'vae_digits.yaml', '--config', 'overlays/smoke.yaml']); "
        "print('trackers imported:', *sorted({'wandb', 'tensorboard'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    for name in shipped_configs():
        assert f"{name} " in told
    assert "runs/vae_digits/0: val/" in told
    assert told.splitlines()[-1] == "trackers imported:"
