"""A hospital with a million exams behind it, on PostgreSQL: a year of :mod:`benchmarks.many_orders` many times over.

The year is written once and multiplied inside the database, every exam with numbers, a moment and, when it is read,
a report of its own that was returned. Keys grow with time and rows lie in their order, as a hospital leaves them.
Takes some five minutes for a million, most of it for the search index.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.db import connection, models, transaction

from benchmarks.many_orders import _insert, seed_orders
from ris_core.delivery.models import Delivery, Receiver
from ris_core.exam_search import index
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep, Visit
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.reports.models import Reading, ReportVersion
from ris_core.studies.models import Study, StudyLink

YEAR: Final = 5_000
"""Exams that are multiplied."""
_PATIENTS: Final = YEAR // 2

FINDINGS: Final = (
    "Nhu mô não hai bán cầu cân đối, không thấy ổ giảm tỷ trọng bất thường",
    "Hệ thống não thất và các bể não không giãn, đường giữa không lệch",
    "Không thấy hình ảnh tụ máu trong và ngoài trục",
    "Trường phổi hai bên sáng đều, không thấy tổn thương khu trú",
    "Bóng tim không to, góc sườn hoành hai bên nhọn",
    "Gan không to, bờ đều, nhu mô đồng nhất",
    "Túi mật không có sỏi, đường mật trong và ngoài gan không giãn",
    "Hai thận kích thước bình thường, không ứ nước, nang nhỏ thận phải",
    "Đĩa đệm L4-L5 thoát vị ra sau trung tâm chèn ép bao màng cứng",
    "Thân đốt sống L1 xẹp độ một, phù tủy xương",
    "Nốt mờ thùy trên phổi phải kích thước 12 mm, bờ tua gai",
    "Ổ tăng tỷ trọng vùng nhân bèo trái, phù quanh tổn thương",
    "Mảng xơ vữa vôi hóa động mạch chủ bụng",
)
CONCLUSIONS: Final = (
    "Hiện chưa thấy bất thường trên phim chụp", "Thoát vị đĩa đệm cột sống thắt lưng", "Xuất huyết não bán cầu trái",
    "Nang đơn thuần thận phải", "Theo dõi u phổi phải, đề nghị chụp cắt lớp vi tính có tiêm thuốc",
    "Xẹp đốt sống do loãng xương", "Gan nhiễm mỡ độ một", "Viêm phổi thùy dưới trái",
)  # fmt: skip

_LATER: Final = "{} + k * interval '17 seconds'"

_COPIED: Final[tuple[tuple[type[models.Model], dict[str, str]], ...]] = (
    (Patient, {"id": "{patient:id}"}),
    (
        PatientIdentifier,
        {
            "id": "",
            "patient_id": "{patient:patient_id}",
            "value": "CASE kind WHEN 'MR' THEN 'BN' || lpad(({patient:patient_id} - 1)::text, 8, '0') "
            "ELSE '0' || (78999999999 + {patient:patient_id})::text END",
        },
    ),
    (
        Visit,
        {
            "id": "{exam:id}",
            "patient_id": "{patient:patient_id}",
            "visit_number": "'V' || lpad(({exam:id} - 1)::text, 9, '0')",
        },
    ),
    (
        ImagingServiceRequest,
        {
            "id": "{exam:id}",
            "patient_id": "{patient:patient_id}",
            "visit_id": "{exam:visit_id}",
            "ordered_at": _LATER.format("ordered_at"),
            "accession_number": "'A' || lpad(({exam:id} - 1)::text, 9, '0')",
        },
    ),
    (
        RequestedProcedure,
        {
            "id": "{exam:id}",
            "request_id": "{exam:request_id}",
            "patient_id": "{patient:patient_id}",
            "placer_order_number": "'PL' || lpad(({exam:id} - 1)::text, 9, '0')",
            "filler_order_number": "'F' || lpad(({exam:id} - 1)::text, 9, '0')",
            "requested_procedure_id": "'RP' || lpad(({exam:id} - 1)::text, 9, '0')",
            "study_instance_uid": "'2.25.9' || lpad(({exam:id} - 1)::text, 12, '0')",
            **{name: _LATER.format(name) for name in ("scheduled_at", "images_arrived_at", "due_at")},
        },
    ),
    (
        ScheduledProcedureStep,
        {
            "id": "{exam:id}",
            "procedure_id": "{exam:procedure_id}",
            "scheduled_procedure_step_id": "'SPS' || lpad(({exam:id} - 1)::text, 9, '0')",
        },
    ),
    (
        Study,
        {
            "id": "{exam:id}",
            "patient_id": "{patient:patient_id}",
            "orthanc_id": "lpad(to_hex({exam:id} - 1), 8, '0') || '-00000000-00000000-00000000-00000000'",
            "study_instance_uid": "'2.25.9' || lpad(({exam:id} - 1)::text, 12, '0')",
        },
    ),
    (StudyLink, {"id": "", "study_id": "{exam:study_id}", "procedure_id": "{exam:procedure_id}"}),
    (Reading, {"id": "{exam:id}", "procedure_id": "{exam:procedure_id}"}),
    (
        ReportVersion,
        {
            "id": "{exam:id}",
            "reading_id": "{exam:reading_id}",
            "approved_at": _LATER.format("approved_at"),
            "findings": "(%(findings)s::text[])[1 + ({exam:id} * 7 %% 13)] || '. ' "
            "|| (%(findings)s::text[])[1 + ({exam:id} * 31 / 13 %% 13)] || '.'",
            "conclusion": "(%(conclusions)s::text[])[1 + ({exam:id} * 11 %% 8)]",
            "plain_text": "(%(findings)s::text[])[1 + ({exam:id} * 7 %% 13)] || '. ' "
            "|| (%(findings)s::text[])[1 + ({exam:id} * 31 / 13 %% 13)] || '. ' "
            "|| (%(conclusions)s::text[])[1 + ({exam:id} * 11 %% 8)]",
        },
    ),
    (
        Delivery,
        {
            "id": "{exam:id}",
            "reading_id": "{exam:reading_id}",
            "version_id": "{exam:version_id}",
            "control_id": "'C' || lpad(({exam:id} - 1)::text, 9, '0')",
            **{name: _LATER.format(name) for name in ("queued_at", "acknowledged_at")},
        },
    ),
)
"""Each table with the columns that differ in every copy; ``k`` counts the copies. An empty one is not copied."""


def seed_exams(count: int) -> None:
    """Write ``count`` exams (a multiple of :data:`YEAR`) of half as many patients into an empty database.

    Nothing happens when there are exams already.
    """
    if RequestedProcedure.objects.exists():
        return
    seed_orders(YEAR)
    _write_visits()
    _write_reports()
    copies = count // YEAR - 1
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL session_replication_role = replica")  # neither triggers nor foreign keys
        for model, differing in _COPIED:
            _multiply(model, differing, copies)
        for model, _ in _COPIED:
            table = model._meta.db_table
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608
    index.rebuild()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")


def _write_visits() -> None:
    """A visit for every request: a third are inpatients, a tenth come to the emergency department."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders_visit "
            "(id, patient_id, visit_number, issuer, patient_class, ward, state, payment_state) "
            "SELECT id, patient_id, 'V' || lpad((id - 1)::text, 9, '0'), 'BVQ', "
            "CASE WHEN id % 3 = 0 THEN 'I' WHEN id % 10 = 1 THEN 'E' ELSE 'O' END, '', '', '' "
            "FROM orders_imagingservicerequest"
        )
        cursor.execute("UPDATE orders_imagingservicerequest SET visit_id = id")


