"""A remote signing service for tests: the methods of the CSC API that a signer needs, versions 1 and 2.

Written after the specifications (1.0.4.0 and 2.0.0.2), not after our client: it checks what it gets and refuses the
rest.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding

from ris_testing.certificate_authority import KeyAndCertificate

CLIENT_ID, CLIENT_SECRET = "quang", "client-secret-of-the-test"
_SHA256 = "2.16.840.1.101.3.4.2.1"
_RSA = "1.2.840.113549.1.1.1"


class Refused(Exception):
    """What the service answers with an error object (§10.1)."""

    def __init__(self, status: int, error: str, description: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


class CscService:
    """Keeps one credential, ``credential_id``, behind ``pin``."""

    def __init__(self, owner: KeyAndCertificate, *, credential_id: str = "an-2026", pin: str = "246810") -> None:
        self._owner, self.credential_id, self.pin = owner, credential_id, pin
        self._tokens: set[str] = set()
        self._activations: dict[str, str] = {}
        self.signed = 0
        self.wrong_pins = 0
        self.away = False
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                try:
                    status, answer = 200, service._answer(self.path, self.headers.get("Authorization", ""), body)
                except Refused as refused:
                    status = refused.status
                    answer = {"error": refused.error, "error_description": refused.description}
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._root = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, version: int) -> str:
        return f"{self._root}/csc/v{version}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, path: str, authorization: str, body: bytes) -> dict[str, Any]:
        if self.away:
            raise Refused(503, "service_unavailable")
        _, _, version, method = path.split("/", 3)
        if method == "oauth2/token":
            return self._token(body)
        if authorization.removeprefix("Bearer ") not in self._tokens:
            raise Refused(401, "invalid_token")
        asked = json.loads(body)
        if asked.get("credentialID") != self.credential_id:
            raise Refused(400, "invalid_request", "Invalid parameter credentialID")
        match method:
            case "credentials/info":
                return self._info()
            case "credentials/authorize":
                return self._authorize(asked, version)
            case "signatures/signHash":
                return self._sign(asked, version)
        raise Refused(404, "invalid_request", "no such method")

    def _token(self, body: bytes) -> dict[str, Any]:
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        if form != wanted:
            raise Refused(401, "invalid_client")
        token = secrets.token_urlsafe(16)
        self._tokens.add(token)
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3600}

    def _info(self) -> dict[str, Any]:
        chain = [self._owner.der, self._owner.issuer.public_bytes(Encoding.DER)]
        return {
            "key": {"status": "enabled", "algo": [_RSA], "len": 2048},
            "cert": {"status": "valid", "certificates": [base64.b64encode(der).decode() for der in chain]},
            "authMode": "explicit",
            "SCAL": "2",
            "multisign": 1,
        }

    def _authorize(self, asked: dict[str, Any], version: str) -> dict[str, Any]:
        if version == "v1":
            pin, hashed = asked.get("PIN"), asked.get("hash")
        else:
            pin = next((one["value"] for one in asked.get("authData", []) if one["id"] == "PIN"), None)
            hashed = asked.get("hashes")
            if asked.get("hashAlgorithmOID") != _SHA256:
                raise Refused(400, "invalid_request", "Missing or invalid parameter hashAlgorithmOID")
        if asked.get("numSignatures") != 1 or not isinstance(hashed, list) or len(hashed) != 1:
            raise Refused(400, "invalid_request", "Missing or invalid parameter hash")
        if pin != self.pin:
            self.wrong_pins += 1
            raise Refused(400, "invalid_pin", "Invalid PIN")
        activation = secrets.token_urlsafe(16)
        self._activations[activation] = hashed[0]
        return {"SAD": activation, "expiresIn": 60}

    def _sign(self, asked: dict[str, Any], version: str) -> dict[str, Any]:
        hashed = asked.get("hash" if version == "v1" else "hashes")
        if asked.get("hashAlgo" if version == "v1" else "hashAlgorithmOID") != _SHA256 or asked.get("signAlgo") != _RSA:
            raise Refused(400, "invalid_request", "Invalid algorithm")
        if not hashed or self._activations.pop(asked.get("SAD", ""), None) != hashed[0]:
            raise Refused(400, "invalid_request", "Invalid SAD")
        digest = base64.b64decode(hashed[0])
        self.signed += 1
        made = self._owner.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        return {"signatures": [base64.b64encode(made).decode()]}


@contextmanager
def csc_service(owner: KeyAndCertificate, pin: str = "246810") -> Iterator[CscService]:
    """The service, until the end of the block."""
    service = CscService(owner, pin=pin)
    try:
        yield service
    finally:
        service.close()
