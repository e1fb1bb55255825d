"""The registry as CSV: what was taken out is taken in unchanged, and a wrong line changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris_core.audit.services import SYSTEM
from ris_core.devices.exchange import LineRefused, Taken, export_devices, import_devices
from ris_core.devices.models import Device
from ris_core.devices.quirks import Quirks, WorklistFilter
from ris_core.devices.services import DeviceRegistration, register_device, registration_of
from ris_core.errors import InvalidValue

pytestmark = pytest.mark.django_db


def test_what_was_exported_is_imported_unchanged() -> None:
    registration = DeviceRegistration(
        ae_title="US1", name="Máy siêu âm, tầng 2", modality="US", other_modalities=("XA",), room="Phòng 1",
        groups=("Siêu âm", "Tầng 2"), character_set="ISO_IR 100", may_store=False,
        quirks=Quirks(max_name_length=16), worklist_filter=WorklistFilter(rooms=("Phòng 1",), days_after=7),
    )  # fmt: skip
    register_device(registration, SYSTEM)
    register_device(DeviceRegistration(ae_title="CT1", name="=HYPERLINK(1)"), SYSTEM)
    file = export_devices().encode()
    assert b",'=HYPERLINK" in file
    assert import_devices(file, SYSTEM) == Taken(0, 0)
    Device.objects.all().delete()
    assert import_devices(file, SYSTEM) == Taken(2, 0)
    assert registration_of(Device.objects.get(ae_title="US1")) == registration
    assert Device.objects.get(ae_title="CT1").name == "=HYPERLINK(1)"


def test_a_short_file_with_semicolons_is_enough() -> None:
    head = "ae_title;name;modality;host;port\r\n"
    assert import_devices(f"{head}CT1;Máy CLVT 1;CT;10.0.0.4;11112\r\n".encode(), SYSTEM) == Taken(1, 0)
    assert import_devices(f"{head}CT1;Máy CLVT 1;CT;10.0.0.5;11112\r\n".encode(), SYSTEM) == Taken(0, 1)
    device = Device.objects.get()
    assert (device.host, device.port, device.may_store) == ("10.0.0.5", 11112, True)


def test_a_short_file_leaves_what_it_has_no_column_for() -> None:
    former = DeviceRegistration(
        ae_title="CT1", name="CT", modality="CT", character_set="ISO_IR 100", quirks=Quirks(max_name_length=16),
        worklist_filter=WorklistFilter(rooms=("Phòng 1",)), groups=("CLVT",), may_store=False, active=False,
    )  # fmt: skip
    register_device(former, SYSTEM)
    assert import_devices(b"ae_title,name,host\nCT1,CT,10.0.0.5\n", SYSTEM) == Taken(0, 1)
    assert registration_of(Device.objects.get()) == replace(former, host="10.0.0.5")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("MÁY,x,104,{}", "ae_title"), ("CT2,,104,{}", "name"), ("CT2,x,abc,{}", "port"), ("CT2,x,104,[", "quirks"),
        ('CT2,x,104,"{""sees"": 1}"', "quirks"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named_and_nothing_is_changed(line: str, field: str) -> None:
    with pytest.raises(LineRefused) as caught:
        import_devices(f"ae_title,name,port,quirks\nCT1,ok,104,\n{line}\n".encode(), SYSTEM)
    assert (caught.value.line, caught.value.field) == (3, field)
    assert not Device.objects.exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"name\nx\n", b"ae_title,name,shoe_size\nA,b,c\n", b"x" * 2**21])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidValue):
        import_devices(content, SYSTEM)
