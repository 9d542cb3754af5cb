"""Guard of the server: who may send requests, how large they may be, and what the page may load."""

import ipaddress
import re
import socket
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 16 * 2**20
"""Maximum size of a request's body in bytes."""
TOO_LARGE = f"more than {MOST_BYTES // 2**20} MB were sent"
METHODS = ("GET", "POST")
LOCAL = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")
"""Addresses that stand for all addresses of a machine."""
HOST = re.compile(r"(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d+)?", re.IGNORECASE)
OWN_SITE = (None, "same-origin", "none")
"""Values of Sec-Fetch-Site in requests by old browsers (no value), the page itself, and a user who types the URL."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
POLICY = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of all answers; `scripts` are the hashes of the page's inline scripts."""


class Guard:
    """ASGI middleware that lets only requests by the served page through to an application.

    Pages of other sites could send requests too: by a host name of their own that resolves to this machine (DNS
    rebinding), which Host reveals, or across origins, which Origin and Sec-Fetch-Site reveal. Ports may differ, for
    example through a tunnel.

    Args:
        app: the application.
        host: the address on which the server listens.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self._is_own = own_names(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self.refusal(scope["method"], scope["path"], Headers(scope=scope))
        answer = JSONResponse({"error": refused[1]}, refused[0]) if refused else self.app
        await answer(scope, limited(receive), guarded(send))

    def refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """Return the status and the reason of a refusal; None for an acceptable request."""
        host, origin, site = headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site")
        name = HOST.fullmatch(host)
        if not name or not self._is_own((name[1] or name[2]).lower()):
            return 403, f"this server is not called {host[:100]!r}"
        if origin not in (None, f"http://{host}") or (site not in OWN_SITE and path != "/"):
            return 403, "requests from other pages are refused"
        if method not in METHODS:
            return 405, f"{method} is not one of {', '.join(METHODS)}"
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"\d{1,20}", length, re.ASCII):
            return 400, "Content-Length is not a number of bytes"
        if int(length) > MOST_BYTES:
            return 413, TOO_LARGE
        return None


def own_names(host: str) -> Callable[[str], bool]:
    """Return a function that tells whether a lower-case host name is one of a server that listens on `host`.

    If it listens on all addresses, any IP address is accepted, since the host name of another site cannot be one.
    """
    names = {*LOCAL, host.lower()}
    if host not in ANY:
        return names.__contains__
    names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return lambda name: name in names or is_address(name)


def is_address(name: str) -> bool:
    """Return whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def limited(receive: Receive) -> Receive:
    """Stop reading a body that is too long, whatever its Content-Length says."""
    read = 0

    async def counted() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BYTES:
            raise HTTPException(413, TOO_LARGE)
        return message

    return counted


def guarded(send: Send) -> Send:
    """Add the headers of every answer, unless the answer sets them itself."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in {**HEADERS, "Content-Security-Policy": POLICY.format(scripts="")}.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers
