"""What is fetched from a provider, and what is not (a server of the test's own on loopback)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ris_core.openid import connections
from ris_core.openid.connections import HttpProvider
from ris_core.openid.errors import LoginNotProved, ProviderUnavailable
from ris_core.openid.settings import OpenidProvider
from ris_core.openid.tests.example_provider import KEY, PROVIDER
from ris_core.settings import load_settings


@dataclass
class Published:
    """What the server answers under each path: status, headers, body; and what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def says(self, path: str, body: object, status: int = 200, **headers: str) -> None:
        self.answers[path] = (status, headers, body if isinstance(body, bytes) else json.dumps(body).encode())

    def metadata(self, **other: Any) -> None:
        paths = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        addresses = {name: f"{self.url}/{path}" for name, path in paths.items()}
        self.says("/.well-known/openid-configuration", {"issuer": self.url, **addresses, **other})


@pytest.fixture
def published() -> Iterator[Published]:
    said = Published()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            said.asked.append((self.path, self.headers.get("Authorization", ""), self.rfile.read(length).decode()))
            status, headers, body = said.answers.get(self.path, (404, {}, b"{}"))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - as http.server calls it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    said.url = f"http://127.0.0.1:{server.server_port}"
    said.metadata()
    said.says("/jwks", {"keys": [KEY.as_dict(private=False)]})
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield said
    server.shutdown()
    server.server_close()
    connections._kept.clear()


def provider_at(published: Published) -> OpenidProvider:
    return msgspec.structs.replace(PROVIDER, issuer=published.url, plain_http=True)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_metadata_and_keys_are_fetched_once_an_hour(published: Published) -> None:
    clock = Clock()
    peer = HttpProvider(provider_at(published), "secret", clock)
    for _ in range(3):
        assert peer.metadata().token_endpoint == f"{published.url}/token"
        assert [key.kid for key in peer.keys(anew=False)] == ["one"]
    assert len(published.asked) == 2
    peer.keys(anew=True)
    assert len(published.asked) == 2, "just fetched: whoever sends tokens of unknown keys causes no requests"
    clock.now += 31
    peer.keys(anew=True)
    assert len(published.asked) == 3
    clock.now += 3600
    peer.keys()
    assert len(published.asked) == 5


@pytest.mark.parametrize(
    "other",
    [
        {"issuer": "https://other.test"},
        {"token_endpoint": "https://other.test/token"},
        {"jwks_uri": "http://127.0.0.1:1/jwks"},
        {"jwks_uri": None},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "file:///etc/passwd"},
    ],
)
def test_metadata_that_lead_elsewhere_are_refused(published: Published, other: dict[str, object]) -> None:
    published.metadata(**other)
    with pytest.raises(ProviderUnavailable):
        HttpProvider(provider_at(published), "secret").metadata()


def test_a_redirect_is_not_followed(published: Published) -> None:
    published.says("/.well-known/openid-configuration", {}, 302, Location=f"{published.url}/inside")
    with pytest.raises(ProviderUnavailable):
        HttpProvider(provider_at(published), "secret").metadata()
    assert [path for path, *_ in published.asked] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("body", [b"[]", b"no json", b"", b'{"a":"' + b"x" * 600_000 + b'"}'])
def test_an_answer_that_is_none_or_too_long_is_no_answer(published: Published, body: bytes) -> None:
    published.says("/.well-known/openid-configuration", body)
    with pytest.raises(ProviderUnavailable):
        HttpProvider(provider_at(published), "secret").metadata()


@pytest.mark.parametrize(("body", "wrong"), [({"keys": []}, True), ({"keys": 7}, True), ({}, True)])
def test_keys_that_are_none_are_refused(published: Published, body: object, wrong: bool) -> None:
    published.says("/jwks", body)
    with pytest.raises(ProviderUnavailable):
        HttpProvider(provider_at(published), "secret").keys()


def test_a_code_is_exchanged_with_our_secret_and_the_verifier(published: Published) -> None:
    published.says("/token", {"id_token": "a.b.c"})
    assert HttpProvider(provider_at(published), "se:cret").id_token("code-1", "verifier-1", "https://ris/") == "a.b.c"
    path, authorization, form = published.asked[-1]
    assert (path, authorization.startswith("Basic ")) == ("/token", True)
    assert "code_verifier=verifier-1" in form
    assert "secret" not in form
    posting = msgspec.structs.replace(provider_at(published), client_authentication="post")
    HttpProvider(posting, "s3cret").id_token("code-1", "verifier-1", "https://ris/")
    assert published.asked[-1][1] == ""
    assert "client_secret=s3cret" in published.asked[-1][2]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": "invalid_grant"}, LoginNotProved),
        (401, {"error": "invalid_client"}, ProviderUnavailable),
        (500, {}, ProviderUnavailable),
        (200, {"access_token": "x"}, LoginNotProved),
    ],
)
def test_a_code_that_is_not_taken(published: Published, status: int, body: object, error: type[Exception]) -> None:
    published.says("/token", body, status)
    with pytest.raises(error):
        HttpProvider(provider_at(published), "secret").id_token("code-1", "verifier-1", "https://ris/")


def test_nobody_listening_and_a_missing_secret_are_an_outage(tmp_path: Path) -> None:
    silent = msgspec.structs.replace(PROVIDER, issuer="http://127.0.0.1:9", plain_http=True)
    with pytest.raises(ProviderUnavailable):
        HttpProvider(silent, "secret").metadata()
    with pytest.raises(ProviderUnavailable):
        HttpProvider.from_settings(PROVIDER, load_settings({"QUANG_HOME": str(tmp_path)}))
