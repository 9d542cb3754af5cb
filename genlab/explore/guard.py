"""Guard of the server: who may ask, how much may be sent, and what the page may load."""

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
"""Maximum number of bytes of a request's body."""
TOO_LARGE = f"more than {MOST_BYTES // 2**20} MB are sent"
METHODS = ("GET", "POST")
LOCAL = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")
"""Addresses that stand for all of a machine's."""
HOST = re.compile(r"(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d+)?", re.IGNORECASE)
OWN_SITE = (None, "same-origin", "none")
"""Values of Sec-Fetch-Site in requests of the page itself, of a user who types the address, and of old browsers."""
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
"""Content-Security-Policy of all answers; `scripts` are hashes of what the page has inline."""


class Guard:
    """ASGI application around another, which sees only requests of the page that it serves.

    A page of another site could ask too: by its own name, where that leads to this machine (DNS rebinding), which Host
    tells; or across origins, which Origin and Sec-Fetch-Site tell. Ports may differ, as through a tunnel.

    Args:
        app: the other application.
        host: the address that the server listens at.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self._is_own = own_names(host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self.refusal(scope["method"], scope["path"], Headers(scope=scope))
        answer = JSONResponse({"error": refused[1]}, refused[0]) if refused else self.app
        await answer(scope, limited(receive), guarded(send))

    def refusal(self, method: str, path: str, headers: Headers) -> tuple[int, str] | None:
        """Return the status and the reason of a refusal; None for a request that may pass."""
        host, origin, site = headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site")
        name = HOST.fullmatch(host)
        if not name or not self._is_own((name[1] or name[2]).lower()):
            return 403, f"this server is not called {host[:100]!r}"
        if origin not in (None, f"http://{host}") or (site not in OWN_SITE and path != "/"):
            return 403, "requests of other pages are refused"
        if method not in METHODS:
            return 405, f"{method} is none of {', '.join(METHODS)}"
        length = headers.get("content-length", "0")
        if not re.fullmatch(r"\d{1,20}", length, re.ASCII):
            return 400, "Content-Length is no number of bytes"
        if int(length) > MOST_BYTES:
            return 413, TOO_LARGE
        return None


def own_names(host: str) -> Callable[[str], bool]:
    """Return whether a name, in small letters, may be asked for of a server that listens at an address.

    At all addresses of a machine that is any number, which no name of another site can be.
    """
    names = {*LOCAL, host.lower()}
    if host not in ANY:
        return names.__contains__
    names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
    return lambda name: name in names or is_address(name)


def is_address(name: str) -> bool:
    """Whether a name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def limited(receive: Receive) -> Receive:
    """Stop a body that is longer than it may be, whatever its headers said."""
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
    """Add the headers that every answer has, unless it has others."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers: Any = MutableHeaders(scope=message)
            for name, value in {**HEADERS, "Content-Security-Policy": POLICY.format(scripts="")}.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers
