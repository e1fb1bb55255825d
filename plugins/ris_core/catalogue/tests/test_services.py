"""Master data kept by persons and files."""

from __future__ import annotations

import pytest

from ris_core.audit.services import SYSTEM
from ris_core.catalogue.entries import TABLES, EntryKind
from ris_core.catalogue.files import export_csv, import_csv
from ris_core.catalogue.models import Department, Room, Staff
from ris_core.catalogue.services import Entry, Saved, save_entry
from ris_core.devices.models import Device, ImagingService
from ris_core.errors import InvalidValue, NotFound

pytestmark = pytest.mark.django_db


def test_an_entry_is_added_changed_and_withdrawn() -> None:
    entry = Entry(kind=EntryKind.ROOM, code="P1", values={"name": "Phòng 1", "department_code": "CDHA"})
    assert save_entry(entry, SYSTEM) is Saved.ADDED
    assert save_entry(entry, SYSTEM) is Saved.UNCHANGED
    assert save_entry(Entry(kind=EntryKind.ROOM, code="P1", active=False), SYSTEM) is Saved.CHANGED
    row = Room.objects.get()
    assert (row.name, row.department_code, row.active) == ("Phòng 1", "CDHA", False)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (Entry(kind=EntryKind.ROOM, code=" "), "code"),
        (Entry(kind=EntryKind.ROOM, code="P1"), "name"),
        (Entry(kind=EntryKind.ROOM, code="P1", values={"name": "x" * 256}), "name"),
        (Entry(kind=EntryKind.SERVICE, code="S1", values={"name": "x"}), "modality"),
        (Entry(kind=EntryKind.SERVICE, code="S1", values={"name": "x", "modality": "QQ"}), "modality"),
        (
            Entry(kind=EntryKind.SERVICE, code="S1", values={"name": "x", "modality": "CT", "default_device": "NO"}),
            "default_device",
        ),
        (Entry(kind=EntryKind.STAFF, code="B1", values={"name": "x", "kind": "KING"}), "kind"),
    ],
)
def test_what_an_entry_cannot_be_is_named(entry: Entry, field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        save_entry(entry, SYSTEM)
    assert refusal.value.field == field


def test_an_entry_that_must_exist_does() -> None:
    with pytest.raises(NotFound):
        save_entry(Entry(kind=EntryKind.ROOM, code="P1", active=False, must_exist=True), SYSTEM)


@pytest.mark.parametrize("kind", list(EntryKind))
def test_what_is_exported_can_be_imported_and_changes_nothing(kind: EntryKind) -> None:
    Device.objects.create(ae_title="CT1", name="CT")
    for code in ("A1", "B2"):
        values = {"name": "=Tên, có dấu; phẩy", "modality": "CT", "default_device": "CT1"}
        fields = ("name", *TABLES[kind].fields)
        said = {name: value for name, value in values.items() if name in fields}
        save_entry(Entry(kind=kind, code=code, values=said), SYSTEM)
    imported = import_csv(kind, export_csv(kind).encode(), SYSTEM)
    assert (imported.counts, imported.wrong) == ({Saved.UNCHANGED: 2}, [])


def test_a_file_with_a_wrong_line_is_not_taken_at_all() -> None:
    content = "code;name;modality\nCT.A;CT A;CT\nCT.B;CT B;XX\n;Không mã;CT\n"
    imported = import_csv(EntryKind.SERVICE, content.encode(), SYSTEM)
    assert [(wrong.number, wrong.field) for wrong in imported.wrong] == [(3, "modality"), (4, "code")]
    assert not ImagingService.objects.exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"name\nX", b"code,unknown\n1,2"])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidValue):
        import_csv(EntryKind.DEPARTMENT, content, SYSTEM)
    assert not Department.objects.exists()
    assert not Staff.objects.exists()


def test_a_line_that_is_too_short_is_named_and_a_code_like_a_formula_comes_back() -> None:
    imported = import_csv(EntryKind.DEPARTMENT, b"name;code\nKhoa Nhi\n", SYSTEM)
    assert [(wrong.number, wrong.field) for wrong in imported.wrong] == [(2, "code")]
    import_csv(EntryKind.DEPARTMENT, b"code;name\n-K1;K 1\n", SYSTEM)
    import_csv(EntryKind.DEPARTMENT, export_csv(EntryKind.DEPARTMENT).encode(), SYSTEM)
    assert Department.objects.get().code == "-K1"
