"""The files of the page, as the server gives them."""

import base64
import hashlib
import re

import pytest

from genlab.explore import page_files
from genlab.explore.entries import NotThere


def test_the_page_may_run_its_own_scripts_and_no_others(serve, run):
    client = serve(run).client
    answer = client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    inline = re.findall(r"<script(?: type=\"\w+\")?>(.*?)</script>", answer.text, re.DOTALL)
    assert inline  # the import map
    hashes = {f"sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}" for each in inline}
    (scripts,) = (part for part in policy.split("; ") if part.startswith("script-src"))
    assert set(scripts.split()) == {"script-src", "'self'", *(f"'{each}'" for each in hashes)}


def test_everything_that_the_page_names_is_there(serve, run):
    client = serve(run).client
    index = client.get("/").text
    named = set(re.findall(r'"(/page/[^"]+)"', index))
    assert len(named) > 10
    for address in named:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"].split(";")[0] in page_files.TYPES.values()


def test_no_address_of_another_machine_is_in_the_served_page():
    for path in page_files.FOLDER.rglob("*"):
        if path.suffix in page_files.TYPES and "exported" not in path.as_posix():
            addresses = re.findall(r"https?://[^\s\"'`)]+", path.read_text(encoding="utf-8"))
            assert set(addresses) <= {"http://www.w3.org/2000/svg"}, path


@pytest.mark.parametrize("name", ["", "../app.py", "/etc/passwd", "panels", "panels/../index.html", "nothing.js"])
def test_files_are_those_of_a_listing(name):
    with pytest.raises(NotThere):
        page_files.file_of(name)