def _write_reports() -> None:
    """A version for every reading that is final, and its delivery; ids are the exam's, as everything multiplied."""
    with connection.cursor() as cursor:  # readings get the key of their exam
        cursor.execute("UPDATE reports_reading SET id = procedure_id + 10000000")
        cursor.execute("UPDATE reports_reading SET id = procedure_id")
    final = Reading.objects.filter(state="FINAL")
    versions, deliveries = [], []
    receiver = Receiver.objects.order_by("pk").first()
    for key, reader, arrived, state in final.values_list(
        "pk", "claimed_by_id", "procedure__images_arrived_at", "procedure__exam_state"
    ):
        assert arrived, "what is read has images"
        at = arrived + timedelta(minutes=5 + key * 37 % 400)
        versions.append((key, key, 1, "F", "", FINDINGS[0], CONCLUSIONS[0], "", "0" * 64, reader, at))
        if state == "RETURNED" and receiver:
            control_id, later = f"C{key - 1:09d}", at + timedelta(seconds=20)
            deliveries.append((key, receiver.pk, key, key, "RESULT", 1, "ACKNOWLEDGED", control_id, 1, at, later))
    columns = (
        "id", "reading", "number", "status", "technique", "findings", "conclusion", "recommendation",
        "content_sha256", "approved_by", "approved_at",
    )  # fmt: skip
    _insert(ReportVersion, columns, versions)
    columns = (
        "id", "receiver", "version", "reading", "kind", "sequence", "state", "control_id", "attempts", "queued_at",
        "acknowledged_at",
    )  # fmt: skip
    _insert(Delivery, columns, deliveries)


def _multiply(model: type[models.Model], differing: dict[str, str], copies: int) -> None:
    names, values = [], []
    for field in model._meta.concrete_fields:
        column = str(field.column)
        value = differing.get(column, f"t.{column}")
        if not value:
            continue
        names.append(column)
        values.append(_filled(value))
    statement = (
        f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) SELECT {', '.join(values)} "  # noqa: S608
        f"FROM {model._meta.db_table} t, generate_series(1, %(copies)s) k ORDER BY t.id, k"
    )
    parameters: dict[str, Any] = {"copies": copies, "findings": list(FINDINGS), "conclusions": list(CONCLUSIONS)}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _filled(value: str) -> str:
    """``{exam:id}`` is the copy's own number where an exam has ``t.id``; patients are fewer.

    The copies of one exam follow one another, and all copies the originals.
    """
    for kind, size in (("exam", YEAR), ("patient", _PATIENTS)):
        while f"{{{kind}:" in value:
            before, _, rest = value.partition(f"{{{kind}:")
            column, _, after = rest.partition("}")
            value = f"{before}({size} + (t.{column} - 1) * %(copies)s + k){after}"
    return value
