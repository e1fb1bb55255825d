"""A remote signing service, by the API of the Cloud Signature Consortium (CSC), version 1 (1.0.4.0) or 2 (2.0.0.2).

The service keeps the key; it gets hashes and never a document. The site's own client identifier opens the service
(OAuth 2.0 client credentials, §8.3.3), the signer's PIN each signature (``credentials/authorize``, §11.6).
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import requests
from asn1crypto import x509
from pyhanko.sign.signers import Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from ris_core.signatures.errors import CredentialUnusable, SecretRefused, SigningServiceUnavailable

_DIGEST_OIDS = {
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_SIGNING_OIDS = {"rsa": "1.2.840.113549.1.1.1", "ec": "1.2.840.10045.4.3.2"}
_MOST_ANSWER_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class RemoteService:
    """Where the service is and who we are there."""

    url: str
    """Base of its methods: ``https://sign.example.vn/csc/v1``."""
    version: int
    client_id: str
    client_secret: str
    timeout_seconds: float = 20.0


class RemoteClient:
    """Calls the service's methods; the access token lasts as long as the object."""

    def __init__(self, service: RemoteService) -> None:
        self._service = service
        self._token = ""

    def certificates(self, credential_id: str) -> list[x509.Certificate]:
        """The signer's certificate first, then those of its issuers (``credentials/info``, §11.5).

        :raises CredentialUnusable: there is no such credential
        """
        body = {"credentialID": credential_id, "certificates": "chain", "certInfo": False}
        answer = self._call("credentials/info", body)
        try:
            return [x509.Certificate.load(base64.b64decode(text)) for text in answer["cert"]["certificates"]]
        except (KeyError, TypeError, ValueError) as error:
            raise CredentialUnusable("the signing service tells no certificate", field="reference") from error

    def sign(self, credential_id: str, pin: str, digest: bytes, digest_name: str, key_kind: str) -> bytes:
        """The signature of ``digest``: authorised by the PIN for this one hash, then made (§11.6, §11.9)."""
        hashes = [base64.b64encode(digest).decode()]
        oid = _DIGEST_OIDS[digest_name]
        authorize: dict[str, Any] = {"credentialID": credential_id, "numSignatures": 1}
        sign: dict[str, Any] = {"credentialID": credential_id, "signAlgo": _SIGNING_OIDS[key_kind]}
        if self._service.version == 1:
            authorize |= {"hash": hashes, "PIN": pin}
            sign |= {"hash": hashes, "hashAlgo": oid}
        else:
            authorize |= {"hashes": hashes, "hashAlgorithmOID": oid, "authData": [{"id": "PIN", "value": pin}]}
            sign |= {"hashes": hashes, "hashAlgorithmOID": oid}
        sign["SAD"] = self._call("credentials/authorize", authorize).get("SAD")
        try:
            return base64.b64decode(self._call("signatures/signHash", sign)["signatures"][0], validate=True)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise SigningServiceUnavailable("the signing service's answer has no signature in it") from error

    def _call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if not self._token:
            self._token = self._access_token()
        return self._post(method, headers={"Authorization": f"Bearer {self._token}"}, json=body)

    def _access_token(self) -> str:
        service = self._service
        form = {
            "grant_type": "client_credentials",
            "client_id": service.client_id,
            "client_secret": service.client_secret,
        }
        token = self._post("oauth2/token", data=form).get("access_token")
        if not isinstance(token, str) or not token:
            raise SigningServiceUnavailable("the signing service gives no access token")
        return token

    def _post(self, method: str, **what: Any) -> dict[str, Any]:
        service = self._service
        try:
            with requests.post(
                f"{service.url.rstrip('/')}/{method}",
                timeout=service.timeout_seconds,
                allow_redirects=False,
                stream=True,
                **what,
            ) as response:
                content = response.raw.read(_MOST_ANSWER_BYTES + 1, decode_content=True)
                status = response.status_code
            if len(content) > _MOST_ANSWER_BYTES:
                raise ValueError("too long")
            answer = json.loads(content) if content else {}
        except (requests.RequestException, OSError, ValueError, RecursionError) as error:
            raise SigningServiceUnavailable(f"the signing service does not answer {method} as it should") from error
        if not isinstance(answer, dict):
            raise SigningServiceUnavailable(f"the signing service does not answer {method} as it should")
        if status == requests.codes.ok:
            return answer
        _refuse(method, status, str(answer.get("error", "")), str(answer.get("error_description", "")))
        raise AssertionError("unreachable")


def _refuse(method: str, status: int, error: str, description: str) -> None:
    """Errors of the service (§10.1) in our words; what it says itself is not repeated, it may quote the request."""
    if method == "credentials/authorize" and ("pin" in description.lower() or error == "invalid_pin"):
        raise SecretRefused("the signing service refuses the PIN", field="secret")
    if method.startswith("credentials/") and error == "invalid_request":
        raise CredentialUnusable("the signing service has no such credential", field="reference")
    raise SigningServiceUnavailable(f"the signing service refuses {method} ({status})")


class RemoteSigner(Signer):
    """Signs with a key that the service keeps."""

    def __init__(self, client: RemoteClient, credential_id: str, pin: str, chain: list[x509.Certificate]) -> None:
        registry = SimpleCertificateStore()
        registry.register_multiple(chain)
        super().__init__(signing_cert=chain[0], cert_registry=registry)
        self._client, self._credential_id, self._pin = client, credential_id, pin

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        certificate = self.signing_cert
        assert certificate is not None  # noqa: S101 - given to the constructor
        if dry_run:
            return bytes(certificate.public_key.bit_size // 8 + 16)
        digest = hashlib.new(digest_algorithm, data).digest()
        kind = certificate.public_key.algorithm
        return self._client.sign(self._credential_id, self._pin, digest, digest_algorithm, kind)
