"""A time-stamping authority, an OCSP responder and a revocation list on one local port, for tests of signing.

Time stamps are made by ``openssl ts`` (RFC 3161), so that what asks for them and what makes them are two programs.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ris_testing.certificate_authority import CertificateAuthority

_TSA_CONFIGURATION = """
[tsa]
default_tsa = unit
[unit]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
certs = {folder}/root.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
_LOCK = threading.Lock()


class TrustServices:
    """Answers ``/tsa``, ``/ocsp`` and ``/crl``; tests take parts of it away and count what was asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.asked: list[str] = []
        self.broken: set[str] = set()
        """Paths that answer 503."""
        services = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                services._answer(self, b"")

            def do_POST(self) -> None:
                services._answer(self, self.rfile.read(int(self.headers.get("Content-Length", "0"))))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.authority = CertificateAuthority(self.url)
        self._write_tsa()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def tsa_url(self) -> str:
        return f"{self.url}/tsa"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _write_tsa(self) -> None:
        unit = self.authority.issue_time_stamping_unit()
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "tsa.pem").write_bytes(unit.pem)
        (self._folder / "tsa.key").write_bytes(unit.key_pem)
        (self._folder / "root.pem").write_bytes(self.authority.root.pem)
        (self._folder / "serial").write_text("01\n")
        (self._folder / "tsa.cnf").write_text(_TSA_CONFIGURATION.format(folder=self._folder))

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.asked.append(request.path)
        if request.path in self.broken:
            request.send_error(503)
            return
        match request.path:
            case "/tsa":
                content, kind = self._time_stamp(body), "application/timestamp-reply"
            case "/ocsp":
                content, kind = self.authority.ocsp(body), "application/ocsp-response"
            case _:
                content, kind = self.authority.crl(), "application/pkix-crl"
        request.send_response(200)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def _time_stamp(self, query: bytes) -> bytes:
        with _LOCK:  # openssl keeps the serial number in a file
            (self._folder / "query.tsq").write_bytes(query)
            subprocess.run(
                [
                    *("openssl", "ts", "-reply", "-config", str(self._folder / "tsa.cnf"), "-section", "unit"),
                    *("-queryfile", str(self._folder / "query.tsq"), "-out", str(self._folder / "reply.tsr")),
                ],
                check=True,
                capture_output=True,
                timeout=20,
            )
            return (self._folder / "reply.tsr").read_bytes()


@contextmanager
def trust_services(folder: Path) -> Iterator[TrustServices]:
    """The services, until the end of the block."""
    services = TrustServices(folder)
    try:
        yield services
    finally:
        services.close()
