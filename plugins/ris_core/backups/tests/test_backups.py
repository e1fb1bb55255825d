"""A backup is whole and nobody else's, or it is refused by name before anything is written."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import sqlite3
import subprocess
import sys
import tracemalloc
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.backups import database, engine_index, making, restoring, schedule
from ris_core.backups.container import PIECE, DecryptedReader, EncryptedWriter, backup_keys
from ris_core.backups.engine_index import copy_engine_index
from ris_core.backups.errors import BackupRefused
from ris_core.backups.models import BackupRun
from ris_core.backups.restoring import restore_backup, verify_backup
from ris_core.backups.settings import Backup
from ris_core.errors import SettingsInvalid
from ris_core.orders.models import RequestedProcedure
from ris_core.patients.models import Patient
from ris_core.settings import Settings
from ris_testing.exams import an_exam

KEY, OTHER = b"k" * 40, b"o" * 40


def encrypted(content: bytes, key: bytes = KEY) -> bytes:
    target = io.BytesIO()
    writer = EncryptedWriter(target, key)
    for place in range(0, len(content), 300_000):
        writer.write(content[place : place + 300_000])
    writer.finish()
    return target.getvalue()


def read(data: bytes, *keys: bytes) -> bytes:
    return DecryptedReader(io.BytesIO(data), list(keys or (KEY,))).read()


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_what_is_encrypted_comes_back(length: int) -> None:
    content = bytes(range(256)) * (length // 256 + 1)
    data = encrypted(content[:length])
    assert read(data) == content[:length]
    assert content[:200] not in data
    assert read(data, OTHER, KEY) == content[:length]


def test_every_damage_is_named() -> None:
    data = encrypted(b"patient" * 400_000)
    piece = PIECE + 16
    swapped = data[:32] + data[32 + piece : 32 + 2 * piece] + data[32 : 32 + piece] + data[32 + 2 * piece :]
    for damaged, reason in (
        (b"PK\3\4" + data, "no backup"),
        (data[:20], "no backup"),
        (data[: 32 + piece], "cut short"),
        (data[: 32 + 2 * piece], "cut short"),
        (data[:-1], "damaged"),
        (data[:100] + b"!" + data[101:], "damaged at its piece 0"),
        (swapped, "damaged at its piece 0"),
        (data[:16] + bytes(16) + data[32:], "damaged at its piece 0"),
        (encrypted(b"x", OTHER), "another key"),
    ):
        with pytest.raises(BackupRefused, match=reason):
            read(damaged)


def test_a_key_is_long_enough() -> None:
    for text in ("", "short", "k" * 40 + "\nshort"):
        with pytest.raises(SettingsInvalid):
            backup_keys(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with an image archive of three files, and its secrets."""
    home = tmp_path / "site"
    shutil.copytree(settings.QUANG.secrets_dir, home / "secrets")
    (home / "run").mkdir()
    (home / "quang.toml").write_text('[site]\nname = "BV"\n')
    for place in range(3):
        folder = home / "orthanc" / f"{place:02x}" / "aa"
        folder.mkdir(parents=True)
        (folder / f"file-{place}").write_bytes(bytes([place]) * (place * 700_000 + 1))
    with closing(sqlite3.connect(home / "orthanc" / "index")) as index:
        index.execute("PRAGMA journal_mode=WAL")
        index.execute("CREATE TABLE AttachedFiles (uuid TEXT)")
        index.execute("INSERT INTO AttachedFiles VALUES ('file-1')")
        index.commit()
    quang = msgspec.structs.replace(
        settings.QUANG, home=home, secrets_dir=home / "secrets", backup=Backup(folder=str(tmp_path / "kept"), keep=2)
    )
    monkeypatch.setattr(settings, "QUANG", quang)
    return quang


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in folder.rglob("file-*")
    }


