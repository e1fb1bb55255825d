"""The chain of audit events: sealed without gaps, refused changes, files that a stand-alone program verifies (P20)."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from ris_core.audit import sealing, verify
from ris_core.audit.append_only import make_triggers
from ris_core.audit.files import export_events, exported_ranges
from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.sealing import seal_events
from ris_core.audit.services import Actor, record

pytestmark = pytest.mark.django_db

READER = Actor("bs_lan", address="10.0.0.7", role="RADIOLOGIST", kind=ActorKind.USER)


def recorded(count: int) -> None:
    for number in range(count):
        record(
            READER, "exam.viewed", subject=f"exam:{number}", reason='Hội chẩn\n"gấp"', place=[number, 0.1, None, "Ễ"]
        )


def test_events_get_their_places_in_order_and_each_once() -> None:
    recorded(5)
    assert seal_events() == 5
    recorded(2)
    assert (seal_events(), seal_events()) == (2, 0)
    chain = list(AuditEvent.objects.order_by("sequence").values_list("sequence", "previous", "hash"))
    assert [sequence for sequence, *_ in chain] == [1, 2, 3, 4, 5, 6, 7]
    assert [previous for _, previous, _ in chain] == [verify.GENESIS, *(own for *_, own in chain[:-1])]


def test_more_than_one_batch_is_sealed_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "EVENTS_AT_ONCE", 3)
    recorded(8)
    assert seal_events() == 8


def test_who_acted_in_which_role_and_why_is_kept() -> None:
    event = record(READER, "report.approved", reason="x" * 300)
    event.refresh_from_db()
    assert (event.kind, event.role, event.address, len(event.reason)) == ("USER", "RADIOLOGIST", "10.0.0.7", 255)
    assert record(Actor("worker"), "report.stored").kind == "SERVICE"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET actor = 'nobody'",
        "UPDATE audit_auditevent SET sequence = NULL, previous = '', hash = ''",
        "UPDATE audit_auditevent SET hash = 'x'",
        "DELETE FROM audit_auditevent",
    ],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_the_database_refuses_to_change_or_remove_an_event(statement: str, sealed: bool) -> None:
    make_triggers()
    recorded(1)
    if sealed:
        seal_events()
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_sealing_may_not_change_anything_else() -> None:
    make_triggers()
    recorded(1)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.update(sequence=1, previous=verify.GENESIS, hash="x", actor="nobody")
    assert seal_events() == 1


def test_postgresql_refuses_to_empty_the_table() -> None:
    if connection.vendor != "postgresql":
        return
    make_triggers()
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE audit_auditevent")


def exported(folder: Path, count: int = 6) -> list[str]:
    recorded(count)
    seal_events()
    (path,) = export_events(folder)
    return path.read_text().splitlines()


def checked(tmp_path: Path, lines: list[str], *arguments: str) -> tuple[int, str]:
    """What the verifier says, run by a bare Python in which nothing of ours is installed."""
    file = tmp_path / "copy.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    program = [sys.executable, "-I", "-S", verify.__file__, *arguments, str(file)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=tmp_path)
    return done.returncode, done.stdout.replace(f"{file}", "FILE").strip()


def test_a_whole_file_is_found_whole_by_a_program_that_has_nothing_but_the_file(tmp_path: Path) -> None:
    lines = exported(tmp_path / "audit")
    last = json.loads(lines[-1])["hash"]
    assert checked(tmp_path, lines) == (0, f"WHOLE  events 1 to 6, last hash {last}")
    assert checked(tmp_path, lines, "--hash", last)[0] == 0
    assert checked(tmp_path, lines, "--hash", "0" * 64)[0] == 1


def test_the_first_wrong_missing_or_changed_line_is_named(tmp_path: Path) -> None:
    lines = exported(tmp_path / "audit")
    changed = lines[2].replace("bs_lan", "bs_mai")
    rehashed = json.loads(changed)
    rehashed["hash"] = verify.digest(rehashed)
    for spoilt, said in (
        ([*lines[:2], changed, *lines[3:]], "FILE:3: event 3 was changed"),
        ([*lines[:2], verify.canonical(rehashed), *lines[3:]], "FILE:4: event 4 does not follow event 3"),
        ([*lines[:2], *lines[3:]], "FILE:3: event 3 is missing before event 4"),
        ([*lines[:1], *lines[4:]], "FILE:2: events 2 to 4 are missing"),
        ([*lines[:3], lines[2], *lines[3:]], "FILE:4: event 3 comes after event 3"),
        ([lines[1], lines[0], *lines[2:]], "FILE:2: event 1 comes after event 2"),
        (lines[:-1], "FILE:6: the closing line is missing"),
        ([*lines[:-2], lines[-1]], "FILE:6: the file was closed after event 6, it ends with 5"),
        ([*lines, lines[0]], "FILE:8: there is something after the closing line"),
        ([*lines[:2], lines[2] + " ", *lines[3:]], "FILE:3: event 3 was changed"),
        ([*lines[:2], "", *lines[2:]], "FILE:3: no event: the line is not JSON"),
        ([*lines[:2], "[" * 100_000, *lines[2:]], "FILE:3: no event"),
        ([*lines[:2], "{}", *lines[2:]], "FILE:3: no event: it has no sequence number"),
    ):
        code, output = checked(tmp_path, spoilt)
        assert (code, said in output) == (1, True), (said, output)


def test_a_selection_is_checked_line_by_line(tmp_path: Path) -> None:
    lines = exported(tmp_path / "audit")
    assert checked(tmp_path, [lines[4], lines[1]], "--selection") == (0, "UNCHANGED  2 events, each as it was sealed")
    assert checked(tmp_path, [lines[4].replace("exam:4", "exam:5")], "--selection")[0] == 1


def test_files_follow_one_another_and_what_was_taken_away_is_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    exported(folder, 3)
    exported(folder, 2)
    exported(folder, 4)
    assert [(first, until) for first, until, _ in exported_ranges(folder)] == [(1, 3), (4, 5), (6, 9)]
    files = [str(path) for *_, path in exported_ranges(folder)]
    before = Path(files[1]).read_bytes()
    Path(files[1]).unlink()
    (folder / "audit-x.unfinished").write_text("killed")
    export_events(folder)
    assert Path(files[1]).read_bytes() == before
    assert sorted(str(path) for path in folder.iterdir()) == files
    assert verify.main(files) == 0
    assert verify.main([files[0], files[2]]) == 1
    recorded(1)
    seal_events()
    assert export_events(folder, newer_than=timedelta(hours=1)) == []
