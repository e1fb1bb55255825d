"""Secrets by which receivers know that something posted is ours: derived, so that they are in no table."""

from __future__ import annotations

import base64
import hashlib
import hmac

from ris_core.settings import Settings


def signing_secret(owner: str, key_number: int, quang: Settings) -> str:
    """256 bits in base64url, from the key in the secret file ``webhook_signing_key``.

    :param owner: whose it is: ``webhook:7``, ``receiver:3``
    """
    key = quang.secret("webhook_signing_key").encode()
    derived = hmac.digest(key, f"{owner}:{key_number}".encode(), hashlib.sha256)
    return "whs_" + base64.urlsafe_b64encode(derived).rstrip(b"=").decode()
