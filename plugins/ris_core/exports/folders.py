"""Where the files of exports lie: folders of the suite's home that the web app and the worker share."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings


def home_of_exports() -> Path:
    """Made when it is missing; nobody else on the machine may look into it."""
    home: Path = settings.QUANG.home / "exports"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def folder_of(export_id: int) -> Path:
    """The finished files."""
    return home_of_exports() / str(export_id)


def work_folder_of(export_id: int) -> Path:
    """What is being made; whatever a killed worker has left there is thrown away."""
    return home_of_exports() / f"{export_id}.work"


def delete_files(export_id: int) -> None:
    """Both; again changes nothing."""
    for folder in (folder_of(export_id), work_folder_of(export_id)):
        shutil.rmtree(folder, ignore_errors=True)


def free_bytes() -> int:
    return shutil.disk_usage(home_of_exports()).free
