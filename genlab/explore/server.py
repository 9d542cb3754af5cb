"""Start and end of the server: its port, and its address, which is printed and opened in the browser."""

import argparse
import contextlib
import errno
import logging
import os
import socket
import threading
import warnings
import webbrowser
from collections.abc import Iterator

import uvicorn

from genlab.errors import GenlabError
from genlab.explore.app import application
from genlab.explore.entries import Entries
from genlab.explore.guard import ANY, LOCAL

GRACE = 2
"""Seconds that running requests are given when the server stops."""


def main(args: argparse.Namespace) -> None:
    """Serve the page until the user stops it."""
    entries = Entries(args.ckpt)
    with listening(args.host, args.port) as listener:
        if args.host not in LOCAL:
            warnings.warn(
                f"{args.host} can be reached from other machines: whoever connects sees all runs", stacklevel=2
            )
        address = address_of(args.host, listener.getsockname()[1])
        server = uvicorn.Server(
            uvicorn.Config(
                application(args, entries),
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=GRACE,
            )
        )
        print(f"{address} shows models until you press Ctrl-C", flush=True)
        if not args.no_browser:
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt), silent_at_its_end(server):
            server.run([listener])


@contextlib.contextmanager
def silent_at_its_end(server: uvicorn.Server) -> Iterator[None]:
    """Log nothing once the user has stopped a server, since requests that are cut off then are not errors."""

    def goes_on(record: logging.LogRecord) -> bool:
        return not server.should_exit

    log = logging.getLogger("uvicorn.error")
    log.addFilter(goes_on)
    try:
        yield
    finally:
        log.removeFilter(goes_on)


def listening(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 means any free port.

    Raises:
        GenlabError: for an address on which it is impossible to listen.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise GenlabError(f"port {port} of {host} is in use; give another --port, or none for a free one") from None
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise GenlabError(f"cannot listen on port {port} of {host}: {reason}; give another --host or --port") from None
    # accepted connections inherit this; asyncio sets it only on sockets created with TCP as their protocol, and without
    # it pictures would be delayed by 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address_of(host: str, port: int) -> str:
    """Return the address to open in a browser on this machine."""
    name = LOCAL[0] if host in ANY else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"