@pytest.mark.django_db(transaction=True)
def test_database_and_images_come_back_elsewhere(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = an_exam()
    made = making.make_backup(tmp_path / "kept")
    assert made.images == 3
    looked = verify_backup(made.path)
    assert looked.manifest.secrets == sorted(path.name for path in site.secrets_dir.iterdir())
    assert (made.path.stat().st_mode & 0o777, list((site.home / "run").iterdir())) == (0o600, [])
    elsewhere = tmp_path / "elsewhere"
    there = msgspec.structs.replace(site, home=elsewhere)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE patients_patient, accounts_user CASCADE")
    else:
        monkeypatch.setitem(connection.settings_dict, "NAME", str(elsewhere / "quang.sqlite3"))
        connection.close()
    synchronised: set[str] = set()
    genuine = os.fsync

    def sync(descriptor: int) -> None:
        genuine(descriptor)
        synchronised.add(os.readlink(f"/proc/self/fd/{descriptor}"))

    with monkeypatch.context() as watched:
        watched.setattr(os, "fsync", sync)
        restore_backup(made.path, there)
    # every file and every folder is on the disk before it says that it is done
    assert {str(path) for path in elsewhere.rglob("*") if path.is_file() or path.is_dir()} <= synchronised
    assert {str(elsewhere), str(elsewhere.parent)} <= synchronised
    connection.close()
    assert RequestedProcedure.objects.get().pk == exam.pk
    assert Patient.objects.get().full_name == exam.patient.full_name
    assert Patient.objects.create(full_name="B").pk > exam.patient.pk
    assert digests(elsewhere / "orthanc") == digests(site.home / "orthanc")
    assert (elsewhere / "quang.toml").read_text() == (site.home / "quang.toml").read_text()
    with closing(sqlite3.connect(elsewhere / "orthanc" / "index")) as index:
        assert index.execute("SELECT uuid FROM AttachedFiles").fetchall() == [("file-1",)]
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_when_something_is_wrong(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_exam()
    whole = making.make_backup(tmp_path / "kept").path
    content = whole.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    there = msgspec.structs.replace(site, home=elsewhere)
    damaged = tmp_path / "damaged"
    for data, reason in ((content[:-5000], "damaged|cut short"), (content[:500] + b"?" + content[501:], "damaged")):
        damaged.write_bytes(data)
        with pytest.raises(BackupRefused, match=reason):
            restore_backup(damaged, there)
    (site.secrets_dir / "backup_key").write_text("z" * 40)
    with pytest.raises(BackupRefused, match="another key"):
        restore_backup(whole, there)
    shutil.copy(settings.QUANG.home / "secrets" / "viewer_signing_key", site.secrets_dir / "backup_key")
    assert not elsewhere.exists()
    assert RequestedProcedure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_full_home_or_a_missing_sealing_key_is_refused(site: Settings, tmp_path: Path) -> None:
    an_exam()
    path = making.make_backup(tmp_path / "kept").path
    with pytest.raises(BackupRefused, match="empty"):
        restore_backup(path)
    (site.secrets_dir / "credential_sealing_key").write_text("z" * 40)
    with pytest.raises(BackupRefused, match="credential_sealing_key has not the key"):
        restore_backup(path, msgspec.structs.replace(site, home=tmp_path / "elsewhere"))


@pytest.mark.django_db(transaction=True)
def test_a_backup_of_another_version_is_refused(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "migrations", lambda: ["patients.9999_to_come"])
    path = making.make_backup(tmp_path / "kept").path
    with pytest.raises(BackupRefused, match=r"patients\.9999_to_come"):
        restore_backup(path, msgspec.structs.replace(site, home=tmp_path / "elsewhere"))


@pytest.mark.django_db(transaction=True)
def test_nothing_is_written_where_a_file_is_already_and_what_a_killed_backup_left_goes(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = site.home / "run" / "backup-left"
    left.mkdir()
    os.utime(left, (0, 0))
    path = making.make_backup(tmp_path / "kept").path
    assert not left.exists()
    there = msgspec.structs.replace(site, home=tmp_path / "elsewhere")
    there.home.mkdir()
    (there.home / "quang.toml").write_text("mine")
    if connection.vendor == "sqlite":
        monkeypatch.setitem(connection.settings_dict, "NAME", str(there.home / "quang.sqlite3"))
    else:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE patients_patient, accounts_user CASCADE")
    with pytest.raises(BackupRefused, match=r"quang\.toml is there already"):
        restore_backup(path, there)
    assert [each.name for each in there.home.iterdir()] == ["quang.toml"]


@pytest.mark.django_db(transaction=True)
def test_a_folder_of_images_that_cannot_be_read_is_a_failure_and_no_backup_without_it(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = os.scandir

    def unreadable(folder: str | Path) -> object:
        if str(folder).endswith("orthanc/01"):
            raise PermissionError(13, "denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", unreadable)
    with pytest.raises(PermissionError):
        making.make_backup(tmp_path / "kept")
    monkeypatch.undo()
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.django_db(transaction=True)
def test_an_image_that_is_deleted_meanwhile_is_in_it(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the copied index names is there, though the engine has deleted it since; new files come too."""

    def copying(source: Path, target: Path) -> None:
        copy_engine_index(source, target)
        (site.home / "orthanc" / "01" / "aa" / "file-1").unlink()
        (site.home / "orthanc" / "02" / "aa" / "file-9").write_bytes(b"new")

    monkeypatch.setattr(making, "copy_engine_index", copying)
    assert making.make_backup(tmp_path / "kept").images == 4


@pytest.mark.django_db(transaction=True)
def test_memory_stays_bounded(site: Settings, tmp_path: Path) -> None:
    big = site.home / "orthanc" / "big"
    with big.open("wb") as file:
        file.truncate(64 * 2**20)
    tracemalloc.start()
    try:
        path = making.make_backup(tmp_path / "kept").path
        verify_backup(path)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.django_db(transaction=True)
def test_they_are_made_by_themselves_and_the_newest_stay(site: Settings, tmp_path: Path) -> None:
    """Due ones are made, older ones than ``keep`` go after one has succeeded; each is in the audit trail."""
    kept = tmp_path / "kept"
    kept.mkdir()
    for day in (1, 2, 3):
        (kept / f"quang-2025010{day}T000000Z{making.SUFFIX}").write_bytes(b"old")
    schedule.run_backup("site")
    schedule.run_backup("site")
    run = BackupRun.objects.get()
    assert (run.images, run.error, schedule.state()) == (3, "", "ok")
    assert sorted(path.name for path in kept.iterdir()) == [f"quang-20250103T000000Z{making.SUFFIX}", run.file]
    assert AuditEvent.objects.filter(action="backup.made").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_seen_where_health_is_asked_for(site: Settings, tmp_path: Path) -> None:
    """P17, G2: ``/healthz`` says so, and the next one that succeeds ends it."""
    (tmp_path / "kept").write_text("no folder")
    with pytest.raises(OSError, match="kept"):
        schedule.run_backup("site")
    answer = Client().get("/healthz").json()
    assert (answer["backup"], answer["status"]) == ("late", "degraded")
    assert AuditEvent.objects.get(action="backup.failed").success is False
    schedule.run_backup("site")  # not at every look
    assert BackupRun.objects.count() == 1
    (tmp_path / "kept").unlink()
    schedule.made_now(tmp_path / "kept", Actor("test"))
    assert schedule.state() == "ok"
    BackupRun.objects.update(started_at=timezone.now() - timedelta(hours=49))
    assert schedule.state() == "late"


@pytest.mark.django_db
def test_a_site_without_a_folder_makes_none() -> None:
    schedule.run_backup("site")
    assert (schedule.state(), BackupRun.objects.count()) == ("off", 0)


def test_nothing_is_placed_outside_the_home(tmp_path: Path) -> None:
    import tarfile

    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in ("orthanc/../../outside", "home/../outside", "/etc/outside", "other/x"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    home = tmp_path / "home"
    there = msgspec.structs.replace(settings.QUANG, home=home)
    with tarfile.open(fileobj=io.BytesIO(content.getvalue())) as archive:
        for member in archive:
            restoring._place(archive, member, there)
    assert not list(tmp_path.rglob("*outside*"))


_ENGINE = """
import sqlite3, sys
index = sqlite3.connect(sys.argv[1], isolation_level=None)
index.execute("PRAGMA journal_mode=WAL")
index.execute("PRAGMA locking_mode=EXCLUSIVE")
index.execute("PRAGMA wal_autocheckpoint=1000")
index.execute("CREATE TABLE pairs (one INTEGER, other INTEGER, filling TEXT)")
number = 0
print("begun", flush=True)
while True:
    number += 1
    index.execute("BEGIN")
    index.execute("INSERT INTO pairs VALUES (?, 0, ?)", (number, "x" * 500))
    index.execute("UPDATE pairs SET other = ? WHERE rowid = ?", (number, number))
    index.execute("COMMIT")
"""


def test_the_engines_index_is_copied_under_its_lock_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the engine opens it: nobody else may read it, and every copy is of one moment between two transactions."""
    monkeypatch.setattr(engine_index, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(engine_index, "_TRIES", 2000)
    source = tmp_path / "index"
    engine = subprocess.Popen([sys.executable, "-c", _ENGINE, str(source)], stdout=subprocess.PIPE)
    try:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"begun\n"
        with pytest.raises(sqlite3.OperationalError, match="locked"), closing(sqlite3.connect(source, timeout=0)) as it:
            it.execute("SELECT count(*) FROM pairs")
        last = 0
        for number in range(5):
            copy = tmp_path / f"copy-{number}"
            copy_engine_index(source, copy)
            with closing(sqlite3.connect(copy)) as index:
                count, highest, unlike = index.execute(
                    "SELECT count(*), coalesce(max(one), 0), count(*) FILTER (WHERE one <> other) FROM pairs"
                ).fetchone()
            assert (count, unlike) == (highest, 0)
            assert count >= last
            last = count
    finally:
        engine.kill()
        engine.wait()


def test_a_damaged_index_is_no_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_index, "_PAUSE_SECONDS", 0.0)
    (tmp_path / "index").write_bytes(b"SQLite format 3\0" + b"?" * 5000)
    with pytest.raises(OSError, match="index"):
        copy_engine_index(tmp_path / "index", tmp_path / "copy")
