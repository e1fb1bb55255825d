"""Secrets at rest: sealed by the site's own secret, which is a file and never in the database.

AES-256-GCM under a key derived (HKDF-SHA256) from the secret ``credential_sealing_key``. What a sealed value is for is
part of what is authenticated, so that none can be put in the place of another.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings as django_settings

from ris_core.errors import SettingsInvalid

SECRET = "credential_sealing_key"  # noqa: S105 - the name of a file
_NONCE_BYTES = 12


def seal(plain: bytes, purpose: str) -> bytes:
    """``plain`` so that only this site can open it, and only for ``purpose``."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_key()).encrypt(nonce, plain, purpose.encode())


def opened(sealed: bytes, purpose: str) -> bytes:
    """What was sealed for ``purpose``.

    :raises SettingsInvalid: the site's secret is another one now, or the value was tampered with
    """
    nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(_key()).decrypt(nonce, data, purpose.encode())
    except InvalidTag as error:
        raise SettingsInvalid(
            f"a sealed credential does not open: secret {SECRET} is not the one it was sealed with", field=SECRET
        ) from error


def derived_key(purpose: str) -> bytes:
    """32 bytes for one purpose, made from the site's secret; those of other purposes do not follow from them."""
    secret = django_settings.QUANG.secret(SECRET).encode()
    return HKDF(hashes.SHA256(), 32, salt=None, info=f"quang {purpose}".encode()).derive(secret)


def _key() -> bytes:
    return derived_key("credentials 1")
