"""The runs that can be chosen on the page, by keys: no other path is ever opened."""

import contextlib
import functools
from dataclasses import dataclass
from pathlib import Path

from genlab import runs
from genlab.errors import GenlabError
from genlab.runs import history
from genlab.runs.summaries import Summary, summarise

STAMPS = (runs.CONFIG, history.FILE, runs.STATE)
"""Files that a summary depends on."""


class NotThere(GenlabError):
    """Error of a request for what is not there, or no longer."""


@dataclass(frozen=True)
class Entry:
    """A run, or a checkpoint outside of any.

    Args:
        key: what the page calls it.
        run: its folder; None without one.
        asked: the checkpoint that the user asked for; None for the run's best.
    """

    key: str
    run: Path | None
    asked: Path | None = None

    @property
    def checkpoint(self) -> Path:
        """The checkpoint to open.

        Raises:
            GenlabError: where there is none.
        """
        return runs.find_checkpoint(self.asked or self.run)

    @property
    def opens(self) -> bool:
        """Whether it has a checkpoint."""
        with contextlib.suppress(GenlabError):
            return self.checkpoint.is_file()
        return False

    @property
    def date(self) -> float:
        """When its training began or went on, in seconds; 0 outside of a run."""
        return 0.0 if self.summary is None else self.summary.date.timestamp()

    @property
    def summary(self) -> Summary | None:
        """The run in brief; None outside of a run."""
        return None if self.run is None else _summary(self.run, tuple(map(stamp_of, map(self.run.joinpath, STAMPS))))


class Entries:
    """All runs in the folder of runs, and what the user asked for.

    Args:
        ckpt: a checkpoint or a run, as --ckpt gives it; None for the newest run.

    Raises:
        GenlabError: when there is no such thing, or no run at all.
    """

    def __init__(self, ckpt: str | None) -> None:
        self._asked: Entry | None = None
        self._listed: dict[str, Entry] = {}
        found = runs.run_folders()
        if ckpt is not None:
            self._asked = _asked(Path(ckpt))
        elif not found:
            raise GenlabError(f"there are no runs in {runs.ROOT}; train a model first, or give --ckpt PATH")
        else:
            with contextlib.suppress(GenlabError):
                newest = runs.newest_run()
                self._asked = Entry(key_of(newest), newest)

    @property
    def chosen(self) -> Entry | None:
        """The entry that the page shows first; None when no run has a checkpoint."""
        return self._asked

    def all(self) -> list[Entry]:
        """List what there is now."""
        found = {key_of(run): Entry(key_of(run), run) for run in runs.run_folders()}
        if self._asked and exists(self._asked):
            found[self._asked.key] = self._asked
        self._listed = found
        return list(found.values())

    def find(self, key: str) -> Entry:
        """Find an entry by its key.

        Raises:
            NotThere: when it is not there.
        """
        found = self._listed.get(key)  # which another thread may list again meanwhile
        if found is None or not exists(found):
            found = next((entry for entry in self.all() if entry.key == key), None)
        if found is None:
            raise NotThere(f"there is no run {key[:200]}; it may have been deleted")
        return found


def exists(entry: Entry) -> bool:
    """Whether the folder or file of an entry is still there."""
    return (entry.run or entry.asked or Path()).exists()


def key_of(path: Path) -> str:
    """Name a path in an address; a whole path where browsers would resolve it, as `.` and `..`."""
    path = path if path.name.strip(".") else path.resolve()
    return path.as_posix().strip("/").encode(errors="backslashreplace").decode()


def stamp_of(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written: the time in nanoseconds, and the size; zeros where it is not."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return 0, 0


def _asked(path: Path) -> Entry:
    """The entry that --ckpt means; a run that has no checkpoint yet is one too."""
    if runs.is_config_of_run(path / runs.CONFIG):
        return Entry(_key_of_run(path), path)
    checkpoint = runs.find_checkpoint(path)
    if not checkpoint.is_file():
        raise GenlabError(f"there is no checkpoint {checkpoint}")
    run = runs.run_of(checkpoint)
    return Entry(key_of(checkpoint) if run is None else _key_of_run(run), run, checkpoint)


def _key_of_run(run: Path) -> str:
    """Name a run as it is listed, however its path is written."""
    return next((key_of(listed) for listed in runs.run_folders() if listed.samefile(run)), key_of(run))


@functools.lru_cache(maxsize=1000)
def _summary(run: Path, stamps: tuple[tuple[int, int], ...]) -> Summary:
    return summarise(run)
