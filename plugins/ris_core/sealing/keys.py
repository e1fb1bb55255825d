"""The site's sealing keys: lines of one secret file, which is never in the database.

The first line seals, every line opens; so a new key is put in front, what is sealed by the old ones is sealed anew
(:mod:`.rotation`), and an old line is taken out when nothing is sealed by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings as django_settings

from ris_core.errors import SettingsInvalid

SECRET: Final = "credential_sealing_key"  # noqa: S105 - the name of a file
SHORTEST: Final = 32
"""Characters of a key."""
MOST_KEYS: Final = 3
"""Values are looked up under every key, so there are few."""
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_DIGITS: Final = str.maketrans("abcdefghijklmnop", "0123456789abcdef")


def letters(data: bytes) -> str:
    """``data`` in the letters a to p: no digit in it, so no search for part of a number ever meets it by chance."""
    return data.hex().translate(_LETTERS)


def from_letters(text: str) -> bytes:
    """The reverse of :func:`letters`.

    :raises ValueError: it is none
    """
    return bytes.fromhex(text.translate(_DIGITS))


@dataclass(frozen=True)
class Key:
    """One line of the file, and what is made of it; nothing of one follows from another (HKDF-SHA256)."""

    secret: bytes = field(repr=False)
    id: str = field(init=False)
    """Eight letters that stand in everything it has sealed; nothing of the key follows from them."""
    sealing: AESGCM = field(init=False, repr=False)
    """AES-256-GCM: the same text is another one each time it is sealed."""
    finding: AESSIV = field(init=False, repr=False)
    """AES-SIV (RFC 5297), 256-bit halves: the same text is always the same, so that it can be looked up."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", letters(self.derived("sealing key id", 4)))
        object.__setattr__(self, "sealing", AESGCM(self.derived("sealing", 32)))
        object.__setattr__(self, "finding", AESSIV(self.derived("finding", 64)))

    def derived(self, purpose: str, length: int = 32) -> bytes:
        """A key of ``length`` bytes for one purpose."""
        return HKDF(hashes.SHA256(), length, salt=None, info=f"quang {purpose}".encode()).derive(self.secret)


def sealing_keys() -> tuple[Key, ...]:
    """The keys in force, the one that seals first; the file is read again when it has changed.

    :raises SettingsInvalid: there is no such file, or a line of it is too short, or there are too many
    """
    path: Path = django_settings.QUANG.secrets_dir / SECRET
    try:
        found = path.stat()
    except OSError as error:
        raise SettingsInvalid(f"secret file {path} cannot be read: {error.strerror}", field=SECRET) from error
    return _keys(path, found.st_mtime_ns, found.st_size, found.st_ino)


def derived_key(purpose: str) -> bytes:
    """32 bytes for one purpose, made from the present key."""
    return sealing_keys()[0].derived(purpose)


@lru_cache(maxsize=4)
def _keys(_path: Path, _changed: int, _size: int, _inode: int) -> tuple[Key, ...]:
    lines = [line.strip() for line in django_settings.QUANG.secret(SECRET).splitlines() if line.strip()]
    if len(lines) > MOST_KEYS:
        raise SettingsInvalid(f"secret file {SECRET} has more than {MOST_KEYS} lines", field=SECRET)
    if any(len(line) < SHORTEST for line in lines):
        raise SettingsInvalid(f"secret file {SECRET}: a key has at least {SHORTEST} characters", field=SECRET)
    return tuple(Key(line.encode()) for line in lines)
