"""Make a backup while everything runs: database, image archive with its index, settings; secrets only by name.

Order and consistency: the RIS's database first, then the archive. Every image file is linked a second time before the
archive's index is copied, and new ones after, so that each image that the index names is in the backup even if it is
deleted meanwhile (the engine never changes a file, it writes new ones). An image that the RIS does not know yet is
found by the sweeper after a restore. Nothing is ever held in memory but a few mebibytes.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings as django_settings
from django.db import connection

from ris_core.backups import database
from ris_core.backups.container import SECRET, EncryptedWriter, PassingTar, backup_keys
from ris_core.backups.engine_index import copy_engine_index
from ris_core.sealing.keys import sealing_keys
from ris_core.settings import Settings

MANIFEST: Final = "manifest.json"
SUFFIX: Final = ".quangbackup"
INDEX: Final = "index"
"""The file of the engine's index; what SQLite keeps beside it belongs to the copy."""
_LONGEST_SECONDS: Final = 7 * 24 * 3600.0
"""No backup takes so long."""
FOLDERS: Final = ("audit",)
"""Folders of the home that go with it as they are."""


class Manifest(msgspec.Struct, frozen=True):
    """What is in a backup, written first."""

    made_at: datetime
    database: str
    """``sqlite`` or ``postgresql``."""
    migrations: list[str]
    sealing_keys: list[str]
    """Ids of the keys that open what is sealed in the database; the first seals."""
    secrets: list[str]
    """Names of the secret files at the site; their contents are not in here."""
    format: int = 1


class Made(msgspec.Struct, frozen=True):
    """A finished backup."""

    path: Path
    size: int
    images: int


def make_backup(folder: Path, settings: Settings | None = None) -> Made:
    """A backup in ``folder``; the file has its name only when it is whole and on disk.

    :raises SettingsInvalid: the secret ``backup_key`` is missing or too short
    :raises OSError: no room, no permission
    """
    settings = settings or django_settings.QUANG
    keys = backup_keys(settings.secret(SECRET))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_halves(folder)
    now = datetime.now(UTC)
    path = folder / f"quang-{now:%Y%m%dT%H%M%S}Z{SUFFIX}"
    partial = path.with_suffix(".partial")
    run = settings.home / "run"
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    _forget_links(run)
    work = Path(tempfile.mkdtemp(prefix="backup-", dir=run))  # never another's: numbers of processes are used again
    try:
        with open(partial, "xb", opener=_private) as target:
            writer = EncryptedWriter(target, keys[0])
            with PassingTar.open(fileobj=writer, mode="w|", bufsize=tarfile.BLOCKSIZE * 64) as archive:
                images = _write(archive, work, now, settings)
            writer.finish()
            target.flush()
            os.fsync(target.fileno())
        partial.replace(path)
        sync_folder(folder)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Made(path, path.stat().st_size, images)


def _write(archive: PassingTar, work: Path, now: datetime, settings: Settings) -> int:
    manifest = Manifest(
        made_at=now,
        database=connection.vendor,
        migrations=database.migrations(),
        sealing_keys=[key.id for key in sealing_keys()],
        secrets=sorted(path.name for path in settings.secrets_dir.iterdir() if path.is_file()),
    )
    _add(archive, MANIFEST, msgspec.json.encode(manifest))
    if connection.vendor == "postgresql":
        for table, rows in database.tables_out():
            for number, data in enumerate(rows):
                _add(archive, f"database/{table}/{number:08}", data)
    else:
        copy = work / "database"
        database.copy_sqlite(Path(str(connection.settings_dict["NAME"])), copy)
        archive.add(copy, "database/sqlite")
        copy.unlink()
    toml = settings.home / "quang.toml"
    if toml.exists():
        archive.add(toml, "settings/quang.toml")
    for name in FOLDERS:
        if (settings.home / name).is_dir():
            archive.add(settings.home / name, f"home/{name}")
    return _archive_of_images(archive, settings.home / "orthanc", work)


def _archive_of_images(archive: PassingTar, engine: Path, work: Path) -> int:
    links = work / "images"
    links.mkdir()
    _link_all(engine, links)
    if (engine / INDEX).exists():
        copy = work / "index"
        copy_engine_index(engine / INDEX, copy)
        archive.add(copy, "orthanc/index")
        copy.unlink()
    _link_all(engine, links)
    count = 0
    for top, _folders, files in os.walk(links, onerror=_refused):
        for name in files:
            path = Path(top) / name
            archive.add(path, f"orthanc/{path.relative_to(links)}", recursive=False)
            archive.forget()
            count += 1
    return count


def _link_all(engine: Path, links: Path) -> None:
    """A second name for every image file that has none yet; one that goes meanwhile is not missed by the index."""
    for top, _folders, files in os.walk(engine, onerror=_unreadable):
        for name in files:
            if Path(top) == engine and name.startswith(INDEX):
                continue
            target = links / Path(top).relative_to(engine) / name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):
                    os.link(Path(top) / name, target)


def _refused(error: OSError) -> None:
    """A folder whose images would not be in the backup."""
    raise error


def _unreadable(error: OSError) -> None:
    """As :func:`_refused`, but the engine removes empty ones meanwhile."""
    if not isinstance(error, FileNotFoundError):
        raise error


def forget_old(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest ``keep`` backups; the names of those that went."""
    old = sorted(folder.glob(f"quang-*{SUFFIX}"), reverse=True)[max(1, keep) :]
    for path in old:
        path.unlink()
    return [path.name for path in old]


def _forget_halves(folder: Path) -> None:
    """What a killed backup has left; one that still grows is another's."""
    for path in folder.glob("quang-*.partial"):
        if time.time() - path.stat().st_mtime > 3600:
            path.unlink(missing_ok=True)


def _forget_links(run: Path) -> None:
    """What a killed backup has left keeps images on the disk that have been deleted since."""
    for path in run.glob("backup-*"):
        if time.time() - path.stat().st_mtime > _LONGEST_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _add(archive: PassingTar, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
    archive.addfile(member, io.BytesIO(data))
    archive.forget()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def sync_folder(folder: Path) -> None:
    """The names in it are on the disk when this returns."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
