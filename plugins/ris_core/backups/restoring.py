"""Look through a backup, and put it into an empty home.

A backup is read twice: once to its end, so that nothing has been written when something is wrong with it, then to be
restored. Restoring again after it was interrupted needs an empty place again.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, cast

import msgspec
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from ris_core.backups import database
from ris_core.backups.container import SECRET, DecryptedReader, PassingTar, backup_keys
from ris_core.backups.errors import BackupRefused
from ris_core.backups.making import MANIFEST, Manifest, sync_folder
from ris_core.sealing.keys import SECRET as SEALING_SECRET
from ris_core.sealing.keys import sealing_keys
from ris_core.settings import Settings

_BESIDE: Final = ("settings/", "home/")
_PLACES: Final = ("orthanc/", *_BESIDE)


class Looked(msgspec.Struct, frozen=True):
    """What a backup has, read to its end."""

    manifest: Manifest
    files: int
    size: int
    """Bytes before encryption."""
    beside: tuple[str, ...] = ()
    """Names of the files that are neither of the database nor of the image archive."""


def verify_backup(path: Path, settings: Settings | None = None) -> Looked:
    """Read the whole file; every byte is authenticated.

    :raises BackupRefused: it is none, of another key, changed, or cut short
    """
    settings = settings or django_settings.QUANG
    manifest: Manifest | None = None
    files = size = 0
    beside: list[str] = []
    with path.open("rb") as source:
        reader = DecryptedReader(source, backup_keys(settings.secret(SECRET)))
        with _archive(reader) as archive:
            for member in _members(archive):
                if member.name == MANIFEST:
                    manifest = msgspec.json.decode(_content(archive, member).read(), type=Manifest)
                elif member.isfile() and member.name.startswith(_BESIDE):
                    beside.append(member.name)
                files, size = files + 1, size + member.size
        while reader.read(2**20):
            pass
    if manifest is None:
        raise BackupRefused("the backup has no list of what is in it")
    return Looked(manifest, files, size, tuple(beside))


def restore_backup(path: Path, settings: Settings | None = None) -> Looked:
    """Put everything into this home and this database, which must be empty. When this returns it is on the disk: a
    machine that loses power then has lost nothing, and the backup's medium may be taken away.

    :raises BackupRefused: see :func:`verify_backup`; it is of another version or kind of database; a key that opens
        what is sealed in it is missing; there is something here already
    """
    settings = settings or django_settings.QUANG
    looked = verify_backup(path, settings)
    _refuse_unfit(looked, settings)
    if connection.vendor == "postgresql":
        call_command("migrate", interactive=False, verbosity=0)
    with path.open("rb") as source, _archive(DecryptedReader(source, backup_keys(settings.secret(SECRET)))) as archive:
        members = _members(archive)
        if connection.vendor == "postgresql":
            database.tables_in(_tables(archive, members, settings))
        for member in members:
            _place(archive, member, settings)
    _sync_folders(settings)
    return looked


def _sync_folders(settings: Settings) -> None:
    """The names of the files; their content was synchronised with each."""
    places = {settings.home.parent, *(Path(folder) for folder, _, _ in os.walk(settings.home))}
    if connection.vendor == "sqlite":
        places.add(Path(str(connection.settings_dict["NAME"])).parent)
    for place in places:
        sync_folder(place)


def _refuse_unfit(looked: Looked, settings: Settings) -> None:
    manifest = looked.manifest
    if manifest.database != connection.vendor:
        raise BackupRefused(f"the backup is of {manifest.database}, this home has {connection.vendor}")
    here = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    ours = {name for name in here if not name.startswith("__")}
    if unknown := sorted(set(manifest.migrations) - ours):
        raise BackupRefused(f"the backup was made by another version: this one does not know {', '.join(unknown[:5])}")
    if connection.vendor == "postgresql" and (missing := sorted(ours - set(manifest.migrations))):
        raise BackupRefused(
            f"the backup was made by an older version, without {', '.join(missing[:5])}: restore it with that version"
        )
    absent = set(manifest.sealing_keys) - {key.id for key in sealing_keys()}
    if absent:
        raise BackupRefused(
            f"secret file {SEALING_SECRET} has not the key {', '.join(sorted(absent))} that opens what is sealed in "
            "the backup: put the secrets of that site here first"
        )
    _refuse_full(settings)
    for name in looked.beside:
        target = _target(name, settings)
        if target is not None and target.exists():
            raise BackupRefused(f"{target} is there already: restore into an empty home")


def _refuse_full(settings: Settings) -> None:
    engine = settings.home / "orthanc"
    if engine.exists() and any(engine.iterdir()):
        raise BackupRefused(f"{engine} is not empty: restore into an empty home")
    if connection.vendor == "sqlite":
        path = Path(str(connection.settings_dict["NAME"]))
        if path.exists() and path.stat().st_size:
            raise BackupRefused(f"{path} is there already: restore into an empty home")
    elif "accounts_user" in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM accounts_user), EXISTS (SELECT 1 FROM patients_patient)")
            if any(cursor.fetchone()):
                raise BackupRefused("the database has data already: restore into an empty one")


def _tables(
    archive: PassingTar, members: Iterator[tarfile.TarInfo], settings: Settings
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """The tables with their pieces; the first member that is of no table is put in its place, and ends it."""
    member = next((each for each in members if each.name != MANIFEST), None)

    def pieces(table: str) -> Iterator[bytes]:
        nonlocal member
        while member is not None and member.name.startswith(f"database/{table}/"):
            yield _content(archive, member).read()
            member = next(members, None)

    while member is not None and member.name.startswith("database/"):
        table = member.name.split("/")[1]
        yield table, pieces(table)
    if member is not None:
        _place(archive, member, settings)


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, settings: Settings) -> None:
    if not member.isfile():
        return
    target = _target(member.name, settings)
    if target is None:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        target.chmod(0o600)
        shutil.copyfileobj(_content(archive, member), file, 2**20)
        file.flush()
        os.fsync(file.fileno())


def _target(name: str, settings: Settings) -> Path | None:
    """Where a member of this name goes; none: nowhere."""
    if name == "database/sqlite":
        return Path(str(connection.settings_dict["NAME"]))
    if name.startswith(_PLACES) and ".." not in Path(name).parts:
        place, _, rest = name.partition("/")
        return settings.home / (f"orthanc/{rest}" if place == "orthanc" else rest)
    return None


def _archive(reader: DecryptedReader) -> PassingTar:
    return PassingTar.open(fileobj=cast("IO[bytes]", reader), mode="r|")


def _members(archive: PassingTar) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        archive.forget()
        yield member


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    if content is None:
        raise BackupRefused(f"{member.name} is no file")
    return content
