"""An encrypted, authenticated stream of any length in bounded memory (the STREAM construction, as in age).

``QUANGBK1``, key id (8 bytes), salt (16 bytes), then pieces of 1 MiB, each AES-256-GCM under a key derived from the
backup key and the salt (HKDF-SHA256). A piece's nonce is its number and whether it is the last: pieces cannot be
changed, left out, doubled, put in another order or cut off at the end without being noticed. The header is
authenticated with every piece.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ris_core.backups.errors import BackupRefused
from ris_core.errors import SettingsInvalid

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAGIC: Final = b"QUANGBK1"
PIECE: Final = 2**20
"""Bytes of plain text in each piece but the last."""
SECRET: Final = "backup_key"  # noqa: S105 - the name of a file
_TAG: Final = 16
_SALT: Final = 16
_ID: Final = 8
_HEADER: Final = len(MAGIC) + _ID + _SALT


def backup_keys(text: str) -> list[bytes]:
    """The lines of the secret file: the first encrypts, every one decrypts.

    :raises SettingsInvalid: one is shorter than 32 characters, or there is none
    """
    lines = [line.strip().encode() for line in text.splitlines() if line.strip()]
    if not lines or any(len(line) < 32 for line in lines):
        raise SettingsInvalid(f"secret file {SECRET}: one key a line, at least 32 characters", field=SECRET)
    return lines


def _id(key: bytes) -> bytes:
    return hashlib.sha256(b"quang backup key id" + key).digest()[:_ID]


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(hashes.SHA256(), 32, salt=salt, info=b"quang backup 1").derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


class EncryptedWriter(io.RawIOBase):
    """A file to write to; what is written goes encrypted to ``target``. Without :meth:`finish` it counts as cut off."""

    def __init__(self, target: IO[bytes], key: bytes) -> None:
        super().__init__()
        salt = os.urandom(_SALT)
        self._target, self._cipher = target, _cipher(key, salt)
        self._header = MAGIC + _id(key) + salt
        self._waiting = bytearray()
        self._number = 0
        target.write(self._header)

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        content = memoryview(data)
        self._waiting += content
        while len(self._waiting) > PIECE:  # the last piece is kept back until it is known to be the last
            self._send(bytes(self._waiting[:PIECE]), last=False)
            del self._waiting[:PIECE]
        return int(content.nbytes)

    def finish(self) -> None:
        """Write the last piece."""
        self._send(bytes(self._waiting), last=True)
        self._waiting.clear()

    def _send(self, plain: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last=last), plain, self._header))
        self._number += 1


def decrypted(source: IO[bytes], keys: list[bytes]) -> Iterator[bytes]:
    """The pieces of plain text of a backup; each has been authenticated when it is handed out.

    :raises BackupRefused: what is wrong with the file
    """
    header = source.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(MAGIC):
        raise BackupRefused("this is no backup of Quang")
    wanted = header[len(MAGIC) : len(MAGIC) + _ID]
    key = next((key for key in keys if _id(key) == wanted), None)
    if key is None:
        raise BackupRefused(
            f"the backup was made under another key ({wanted.hex()}): put that key into the secret file {SECRET}"
        )
    cipher, number = _cipher(key, header[-_SALT:]), 0
    piece = source.read(PIECE + _TAG)
    while True:
        following = source.read(PIECE + _TAG)
        last = not following
        try:
            yield cipher.decrypt(_nonce(number, last=last), piece, header)
        except InvalidTag as error:
            if last and _opens(cipher, number, piece, header):
                raise BackupRefused("the backup is cut short: its end is missing") from error
            raise BackupRefused(f"the backup was changed or damaged at its piece {number}") from error
        if last:
            return
        piece, number = following, number + 1


def _opens(cipher: AESGCM, number: int, piece: bytes, header: bytes) -> bool:
    try:
        cipher.decrypt(_nonce(number, last=False), piece, header)
    except InvalidTag:
        return False
    return True


class DecryptedReader(io.RawIOBase):
    """What :func:`decrypted` hands out, as a file to read from."""

    def __init__(self, source: IO[bytes], keys: list[bytes]) -> None:
        super().__init__()
        self._pieces = decrypted(source, keys)
        self._present = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._present) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._present += piece
        taken = self._present if size < 0 else self._present[:size]
        self._present = self._present[len(taken) :]
        return taken


class PassingTar(tarfile.TarFile):
    """An archive of any number of files, of which none is remembered once it has passed."""

    members: list[tarfile.TarInfo]

    def forget(self) -> None:
        """After each file: the archive would keep a description of all."""
        self.members.clear()
