"""Functions in processes of their own.

They are forked from a process that has imported what they need and nothing else: a fork of the tests' own process
would share locks with it (such as tqdm's), and be killed while it holds them.
"""

import contextlib
import multiprocessing
import os
import runpy
import socket
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TextIO

import torch

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["genlab.cli.trainer", "genlab.callbacks.curves", "sklearn.datasets"])


@contextlib.contextmanager
def running(function: Callable[..., object], *arguments: object) -> Iterator[tuple[BaseProcess, TextIO]]:
    """Call a function in another process; yield the process and its output, and wait for its end."""
    read, write = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_call, args=(write, dict(os.environ), function, *arguments))
    process.start()
    write.close()
    with os.fdopen(os.dup(read.fileno()), encoding="utf-8") as printed:
        try:
            yield process, printed
            printed.read()
        except BaseException:
            process.kill()
            raise
        finally:
            process.join()


def ended(function: Callable[..., object], *arguments: object) -> tuple[int | None, str]:
    """Call a function in another process; return its exit status, negative for a signal, and its output."""
    with running(function, *arguments) as (process, printed):
        text = printed.read()
    return process.exitcode, text


def run_script(script: str, *arguments: str, processes: int = 1) -> None:
    """Run a script in processes of one group, which is announced to each as Lightning announces it; all must succeed.

    This takes seconds less than starting Python, which would import everything again in each of them.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes), "NODE_RANK": "0"}
    with contextlib.ExitStack() as stack:
        places = [group | {"LOCAL_RANK": str(rank)} if processes > 1 else {} for rank in range(processes)]
        started = [stack.enter_context(running(_as_main, place, script, arguments)) for place in places]
        said = [printed.read() for _, printed in started]
    for (process, _), text in zip(started, said, strict=True):
        assert process.exitcode == 0, text


def _as_main(place: dict[str, str], script: str, arguments: tuple[str, ...]) -> None:
    multiprocessing.set_start_method("fork", force=True)  # for workers, as in a script that Python starts
    os.environ.update(place)
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


def _call(output: Connection, environment: dict[str, str], function: Callable[..., object], *arguments: object) -> None:
    os.environ.clear()
    os.environ.update(environment)
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, encoding="utf-8") for stream in (1, 2))
    torch.set_num_threads(1)
    function(*arguments)
