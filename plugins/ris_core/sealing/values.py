"""Values at rest, sealed by the site's keys: ``~sealed.<key id>.`` and what only that key opens.

What a value is for (``purpose``: table and column, or whose it is) is part of what is authenticated, so that none can
be put in the place of another.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag

from ris_core.errors import SettingsInvalid
from ris_core.sealing.keys import SECRET, Key, from_letters, letters, sealing_keys

MARK: Final = "~sealed."
_MARK_BYTES: Final = MARK.encode()
_ID: Final = 8
"""Letters of a key's id."""
_HEAD: Final = len(MARK) + _ID + 1
_NONCE_BYTES: Final = 12


def head(key: Key) -> str:
    """What everything begins with that ``key`` has sealed."""
    return f"{MARK}{key.id}."


def seal(plain: bytes, purpose: str) -> bytes:
    """``plain`` so that only this site can open it, and only for ``purpose``."""
    key = sealing_keys()[0]
    return head(key).encode() + _encrypted(key, plain, purpose)


def opened(sealed: bytes, purpose: str) -> bytes:
    """What was sealed for ``purpose``.

    :raises SettingsInvalid: it was not sealed here, the key is no longer in the file, or it was tampered with
    """
    if not is_sealed(sealed):
        raise SettingsInvalid("a value was not sealed here", field=SECRET)
    return _decrypted(sealed[:_HEAD].decode("ascii", "replace"), sealed[_HEAD:], purpose)


def seal_text(plain: str, purpose: str) -> str:
    """As :func:`seal`, as text."""
    key = sealing_keys()[0]
    return head(key) + letters(_encrypted(key, plain.encode(), purpose))


def open_text(sealed: str, purpose: str) -> str:
    """What :func:`seal_text` or :func:`findable` sealed for ``purpose``.

    :raises SettingsInvalid: see :func:`opened`
    """
    try:
        data = from_letters(sealed[_HEAD:])
    except ValueError as error:
        raise _unopened(sealed[:_HEAD]) from error
    return _decrypted(sealed[:_HEAD], data, purpose).decode()


def findable(plain: str, purpose: str, key: Key | None = None) -> str:
    """``plain`` sealed to the same text each time (AES-SIV), which a column with an index is looked up by.

    It tells which values of one column are equal, and nothing else.

    :param key: none: the one that seals now
    """
    key = key or sealing_keys()[0]
    return head(key) + letters(b"\0" + key.finding.encrypt(plain.encode(), [purpose.encode()]))


def findable_forms(plain: str, purpose: str) -> list[str]:
    """How ``plain`` may stand in the column: under each key, the present one first."""
    return [findable(plain, purpose, key) for key in sealing_keys()]


def is_sealed(value: object) -> bool:
    """Whether a stored value is sealed. Plain ones never begin so: such a one is sealed when it is stored."""
    if isinstance(value, str):
        return value.startswith(MARK)
    return isinstance(value, bytes) and value.startswith(_MARK_BYTES)


def key_of(sealed: str | bytes) -> str:
    """The id of the key that has sealed a value."""
    text = sealed[:_HEAD].decode("ascii", "replace") if isinstance(sealed, bytes) else sealed[:_HEAD]
    return text[len(MARK) : -1]


def _encrypted(key: Key, plain: bytes, purpose: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return b"\1" + nonce + key.sealing.encrypt(nonce, plain, purpose.encode())


def _decrypted(beginning: str, data: bytes, purpose: str) -> bytes:
    key = next((key for key in sealing_keys() if head(key) == beginning), None)
    if key is None:
        raise _unopened(beginning)
    kind, rest = data[:1], data[1:]
    try:
        if kind == b"\0":
            return key.finding.decrypt(rest, [purpose.encode()])
        return key.sealing.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise _unopened(beginning) from error


def _unopened(beginning: str) -> SettingsInvalid:
    return SettingsInvalid(
        f"a sealed value does not open: secret {SECRET} has not the key {beginning[len(MARK) : -1]!r} that it was "
        "sealed with, or it was tampered with",
        field=SECRET,
    )
