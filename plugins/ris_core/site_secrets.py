"""Every secret file of the suite, and how its content is exchanged while the suite runs.

The first line of a file with several keys is the present one, all of them are taken. A test holds this list against the
code that reads secrets and against the table in ``docs/security.md``.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ris_core.errors import InvalidValue, NotFound
from ris_core.sealing import rotation
from ris_core.sealing.keys import MOST_KEYS, sealing_keys
from ris_core.sealing.keys import SECRET as SEALING

_BYTES: Final = 48


@dataclass(frozen=True, slots=True)
class SiteSecret:
    """One file, or one for each of several partners (``launch_secret_<receiver>``)."""

    name: str
    several: bool = False
    """Whether old and new are both taken while it is exchanged."""

    def names(self, file: str) -> bool:
        """Whether ``file`` is this one, or one of these."""
        beginning, _, rest = self.name.partition("<")
        return file == self.name if not rest else file.startswith(beginning) and file != beginning


SECRETS: Final = (
    SiteSecret("django_secret_key", several=True),
    SiteSecret("viewer_signing_key", several=True),
    SiteSecret("webhook_signing_key"),
    SiteSecret(SEALING, several=True),
    SiteSecret("backup_key", several=True),
    SiteSecret("service_token_web", several=True),
    SiteSecret("service_token_worker", several=True),
    SiteSecret("service_token_monitor", several=True),
    SiteSecret("launch_secret_<receiver>", several=True),
    SiteSecret("receiver_token_<receiver>"),
    SiteSecret("directory_password_<name>"),
    SiteSecret("openid_secret_<name>"),
    SiteSecret("smtp_password"),
    SiteSecret("sms_token"),
    SiteSecret("csc_client_secret"),
    SiteSecret("pgpass"),
)


def lines_of(folder: Path, name: str) -> list[str]:
    """The keys in a secret's file.

    :raises NotFound: there is no such file, or it is no secret of the suite
    """
    path = folder / name
    if not any(secret.names(name) for secret in SECRETS) or not path.is_file():
        raise NotFound(f"there is no secret {name}", field="secret")
    return [line.strip() for line in path.read_text().splitlines() if line.strip()]


def rotate(folder: Path, name: str) -> int:
    """Put a new key in front; the old ones go on being taken. How many keys the file has now.

    What is sealed in the database is owed to the worker to be sealed anew.

    :raises InvalidValue: this secret is agreed with somebody else and has one value; or there are too many old ones
    """
    with _alone(folder):
        return _rotated(folder, name)


def _rotated(folder: Path, name: str) -> int:
    lines = lines_of(folder, name)
    if not next(secret for secret in SECRETS if secret.names(name)).several:
        raise InvalidValue(f"{name} has one value: see docs/security.md how it is exchanged", field="secret")
    if name == SEALING and len(lines) >= MOST_KEYS:
        raise InvalidValue(f"{name} has {MOST_KEYS} keys already: retire the old ones first", field="secret")
    _write(folder / name, [secrets.token_urlsafe(_BYTES), *lines])
    if name == SEALING:
        rotation.owe_resealing()
    return len(lines) + 1


def retire(folder: Path, name: str) -> int:
    """Take the old keys out; how many went.

    :raises InvalidValue: something in the database is still sealed by one of them
    """
    with _alone(folder):
        return _retired(folder, name)


def _retired(folder: Path, name: str) -> int:
    lines = lines_of(folder, name)
    if name == SEALING:
        present = sealing_keys()[0].id
        needed = {
            column: count
            for column, counts in rotation.keys_in_use().items()
            if (count := sum(number for key, number in counts.items() if key not in (present, rotation.PLAIN)))
        }
        if needed:
            told = ", ".join(f"{column}: {count}" for column, count in sorted(needed.items()))
            raise InvalidValue(f"an old key is still needed ({told}): have everything sealed anew", field="secret")
    _write(folder / name, lines[:1])
    return len(lines) - 1


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time: of two that put a key in front at once, one key would be lost, and what it has sealed since."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, lines: list[str]) -> None:
    """In one step, on disk before anything is sealed by a new key; owner and mode stay."""
    present = path.stat()
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("\n".join(lines))
        file.flush()
        os.fsync(file.fileno())
    if os.geteuid() == 0:
        os.chown(partial, present.st_uid, present.st_gid)
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
