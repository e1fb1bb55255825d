"""Master data by MFN: every form, record by record."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ris_core.catalogue.models import Department, Room, Staff
from ris_core.devices.models import Device, ImagingService
from ris_core.hl7.er7 import Message
from ris_core.intake.services import apply_message
from ris_core.messages.models import InboundMessage
from ris_core.messages.services import Received, receive

pytestmark = pytest.mark.django_db

_serial = iter(range(1, 1000))


def send(event: str, *lines: str, file: str = "Z") -> Message:
    """The answer to a master file."""
    head = rf"MSH|^~\&|HIS|BVX|QUANG|RIS|20261121||MFN^{event}|F{next(_serial)}|P|2.5.1||||||UNICODE UTF-8"
    raw = "\r".join([head, f"MFI|{file}||UPD|||AL", *lines]).encode()
    (answer,) = receive([Received(raw, "peer", timezone.now())], apply_message)
    return Message.parse(answer)


def code(answer: Message) -> str:
    msa = answer.first("MSA")
    assert msa is not None
    return msa.value(1)


def test_staff() -> None:
    answer = send(
        "M02",
        "MFE|MAD|1||BS7|CWE",
        "STF|BS7^^BVX||LÊ^HOA^THỊ^^^BS.|BS||F|A|NOI^Khoa Nội",
        file="STF",
    )
    assert (answer.type, code(answer)) == ("MFK^M02", "AA")
    staff = Staff.objects.get()
    assert (staff.code, staff.coding_system, staff.name, staff.kind) == ("BS7", "BVX", "LÊ THỊ HOA", "PHYSICIAN")
    assert (staff.title, staff.department_code, staff.source, staff.active) == ("BS.", "NOI", "HIS|BVX", True)


def test_locations_are_departments_or_rooms() -> None:
    send("M05", "MFE|MAD|1||NOI", "LOC|NOI|Khoa Nội|D", "MFE|MAD|2||X", "LOC|CDHA^P305|Phòng CT 2|E", file="LOC")
    assert [(row.code, row.name) for row in Department.objects.all()] == [("NOI", "Khoa Nội")]
    assert [(row.code, row.name, row.department_code) for row in Room.objects.all()] == [("P305", "Phòng CT 2", "CDHA")]


def test_services_and_their_modality() -> None:
    om1 = "OM1|1|XQ.NGUC^X-quang ngực thẳng^BVX" + "|" * 47 + "RX"
    send("M08", "MFE|MAD|1||XQ.NGUC", om1, file="OMD")
    service = ImagingService.objects.get()
    assert (service.code, service.coding_system, service.name, service.modality) == (
        "XQ.NGUC", "BVX", "X-quang ngực thẳng", "DX",
    )  # fmt: skip


def test_a_general_record_has_its_kind_in_mfi() -> None:
    send("M13", "MFE|MAD|1||NHI^Khoa Nhi^BVX", file="DEP")
    assert (Department.objects.get().code, Department.objects.get().name) == ("NHI", "Khoa Nhi")


def test_our_own_forms() -> None:
    Device.objects.create(ae_title="CT1", name="CT")
    send("Z01", "MFE|MAD|1||CT.BUNG", "ZSV|CT.BUNG|CT bụng|BVX|CT|Bụng|CT1|20")
    send("Z03", "MFE|MAD|1||K1", "ZDP|K1|Khoa Khám bệnh")
    send("Z04", "MFE|MAD|1||P1", "ZRM|P1|Phòng 1||K1")
    send("Z05", "MFE|MAD|1||KTV1", "ZUS|KTV1|TRẦN BÌNH||KTV|CN.|CDHA")
    service = ImagingService.objects.get()
    assert (service.modality, service.default_device.ae_title, service.minimum_minutes) == ("CT", "CT1", 20)  # type: ignore[union-attr]
    assert (Room.objects.get().department_code, Staff.objects.get().kind) == ("K1", "TECHNOLOGIST")


def test_a_device_that_a_message_tells_of_is_not_in_use_until_a_person_allows_it() -> None:
    assert code(send("Z02", "MFE|MAD|1||US9", "ZDV|US9|Siêu âm 9|US|10.1.1.9|104|P9|CDHA")) == "AA"
    device = Device.objects.get()
    assert (device.ae_title, device.host, device.room, device.active) == ("US9", "10.1.1.9", "P9", False)
    Device.objects.update(active=True)
    send("Z02", "MFE|MUP|1||US9", "ZDV|US9|Siêu âm 9B")
    assert (Device.objects.get().name, Device.objects.get().active) == ("Siêu âm 9B", True)
    send("Z02", "MFE|MDC|1||US9", "ZDV|US9")
    assert not Device.objects.get().active


def test_entries_are_withdrawn_and_taken_back_never_deleted() -> None:
    send("Z03", "MFE|MAD|1||K1", "ZDP|K1|Khoa 1")
    send("Z03", "MFE|MDL|1||K1", "ZDP|K1|Tên khác")
    assert (Department.objects.get().active, Department.objects.get().name) == (False, "Khoa 1")
    send("Z03", "MFE|MAC|1||K1", "ZDP|K1")
    assert Department.objects.get().active


def test_right_records_are_taken_and_wrong_ones_named() -> None:
    answer = send(
        "Z01",
        "MFE|MAD|a||CT.A", "ZSV|CT.A|CT A||CT",
        "MFE|MAD|b||CT.B", "ZSV|CT.B|CT B||QQ",
        "MFE|MDC|c||CT.C", "ZSV|CT.C",
        "MFE|XXX|d||CT.D", "ZSV|CT.D|CT D||CT",
        "MFE|MAD|e||CT.E", "ZQQ|1",
    )  # fmt: skip
    assert code(answer) == "AE"
    assert [(mfa.value(2), mfa.value(4)) for mfa in answer.all("MFA")] == [
        ("a", "S"), ("b", "U"), ("c", "U"), ("d", "U"), ("e", "U"),
    ]  # fmt: skip
    assert ImagingService.objects.get().code == "CT.A"
    kept = InboundMessage.objects.get()
    assert (kept.state, kept.error_location) == ("REFUSED", "MFE^2")


def test_the_same_again_changes_nothing() -> None:
    send("Z03", "MFE|MAD|1||K1", "ZDP|K1|Khoa 1")
    before = Department.objects.get().updated_at
    assert code(send("Z03", "MFE|MAD|1||K1", "ZDP|K1|Khoa 1")) == "AA"
    assert Department.objects.get().updated_at == before


def test_without_records_it_is_refused() -> None:
    assert code(send("Z03")) == "AE"


def test_a_message_neither_takes_a_device_into_use_nor_moves_one_that_is() -> None:
    send("Z02", "MFE|MAD|1||US9", "ZDV|US9|Siêu âm 9|US|10.1.1.9|104")
    assert code(send("Z02", "MFE|MAC|1||US9", "ZDV|US9")) == "AE"
    assert not Device.objects.get().active
    assert code(send("Z02", "MFE|MUP|1||US9", "ZDV|US9|||10.1.1.8|104")) == "AA"
    Device.objects.update(active=True)
    assert code(send("Z02", "MFE|MUP|1||US9", "ZDV|US9|||10.6.6.6|104")) == "AE"
    assert (Device.objects.get().host, Device.objects.get().active) == ("10.1.1.8", True)
