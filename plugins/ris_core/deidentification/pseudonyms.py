"""Other identifiers in place of a patient's: the same for the same within one secret, and unrelated under another."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import date, timedelta
from typing import Final

SECRET_BYTES: Final = 32
_STANDARD: Final = "1.2.840.10008."
_FEWEST_DAYS: Final = 366
_DAYS_RANGE: Final = 3285
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def new_secret() -> bytes:
    """For one share or one teaching file: who deletes it makes its pseudonyms final."""
    return secrets.token_bytes(SECRET_BYTES)


class Pseudonyms:
    """Made by a keyed hash: nobody without the secret finds the original, or tells whether two are one patient.

    :param secret: at least 32 random bytes
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError("a secret has at least 32 bytes")
        self._secret = secret
        digest = int.from_bytes(self._digest("dates", ""), "big")
        self._earlier = timedelta(days=_FEWEST_DAYS + digest % _DAYS_RANGE)

    def uid(self, uid: str) -> str:
        """Another UID under 2.25 (PS3.5 B.2); those that the standard itself assigns say nothing, and stay."""
        if uid.startswith(_STANDARD) or not uid:
            return uid
        number = int.from_bytes(self._digest("uid", uid)[:16], "big")
        return f"2.25.{number}"

    def patient(self, patient_id: str) -> str:
        """``AN-`` and ten signs: name and identifier of a patient in a copy."""
        number = int.from_bytes(self._digest("patient", patient_id)[:8], "big")
        return "AN-" + "".join(_ALPHABET[number >> 5 * place & 31] for place in range(10))

    def day(self, day: date) -> date | None:
        """One to ten years earlier, whole days; none when there is no such day."""
        try:
            return day - self._earlier
        except OverflowError:
            return None

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, f"{purpose}\0{text}".encode("utf-8", "replace"), hashlib.sha256)
