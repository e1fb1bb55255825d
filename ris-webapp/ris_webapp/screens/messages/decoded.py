"""A message as a person reads it: HL7 segment by segment, field by field, with the names of the fields that matter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from ris_core.errors import QuangError
from ris_core.hl7.er7 import Message, Segment
from ris_core.performed.datasets import as_text, unpacked
from ris_webapp.words import Text

FIELD_NAMES: dict[str, Text] = {
    "MSH-3": _("Ứng dụng gửi"),
    "MSH-4": _("Cơ sở gửi"),
    "MSH-5": _("Ứng dụng nhận"),
    "MSH-6": _("Cơ sở nhận"),
    "MSH-7": _("Thời điểm gửi"),
    "MSH-9": _("Loại bản tin"),
    "MSH-10": _("Mã bản tin"),
    "MSH-11": _("Chế độ xử lý"),
    "MSH-12": _("Phiên bản HL7"),
    "MSH-18": _("Bảng mã"),
    "PID-3": _("Mã bệnh nhân"),
    "PID-5": _("Họ tên"),
    "PID-7": _("Ngày sinh"),
    "PID-8": _("Giới tính"),
    "PID-11": _("Địa chỉ"),
    "PID-13": _("Điện thoại"),
    "PV1-2": _("Diện"),
    "PV1-3": _("Khoa, giường"),
    "PV1-19": _("Số lượt khám"),
    "ORC-1": _("Lệnh"),
    "ORC-2": _("Số chỉ định (HIS)"),
    "ORC-3": _("Số chỉ định (RIS)"),
    "ORC-5": _("Trạng thái phiếu"),
    "ORC-9": _("Thời điểm chỉ định"),
    "ORC-12": _("Bác sĩ chỉ định"),
    "OBR-2": _("Số chỉ định (HIS)"),
    "OBR-4": _("Dịch vụ"),
    "OBR-13": _("Thông tin lâm sàng"),
    "OBR-16": _("Bác sĩ chỉ định"),
    "OBR-18": _("Số phiếu"),
    "OBR-24": _("Loại máy"),
    "OBR-27": _("Giờ hẹn, ưu tiên"),
    "OBR-31": _("Lý do chụp"),
    "OBR-7": _("Thực hiện lúc"),
    "OBR-22": _("Kết quả lúc"),
    "OBR-25": _("Trạng thái kết quả"),
    "OBR-32": _("Người duyệt"),
    "OBX-2": _("Kiểu giá trị"),
    "OBX-3": _("Mục"),
    "OBX-4": _("Mục con"),
    "OBX-5": _("Nội dung"),
    "OBX-11": _("Trạng thái mục"),
    "OBX-14": _("Thời điểm"),
    "OBX-16": _("Người chịu trách nhiệm"),
    "TQ1-7": _("Giờ hẹn"),
    "TQ1-9": _("Mức ưu tiên"),
    "MSA-1": _("Trả lời"),
    "MSA-2": _("Mã bản tin gốc"),
    "MSA-3": _("Lời"),
    "ERR-2": _("Vị trí lỗi"),
    "ERR-3": _("Mã lỗi"),
    "ERR-4": _("Mức độ"),
    "ERR-7": _("Chẩn đoán"),
    "ERR-8": _("Lời cho người dùng"),
}
"""What a field is, for those that a person looks for first; every field is shown, these with their name."""


@dataclass(frozen=True, slots=True)
class DecodedField:
    position: str
    """``PID-5``."""
    name: str
    text: str
    """Components apart by middle dots, repetitions by slashes; escapes undone."""


@dataclass(frozen=True, slots=True)
class DecodedSegment:
    name: str
    raw: str
    fields: list[DecodedField]


@dataclass(frozen=True, slots=True)
class DecodedMessage:
    """What could be read of a message; without segments when it is no HL7."""

    raw_text: str
    charset: str
    segments: list[DecodedSegment]
    placer_order_number: str = ""
    patient_name: str = ""


def decoded(raw: bytes) -> DecodedMessage:
    """Never fails: what cannot be read is shown as it came."""
    try:
        message = Message.parse(raw)
    except QuangError:
        return DecodedMessage(raw.decode("utf-8", "replace").replace("\r", "\n"), "", [])
    segments = [
        DecodedSegment(
            segment.name, message.separators.field.join(_without_separator(segment.fields)), list(_fields(segment))
        )
        for segment in message.segments
    ]
    order = message.first("ORC") or message.first("OBR")
    patient = message.first("PID")
    return DecodedMessage(
        raw_text="\n".join(segment.raw for segment in segments),
        charset=message.charset.codec,
        segments=segments,
        placer_order_number=order.value(2) if order else "",
        patient_name=" ".join(filter(None, (patient.value(5, part) for part in (1, 2, 3)))) if patient else "",
    )


def exchanged(raw: bytes) -> DecodedMessage:
    """A request by REST or FHIR, or its answer: the lines before the body as they came, JSON indented. Never fails."""
    head, _blank, body = raw.partition(b"\r\n\r\n")
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        text = body.decode("utf-8", "replace")
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n")
    return DecodedMessage(f"{lines}\n\n{text}".strip(), "", [])


def reported(file: bytes) -> DecodedMessage:
    """A device's report: the elements of its dataset, one a line. Never fails."""
    dataset, transfer_syntax_uid = unpacked(file)
    return DecodedMessage(as_text(dataset, transfer_syntax_uid), "", [])


def _without_separator(fields: list[str]) -> list[str]:
    """The header's first field is the separator itself, which the line shows only once."""
    return [fields[0], *fields[2:]] if fields[0] in ("MSH", "FHS", "BHS") else fields


def _fields(segment: Segment) -> Iterator[DecodedField]:
    for number in range(1, len(segment.fields)):
        position = f"{segment.name}-{number}"
        if position in ("MSH-1", "MSH-2"):
            continue
        repetitions = [
            " · ".join(part for part in segment.components(repetition) if part)
            for repetition in segment.repetitions(number)
        ]
        if any(repetitions):
            yield DecodedField(position, str(FIELD_NAMES.get(position, "")), " / ".join(repetitions))
