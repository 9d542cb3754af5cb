"""The command: its port, its address, and what it needs."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from genlab.cli import main
from genlab.errors import GenlabError
from genlab.explore import server
from genlab.explore.server import address_of, listening


def test_a_free_port_is_taken_and_a_used_one_is_told():
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert port > 0
        with pytest.raises(GenlabError, match=f"port {port} of 127.0.0.1 is in use; give another --port"):
            listening("127.0.0.1", port)


def test_a_host_that_is_not_this_machine_is_told():
    for host in ("203.0.113.1", "no.such.host.invalid"):
        with pytest.raises(GenlabError, match=f"cannot listen on port 0 of {re.escape(host)}: .*give another"):
            listening(host, 0)


def test_the_address_is_one_that_a_browser_here_can_open():
    assert address_of("127.0.0.1", 80) == "http://127.0.0.1:80/"
    assert address_of("0.0.0.0", 8000) == "http://127.0.0.1:8000/"
    assert address_of("::1", 8000) == "http://[::1]:8000/"


def test_without_any_run_one_line_says_so(refused):
    assert "there are no runs in runs; train a model first, or give --ckpt PATH" in refused("explore")
    assert "nothing.ckpt" in refused("explore", "--ckpt=nothing.ckpt")


def test_a_port_in_use_is_one_line(refused, run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} of 127.0.0.1 is in use" in refused("explore", f"--ckpt={run}", f"--port={port}")


def test_arguments_are_checked(refused):
    assert "70000 is not a port from 0 to 65535" in refused("explore", "--port=70000")
    assert "--runtime is for an exported page" in refused("explore", "--runtime=node_modules")


def test_without_the_extra_one_line_says_what_to_install(refused, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    assert refused("explore") == ("genlab: genlab explore needs starlette and uvicorn: pip install 'genlab[explore]'")


def test_others_can_look_only_where_that_is_asked_for(run, monkeypatch, recwarn):
    asked = []
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: asked.append(sockets[0].getsockname()[0]))
    main(["explore", f"--ckpt={run}", "--no-browser"])
    assert not [warning for warning in recwarn if "outside" in str(warning.message)]
    with pytest.warns(UserWarning, match="0.0.0.0 can be reached from other machines"):
        main(["explore", f"--ckpt={run}", "--no-browser", "--host=0.0.0.0"])
    assert asked == ["127.0.0.1", "0.0.0.0"]


def test_the_browser_is_opened_unless_asked_not_to(run, monkeypatch):
    opened = []
    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: None)
    monkeypatch.setattr(server.threading.Thread, "start", lambda self: opened.append(self._args[0]))
    main(["explore", f"--ckpt={run}", "--no-browser"])
    assert opened == []
    main(["explore", f"--ckpt={run}"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", opened[0])


def test_the_command_serves_until_ctrl_c(run):
    command = [sys.executable, "-m", "genlab", "explore", f"--ckpt={run}", "--no-browser"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        half = b"POST /api/models/a/decode HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\n\r\nhalf"
        closed, waiting = (socket.create_connection(("127.0.0.1", urlsplit(address).port)) for _ in range(2))
        closed.sendall(half)
        closed.close()
        waiting.sendall(half)
        with urllib.request.urlopen(f"{address}api/runs") as answer:
            assert b'"chosen"' in answer.read()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
        waiting.close()
    assert process.returncode == 0
    assert (out, errors) == ("", "")
