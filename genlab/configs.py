"""Configs that come with genlab, found by name. Imports nothing heavy."""

from pathlib import Path

from genlab.errors import GenlabError, nearest

PACKAGE = Path(__file__).parent


def shipped_folder() -> Path:
    """Return the folder of shipped configs: in the installed package, or beside it in a clone of the repository."""
    inside = PACKAGE / "configs"
    return inside if inside.is_dir() else PACKAGE.parent / "configs"


def shipped_configs() -> dict[str, Path]:
    """List the shipped configs by name, overlays as `overlays/<name>`, batch scripts as `slurm/<name>`."""
    folder = shipped_folder()
    found = sorted([*folder.rglob("*.yaml"), *folder.rglob("*.sbatch")])
    return {path.relative_to(folder).as_posix(): path for path in found}


def find_config(name: str) -> Path:
    """Find a config by name: a path, or else one of the shipped configs.

    Raises:
        GenlabError: for an unknown name, suggesting the nearest one, and for anything but a text file.
    """
    if Path(name).is_file():
        try:
            Path(name).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise GenlabError(f"the config {name} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
        return Path(name)
    shipped = shipped_configs()
    if name in shipped:
        return shipped[name]
    if Path(name).exists():
        raise GenlabError(f"the config {name!r} is a folder or a device; give the path of a file")
    stems = {Path(known).stem: known for known in shipped}
    found = stems.get(nearest(Path(name).stem, stems) or "")
    hint = f"did you mean {found}?" if found else "`genlab configs` lists the shipped ones"
    raise GenlabError(f"there is no config {name}, neither as a path nor among the shipped ones; {hint}")
