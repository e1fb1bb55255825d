"""The suite's secrets: one file each, made at first start, readable by the service user only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

NAMES = (
    "django_secret_key",
    "viewer_signing_key",
    "webhook_signing_key",
    "credential_sealing_key",
    "backup_key",
    "service_token_web",
    "service_token_worker",
    "service_token_monitor",
    "launch_secret_HIS",  # with which the receiver HIS signs launches; another receiver's is made by hand
)
_BYTES = 48


def ensure_secrets(folder: Path) -> None:
    """Makes what is missing; what is there stays, because links and sessions depend on it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in NAMES:
        path = folder / name
        if path.exists():
            path.chmod(0o600)
            continue
        partial = folder / f".{name}.new"
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(_BYTES))
            file.flush()
            os.fsync(file.fileno())  # before anything is sealed by it
        partial.replace(path)
