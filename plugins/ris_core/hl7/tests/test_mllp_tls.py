"""MLLP over TLS: who is let in by certificate, by which names the certificate is known, and what is refused."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from ris_core.errors import SettingsInvalid
from ris_core.hl7.mllp import FrameReader, framed
from ris_core.hl7.mllp_server import Frame, Limits, MllpServer, TlsListener
from ris_core.hl7.mllp_tls import server_context
from ris_core.hl7.tests.certificates import Authority, Files

WAIT_SECONDS = 15.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


@contextmanager
def serving(tls: TlsListener | None, limits: Limits | None = None) -> Iterator[tuple[MllpServer, list[Frame]]]:
    """A server that echoes what it gets."""
    frames: list[Frame] = []

    def submit(frame: Frame) -> None:
        frames.append(frame)
        server.deliver([(frame.connection, frame.raw)])

    server = MllpServer("127.0.0.1", 0, limits or Limits(), submit, tls)
    started, stop = threading.Event(), threading.Event()

    async def run() -> None:
        await server.start()
        started.set()
        while not stop.is_set():
            await asyncio.sleep(0.01)
        server.stop_listening()
        await asyncio.sleep(0.05)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert started.wait(WAIT_SECONDS)
    try:
        yield server, frames
    finally:
        stop.set()
        thread.join(WAIT_SECONDS)


def exchanged(connection: socket.socket, message: bytes) -> bytes:
    """The answer; empty when the connection is closed instead."""
    reader = FrameReader(1_000_000)
    try:
        connection.sendall(framed(message))
        while data := connection.recv(4096):
            for answer in reader.feed(data):
                return answer
    except (ConnectionError, ssl.SSLError):
        pass
    return b""


@contextmanager
def tls_connection(
    port: int, ca: Path, own: Files | None = None, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Iterator[socket.socket]:
    context = ssl.create_default_context(cafile=str(ca))
    context.maximum_version = newest
    if own:
        context.load_cert_chain(own.certificate, own.key)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        yield connection


def listener(authority: Authority, ca: Path | None) -> TlsListener:
    own = authority.issue("quang")
    return TlsListener("127.0.0.1", 0, server_context(own.certificate, own.key, ca))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_sender_with_a_certificate_is_let_in_and_known_by_it(authority: Authority, version: ssl.TLSVersion) -> None:
    his = authority.issue("his")
    with serving(listener(authority, authority.ca)) as (server, frames):
        assert server.tls is not None
        with tls_connection(server.tls.port, authority.ca, his, version) as connection:
            assert exchanged(connection, b"one") == b"one"
            assert exchanged(connection, b"x" * 200_000) == b"x" * 200_000
        der = ssl.PEM_cert_to_DER_cert(his.certificate.read_text())
        fingerprint = hashlib.sha256(der).hexdigest().upper()
        assert frames[0].connection.certificate == (fingerprint, "CN=his,O=Hospital", "CN=his")


def test_no_certificate_or_another_authoritys_is_refused_and_logged(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other").mkdir()
    strangers = Authority(tmp_path / "other", "other")
    with serving(listener(authority, authority.ca)) as (server, frames), caplog.at_level(logging.WARNING):
        assert server.tls is not None
        for own in (None, strangers.issue("his")):
            try:
                with tls_connection(server.tls.port, authority.ca, own) as connection:
                    assert exchanged(connection, b"one") == b""
            except (ConnectionError, ssl.SSLError):
                pass  # told within the handshake (TLS 1.2), or at the first byte after it
        assert frames == []
    assert caplog.text.count("handshake failed") == 2


def test_plain_text_at_the_tls_port_is_refused(authority: Authority) -> None:
    with serving(listener(authority, None)) as (server, frames):
        assert server.tls is not None
        with socket.create_connection(("127.0.0.1", server.tls.port), timeout=WAIT_SECONDS) as connection:
            assert exchanged(connection, b"one") == b""
        assert frames == []


def test_without_an_authority_senders_need_no_certificate(authority: Authority) -> None:
    with serving(listener(authority, None)) as (server, frames):
        assert server.tls is not None
        with tls_connection(server.tls.port, authority.ca) as connection:
            assert exchanged(connection, b"one") == b"one"
        assert frames[0].connection.certificate == ()


def test_connections_of_one_address_are_limited() -> None:
    with serving(None, Limits(max_connections_per_peer=2)) as (server, _frames):
        connections = [socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS) for _ in range(3)]
        assert [exchanged(connection, b"one") for connection in connections] == [b"one", b"one", b""]
        for connection in connections:
            connection.close()


@pytest.mark.parametrize(("network", "answer"), [("127.0.0.0/8", b"one"), ("10.0.0.0/8", b"")])
def test_connections_come_from_allowed_networks_only(network: str, answer: bytes) -> None:
    with (
        serving(None, Limits(networks=(ip_network(network),))) as (server, _frames),
        socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS) as connection,
    ):
        assert exchanged(connection, b"one") == answer


def test_a_file_that_cannot_be_used_is_named(authority: Authority, tmp_path: Path) -> None:
    own = authority.issue("quang")
    with pytest.raises(SettingsInvalid) as caught:
        server_context(tmp_path / "missing", own.key, None)
    assert caught.value.field == "hl7.tls_certificate"
    with pytest.raises(SettingsInvalid) as caught:
        server_context(own.certificate, own.key, own.key)
    assert caught.value.field == "hl7.tls_client_ca"
