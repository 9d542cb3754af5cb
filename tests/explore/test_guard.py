"""Who may send requests to the server, and how large they may be."""

import re

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from genlab.explore.guard import MOST_BYTES, Guard


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


def client(host: str = "127.0.0.1") -> TestClient:
    routes = [Route("/", length), Route("/api", length, methods=["GET", "POST"])]
    return TestClient(Guard(Starlette(routes=routes), host), "http://127.0.0.1:8000")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000", "[::1]:8000", "localhost"])
def test_the_server_answers_to_names_of_this_machine(host):
    assert client().get("/api", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8000", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "", "192.168.0.7:8000", "[::1", "a b"],
)
def test_it_answers_to_no_other_name_as_rebinding_has(host):
    answer = client().get("/api", headers={"Host": host})
    assert answer.status_code == 403
    assert "is not called" in answer.json()["error"]


def test_a_server_for_others_answers_to_addresses_and_its_own_name_only():
    for name in ("192.168.0.7:8000", "[fe80::1]:8000", "127.0.0.1:8000"):
        assert client("0.0.0.0").get("/api", headers={"Host": name}).status_code == 200
    assert client("0.0.0.0").get("/api", headers={"Host": "evil.example:8000"}).status_code == 403
    assert client("box.example").get("/api", headers={"Host": "box.example:8000"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_others_are_refused(headers):
    for method in ("GET", "POST"):
        answer = client().request(method, "/api", headers=headers)
        assert answer.status_code == 403
        assert answer.json() == {"error": "requests from other pages are refused"}


def test_the_page_itself_may_ask_and_a_link_may_lead_to_it():
    own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    assert client().post("/api", headers=own, content=b"123").text == "3"
    assert client().get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_only_get_and_post(method):
    assert client().request(method, "/api").status_code == 405


def test_a_body_is_bounded_by_its_header_before_it_is_read():
    answer = client().post("/api", content=bytes(MOST_BYTES + 1))
    assert (answer.status_code, answer.json()) == (413, {"error": "more than 16 MB were sent"})
    assert client().post("/api", content=bytes(1000)).text == "1000"


@pytest.mark.parametrize("length", ["-1", "many", "1" * 5000])
def test_a_header_that_is_no_length_is_refused(length):
    assert client().post("/api", headers={"Content-Length": length}, content=b"").status_code in (400, 413)


def test_a_body_without_a_length_is_bounded_too():
    def parts():
        for _ in range(MOST_BYTES // 2**20 + 1):
            yield bytes(2**20)

    assert client().post("/api", content=parts()).status_code == 413


def test_answers_and_refusals_say_what_a_browser_may_do():
    for headers in ({}, {"Origin": "http://evil.example"}):
        found = client().get("/api", headers=headers).headers
        assert found["x-content-type-options"] == "nosniff"
        assert found["referrer-policy"] == "no-referrer"
        assert re.search("default-src 'self';.*frame-ancestors 'none'", found["content-security-policy"])
        assert "access-control-allow-origin" not in found
