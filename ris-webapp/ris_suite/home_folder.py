"""The suite's home: its folders, its secrets, and who owns them."""

from __future__ import annotations

import os
from pathlib import Path

from ris_suite import postgresql, secret_files
from ris_suite.sandbox import ServiceAccount
from ris_suite.settings import SuiteSettings

_LARGE = frozenset({"orthanc", "postgres"})
"""Folders with many files that only their own process ever writes: their content is not walked."""


def prepare_home(settings: SuiteSettings, account: ServiceAccount | None) -> None:
    """Makes what is missing, and gives to the service user what root made."""
    home = settings.home
    for folder in (home.path, home.run, home.logs, home.orthanc, home.run / "orthanc", home.nginx):
        folder.mkdir(parents=True, exist_ok=True)
    home.path.chmod(0o700)  # images and reports of patients
    secret_files.ensure_secrets(home.secrets)
    if settings.database == "postgresql":
        home.postgres.mkdir(mode=0o700, exist_ok=True)
        postgresql.socket_folder(home).mkdir(mode=0o700, exist_ok=True)
    if account is not None:
        give_to(home.path, account)
        if settings.database == "postgresql":
            give_to(postgresql.socket_folder(home), account)


def give_to(top: Path, account: ServiceAccount) -> None:
    """Changes the owner of what belongs to root. Links are not followed."""
    for folder, names, files in os.walk(top):
        if Path(folder).parent == top:
            names[:] = [name for name in names if Path(folder).name not in _LARGE]
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            if os.lstat(path).st_uid == 0:
                os.lchown(path, account.uid, account.gid)
