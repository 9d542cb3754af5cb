"""Open models: the most recent stay in memory; each computes one request at a time, and only the newest of a view."""

import argparse
import asyncio
import gc
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from genlab.commands.shared.trained import Trained
from genlab.errors import GenlabError, in_one_line
from genlab.explore.description import describe
from genlab.explore.entries import Entry, stamp_of
from genlab.explore.explored import GLOBAL_GENERATOR, Explored

MOST_OPEN = 2
"""Maximum number of models in memory."""
MOST_VIEWS = 1000
"""Maximum number of views whose newest turns are remembered."""

Found = TypeVar("Found")


class Superseded(Exception):
    """Raised for an outdated request, whose view has sent a newer one."""


class Turn(NamedTuple):
    """Position of a request among those of its view, such as a slider's picture; a larger number is newer."""

    view: str
    number: int


class OpenModel:
    """A model with its own thread, which answers one request after the other.

    Args:
        explored: the model.
        key: identifies it on the page.
    """

    def __init__(self, explored: Explored, key: str) -> None:
        self.explored = explored
        self.description = describe(explored, key)
        self._thread = ThreadPoolExecutor(1, "model")
        self._newest: OrderedDict[str, int] = OrderedDict()

    async def compute(self, work: Callable[[Explored], Found], turn: Turn | None = None) -> Found:
        """Run `work` on the model after earlier requests.

        Raises:
            Superseded: when its view has sent a newer request by then.
            GenlabError: for any error in the model.
        """
        if turn is not None:
            self._note(turn)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._done, work, turn)

    def _done(self, work: Callable[[Explored], Found], turn: Turn | None) -> Found:
        if turn is not None and turn.number < self._newest.get(turn.view, turn.number):
            raise Superseded
        try:
            return work(self.explored)
        except GenlabError:
            raise
        except Exception as error:  # a user's own model may raise anything
            raise GenlabError(in_one_line(error)) from error

    def _note(self, turn: Turn) -> None:
        self._newest[turn.view] = max(turn.number, self._newest.get(turn.view, turn.number))
        self._newest.move_to_end(turn.view)
        while len(self._newest) > MOST_VIEWS:
            self._newest.popitem(last=False)


class OpenModels:
    """The most recently used models.

    Args:
        args: the command's arguments, with which models and their data are opened.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._open: OrderedDict[Path, tuple[tuple[int, int], OpenModel]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "opening")
        self._opening = asyncio.Lock()

    async def get(self, entry: Entry, *, newest: bool = False) -> OpenModel:
        """Return the model of an entry, opening it if necessary.

        Args:
            entry: the run or checkpoint.
            newest: whether to open it again if its checkpoint has been written since.

        Raises:
            GenlabError: for a checkpoint that cannot be opened.
        """
        path = entry.checkpoint
        model = self._known(path, newest)
        if model is not None:
            return model
        async with self._opening:
            model = self._known(path, newest)  # another request may have opened it in the meantime
            if model is None:
                stamp = stamp_of(path)
                model = await asyncio.get_running_loop().run_in_executor(self._thread, self._opened, entry, path)
                self._keep(path, stamp, model)
        return model

    def _known(self, path: Path, newest: bool) -> OpenModel | None:
        stamp, model = self._open.get(path, (None, None))
        if model is None or (newest and stamp != stamp_of(path)):
            return None
        self._open.move_to_end(path)
        return model

    def _keep(self, path: Path, stamp: tuple[int, int], model: OpenModel) -> None:
        self._open[path] = stamp, model
        self._open.move_to_end(path)
        while len(self._open) > MOST_OPEN:
            self._open.popitem(last=False)
        gc.collect()  # models are part of reference cycles

    def _opened(self, entry: Entry, path: Path) -> OpenModel:
        try:
            return OpenModel(explored_at(path, self._args), entry.key)
        except GenlabError:
            raise
        except Exception as error:  # a user's own model may raise anything
            raise GenlabError(f"{path} cannot be opened: {in_one_line(error)}") from error


def explored_at(checkpoint: Path, args: argparse.Namespace, *, styles: bool = True) -> Explored:
    """Open a checkpoint and draw its gallery; `styles` is passed to `Explored`."""
    unasked: dict[str, Any] = {"out": None, "input": None, "condition": None, "condition_image": None}
    with GLOBAL_GENERATOR:
        return Explored(Trained(argparse.Namespace(**{**vars(args), **unasked, "ckpt": checkpoint})), styles=styles)
