"""The address of a time-stamping authority leads to no part of this machine, and its answer is bounded (Q6)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from asn1crypto import tsp
from pyhanko.sign.timestamps import TimestampRequestError

from ris_core.audit.services import SYSTEM
from ris_core.errors import InvalidValue
from ris_core.signatures.policy import change_policy
from ris_core.signatures.rules import Level
from ris_core.signatures.time_stamping import BoundedTimeStamper, refuse_inner_authority
from ris_core.webhooks.rules import AddressRefused

INNER = [
    "http://127.0.0.1:8042/tools/reset", "http://127.9.9.9/", "http://localhost/", "http://[::1]:8042/", "http://0.0.0.0/",
    "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]/", "http://100.100.100.200/",
    "http://[fd00:ec2::254]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "https://224.0.0.1/",
]  # fmt: skip
NO_ADDRESS = [
    "ftp://tsa.example/", "file:///etc/passwd", "gopher://tsa.example/", "http://a:b@tsa.example/", "//tsa",
    "http://tsa.example/\r\nX: y", "http://tsa.example:99999/", "javascript:alert(1)", "http:///tsa",
]  # fmt: skip


@pytest.mark.parametrize("url", INNER)
def test_an_authority_on_this_machine_is_refused_at_once(url: str) -> None:
    with pytest.raises(AddressRefused):
        refuse_inner_authority(url, ())


@pytest.mark.parametrize("url", NO_ADDRESS)
def test_what_is_no_address_of_a_web_server_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue):
        refuse_inner_authority(url, ())


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd"])
def test_the_screen_does_not_keep_one(url: str) -> None:
    with pytest.raises(InvalidValue):
        change_policy(Level.B_T, url, True, SYSTEM)


class _Door(BaseHTTPRequestHandler):
    """Leads elsewhere, or answers without an end."""

    def do_POST(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/away":
            self.send_response(307)
            self.send_header("Location", "/found")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.end_headers()
        self.wfile.write(b"x" * 2_000_000)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def door() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Door)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _ask(url: str, inner_hosts: list[str]) -> None:
    request = tsp.TimeStampReq({"version": 1, "message_imprint": {
        "hash_algorithm": {"algorithm": "sha256"}, "hashed_message": b"\0" * 32}})  # fmt: skip
    asyncio.run(BoundedTimeStamper(url, inner_hosts, 20.0).async_request_tsa_response(request))


@pytest.mark.parametrize("name", ["localhost", "127.1", "2130706433"])
def test_a_name_that_leads_to_this_machine_is_never_asked(door: HTTPServer, name: str) -> None:
    with pytest.raises(TimestampRequestError, match="QUANG-5301"):
        _ask(f"http://{name}:{door.server_port}/found", [])
    assert door.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/away", "/endless"])
def test_neither_redirections_nor_endless_answers_are_followed(door: HTTPServer, path: str) -> None:
    with pytest.raises(TimestampRequestError):
        _ask(f"http://127.0.0.1:{door.server_port}{path}", ["127.0.0.1"])
    assert door.asked == [path]  # type: ignore[attr-defined]
