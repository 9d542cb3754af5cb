"""Functions in processes of their own, which import nothing again where they can be forked."""

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TextIO

import torch

METHOD = "fork" if sys.platform == "linux" and not torch.cuda.is_available() else "spawn"


@contextlib.contextmanager
def running(function: Callable[..., object], *arguments: object) -> Iterator[tuple[BaseProcess, TextIO]]:
    """Call a function in another process; gives the process, and all that it prints, and waits for its end."""
    context = multiprocessing.get_context(METHOD)
    read, write = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(write, function, *arguments))
    process.start()
    write.close()
    with os.fdopen(os.dup(read.fileno()), encoding="utf-8") as printed:
        yield process, printed
        printed.read()
    process.join()


def ended(function: Callable[..., object], *arguments: object) -> tuple[int | None, str]:
    """Call a function in another process; returns its exit status, negative for a signal, and all that it printed."""
    with running(function, *arguments) as (process, printed):
        text = printed.read()
    return process.exitcode, text


def _call(output: Connection, function: Callable[..., object], *arguments: object) -> None:
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, encoding="utf-8") for stream in (1, 2))
    torch.set_num_threads(1)
    function(*arguments)
