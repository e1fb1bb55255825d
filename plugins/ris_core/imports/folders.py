"""Where what was handed in lies until it is decided: folders of the suite's home, files by numbers."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings


def folder_of(import_id: int) -> Path:
    """Made when it is missing."""
    folder: Path = settings.QUANG.home / "imports" / str(import_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def uploaded(import_id: int, number: int) -> Path:
    return folder_of(import_id) / f"{number}.upload"


def found_object(import_id: int, number: int) -> Path:
    return folder_of(import_id) / f"{number}.dcm"


def delete_folder(import_id: int) -> None:
    """Again changes nothing."""
    shutil.rmtree(settings.QUANG.home / "imports" / str(import_id), ignore_errors=True)


def free_bytes() -> int:
    home: Path = settings.QUANG.home
    return shutil.disk_usage(home).free
