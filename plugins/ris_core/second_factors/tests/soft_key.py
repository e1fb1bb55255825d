"""A security key as software: what a browser answers with one plugged in."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

PRESENT_AND_VERIFIED = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV


class SoftKey:
    """One key, made for one site; ``uses`` is its counter, 0 if it does not count."""

    def __init__(self, host: str = "ris.test", origin: str = "https://ris.test") -> None:
        self.host, self.origin = host, origin
        self.uses = 0
        self.flags = PRESENT_AND_VERIFIED
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._id = os.urandom(32)

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The browser's answer when the key is to be added."""
        data = AttestedCredentialData.create(
            b"\0" * 16,
            self._id,
            ES256.from_cryptography_key(self._private.public_key()),  # type: ignore[no-untyped-call]
        )
        authenticator = AuthenticatorData.create(
            self._host_digest(), self.flags | AuthenticatorData.FLAG.AT, self.uses, bytes(data)
        )
        said = self._said("webauthn.create", options)
        return self._answer(
            clientDataJSON=said, attestationObject=bytes(AttestationObject.create("none", authenticator, {}))
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """The browser's answer when the key is used."""
        authenticator = bytes(AuthenticatorData.create(self._host_digest(), self.flags, self.uses))
        said = self._said("webauthn.get", options)
        signature = self._private.sign(authenticator + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=said, authenticatorData=authenticator, signature=signature)

    def _said(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _host_digest(self) -> bytes:
        return hashlib.sha256(self.host.encode()).digest()

    def _answer(self, **response: bytes) -> dict[str, Any]:
        name = websafe_encode(self._id)
        coded = {key: websafe_encode(value) for key, value in response.items()}
        return {"id": name, "rawId": name, "type": "public-key", "response": coded, "clientExtensionResults": {}}
