"""The runs to choose from on the page, by keys; no other path is ever opened."""

import contextlib
import functools
from dataclasses import dataclass
from pathlib import Path

from genlab import runs
from genlab.errors import GenlabError
from genlab.runs import history
from genlab.runs.summaries import Summary, summarise

STAMPS = (runs.CONFIG, history.FILE, runs.STATE)
"""Files that the summary of a run depends on."""


class NotThere(GenlabError):
    """Error for a request for something that does not exist, or no longer exists."""


@dataclass(frozen=True)
class Entry:
    """A run, or a checkpoint outside any run.

    Args:
        key: identifies it on the page.
        run: the run's folder; None for a checkpoint outside any run.
        asked: the checkpoint that the user asked for; None for the run's best.
    """

    key: str
    run: Path | None
    asked: Path | None = None

    @property
    def checkpoint(self) -> Path:
        """The checkpoint to open.

        Raises:
            GenlabError: if there is none.
        """
        return runs.find_checkpoint(self.asked or self.run)

    @property
    def opens(self) -> bool:
        """Whether there is a checkpoint to open."""
        with contextlib.suppress(GenlabError):
            return self.checkpoint.is_file()
        return False

    @property
    def date(self) -> float:
        """Time when its training was started or resumed, in seconds; 0 outside a run."""
        return 0.0 if self.summary is None else self.summary.date.timestamp()

    @property
    def summary(self) -> Summary | None:
        """Summary of the run; None outside a run."""
        return None if self.run is None else _summary(self.run, tuple(map(stamp_of, map(self.run.joinpath, STAMPS))))


class Entries:
    """All runs in the folder of runs, and the run or checkpoint that the user asked for.

    Args:
        ckpt: a checkpoint or a run, the value of --ckpt; None for the newest run.

    Raises:
        GenlabError: when `ckpt` does not exist, or when there are no runs.
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
        """List all current entries."""
        found = {key_of(run): Entry(key_of(run), run) for run in runs.run_folders()}
        if self._asked and exists(self._asked):
            found[self._asked.key] = self._asked
        self._listed = found
        return list(found.values())

    def find(self, key: str) -> Entry:
        """Find an entry by its key.

        Raises:
            NotThere: when there is no such entry.
        """
        found = self._listed.get(key)  # looked up once, as another thread may replace the list meanwhile
        if found is None or not exists(found):
            found = next((entry for entry in self.all() if entry.key == key), None)
        if found is None:
            raise NotThere(f"there is no run {key[:200]}; it may have been deleted")
        return found


def exists(entry: Entry) -> bool:
    """Return whether the folder or file of an entry still exists."""
    return (entry.run or entry.asked or Path()).exists()


def key_of(path: Path) -> str:
    """Return the key of a path, for URLs; an absolute path if browsers would resolve it, such as `.` and `..`."""
    path = path if path.name.strip(".") else path.resolve()
    return path.as_posix().strip("/").encode(errors="backslashreplace").decode()


def stamp_of(path: Path) -> tuple[int, int]:
    """Return a file's modification time in nanoseconds and its size, to detect changes; zeros if it does not exist."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return 0, 0


def _asked(path: Path) -> Entry:
    """Return the entry that --ckpt means, which may be a run that has no checkpoint yet."""
    if runs.is_config_of_run(path / runs.CONFIG):
        return Entry(_key_of_run(path), path)
    checkpoint = runs.find_checkpoint(path)
    if not checkpoint.is_file():
        raise GenlabError(f"there is no checkpoint {checkpoint}")
    run = runs.run_of(checkpoint)
    return Entry(key_of(checkpoint) if run is None else _key_of_run(run), run, checkpoint)


def _key_of_run(run: Path) -> str:
    """Return the key that a run is listed by, however its path is written."""
    return next((key_of(listed) for listed in runs.run_folders() if listed.samefile(run)), key_of(run))


@functools.lru_cache(maxsize=1000)
def _summary(run: Path, stamps: tuple[tuple[int, int], ...]) -> Summary:
    return summarise(run)
