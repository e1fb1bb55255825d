"""A hospital with a million exams behind it, on PostgreSQL: a year of :mod:`benchmarks.many_orders` many times over.

The year is written once and multiplied inside the database, every exam with numbers, a moment and, when it is read,
a report of its own. Takes about three minutes for a million, most of it for the search index.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection, models, transaction
from django.utils import timezone

from benchmarks.many_orders import _insert, seed_orders
from ris_core.exam_search import index
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep
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
        ImagingServiceRequest,
        {
            "id": "{exam:id}",
            "patient_id": "{patient:patient_id}",
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
            "scheduled_at": "scheduled_at + k * interval '17 seconds'",
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
            "findings": "(%(findings)s::text[])[1 + ({exam:id} * 7 %% 13)] || '. ' "
            "|| (%(findings)s::text[])[1 + ({exam:id} * 31 / 13 %% 13)] || '.'",
            "conclusion": "(%(conclusions)s::text[])[1 + ({exam:id} * 11 %% 8)]",
            "plain_text": "(%(findings)s::text[])[1 + ({exam:id} * 7 %% 13)] || '. ' "
            "|| (%(findings)s::text[])[1 + ({exam:id} * 31 / 13 %% 13)] || '. ' "
            "|| (%(conclusions)s::text[])[1 + ({exam:id} * 11 %% 8)]",
        },
    ),
)
"""Each table with the columns that differ in every copy; ``k`` counts the copies. An empty one is not copied."""


def seed_exams(count: int) -> None:
    """Write ``count`` exams (a multiple of :data:`YEAR`) of half as many patients into an empty database."""
    seed_orders(YEAR)
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


def _write_reports() -> None:
    """A version for every reading that is final; ids are the exam's, as everything that is multiplied."""
    with connection.cursor() as cursor:  # readings get the key of their exam
        cursor.execute("UPDATE reports_reading SET id = procedure_id + 10000000")
        cursor.execute("UPDATE reports_reading SET id = procedure_id")
    now = timezone.now()
    final = Reading.objects.filter(state="FINAL").values_list("pk", "claimed_by_id")
    rows = [(key, key, 1, "F", "", FINDINGS[0], CONCLUSIONS[0], "", "0" * 64, reader, now) for key, reader in final]
    columns = (
        "id", "reading", "number", "status", "technique", "findings", "conclusion", "recommendation",
        "content_sha256", "approved_by", "approved_at",
    )  # fmt: skip
    _insert(ReportVersion, columns, rows)


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
        f"FROM {model._meta.db_table} t, generate_series(1, %(copies)s) k ORDER BY k, t.id"
    )
    parameters: dict[str, Any] = {"copies": copies, "findings": list(FINDINGS), "conclusions": list(CONCLUSIONS)}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def _filled(value: str) -> str:
    """``{exam:id}`` is the copy's own number where an exam has ``t.id``; patients are fewer."""
    for kind, size in (("exam", YEAR), ("patient", _PATIENTS)):
        while f"{{{kind}:" in value:
            before, _, rest = value.partition(f"{{{kind}:")
            column, _, after = rest.partition("}")
            value = f"{before}(t.{column} + k * {size}){after}"
    return value
