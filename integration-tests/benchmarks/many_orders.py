"""A hospital with 100,000 orders behind it, written in bulk: what lists and worklists are measured on.

Patients, requests, procedures, steps, studies, links and readings as a busy year leaves them: nine in ten read and
returned, the last week in every state, the next week ordered. Deterministic, so that two runs measure the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.names import folded
from ris_core.orders.models import ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.reports.models import Reading
from ris_core.studies.models import Study, StudyLink

# fmt: off
FAMILY = (
    "NGUYỄN", "TRẦN", "LÊ", "PHẠM", "HOÀNG", "HUỲNH", "PHAN", "VŨ", "VÕ",
    "ĐẶNG", "BÙI", "ĐỖ", "HỒ", "NGÔ", "DƯƠNG",
)
MIDDLE = (
    "VĂN", "THỊ", "HỮU", "ĐỨC", "MINH", "NGỌC", "THANH", "QUỐC", "XUÂN",
    "KIM", "GIA",
)
GIVEN = (
    "AN", "ANH", "BÌNH", "CHÂU", "CƯỜNG", "DUNG", "DŨNG", "ĐÀO", "GIANG",
    "HÀ", "HẢI", "HẠNH", "HIẾU", "HOA", "HÒA", "HÙNG", "HƯƠNG", "KHÁNH",
    "LAN", "LINH", "LONG", "MAI", "NAM", "NGA", "PHÚC", "QUÂN", "SƠN",
    "TÂM", "THẢO", "TRANG", "TUẤN", "YẾN",
)
# fmt: on
SERVICES = (
    ("XQ.NGUC", "Chụp X-quang ngực thẳng", "DX", "XR1", "Phòng XQ 1"),
    ("SA.BUNG", "Siêu âm ổ bụng", "US", "US1", "Phòng SA 1"),
    ("CT.SONAO", "Chụp CLVT sọ não không tiêm thuốc cản quang", "CT", "CT1", "Phòng CT 1"),
    ("CT.NGUC", "Chụp CLVT lồng ngực không tiêm thuốc cản quang", "CT", "CT1", "Phòng CT 1"),
    ("XQ.CSTL", "Chụp X-quang cột sống thắt lưng thẳng nghiêng", "DX", "XR1", "Phòng XQ 1"),
    ("MR.CSTL", "Chụp cộng hưởng từ cột sống thắt lưng", "MR", "MR1", "Phòng MR 1"),
    ("CT.BUNG", "Chụp CLVT tầng trên ổ bụng có tiêm thuốc cản quang", "CT", "CT2", "Phòng CT 2"),
)
DEPARTMENTS = ("Khoa Cấp cứu", "Khoa Ngoại thần kinh", "Khoa Nội hô hấp", "Khoa Khám bệnh", "Khoa Nhi", "Khoa Ung bướu")
INDICATIONS = (
    "Đau đầu, chóng mặt",
    "Ho kéo dài",
    "Đau bụng hạ sườn phải",
    "Chấn thương sau tai nạn",
    "Kiểm tra sau mổ",
)
RECENT_STATES = (
    "READY_TO_READ",
    "RETURNED",
    "IN_PROGRESS",
    "CLAIMED",
    "READY_TO_READ",
    "DRAFT",
    "FINAL",
    "PRELIMINARY",
)
WITHOUT_IMAGES = ("ORDERED", "CANCELLED")
STEP_STATUS = {"ORDERED": "SCHEDULED", "IN_PROGRESS": "STARTED", "CANCELLED": "CANCELLED"}
DAYS_BACK = 358
DAYS_AHEAD = 7


def _insert(model: type[models.Model], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """``INSERT`` with the given columns; the others get their model's defaults."""
    fields = [model._meta.get_field(name) for name in columns]
    others = [
        field
        for field in model._meta.concrete_fields
        if field not in fields and not field.primary_key and not field.null
    ]
    defaults = tuple(field.get_db_prep_save(field.get_default(), connection) for field in others)
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in [*fields, *others])  # type: ignore[union-attr]
    places = ", ".join(["%s"] * (len(fields) + len(others)))
    with connection.cursor() as cursor:
        statement = f"INSERT INTO {model._meta.db_table} ({names}) VALUES ({places})"  # noqa: S608
        cursor.executemany(statement, [row + defaults for row in rows])


def _name(number: int) -> str:
    family = FAMILY[(number * number // 7) % len(FAMILY)] if number % 3 else "NGUYỄN"
    return f"{family} {MIDDLE[number % len(MIDDLE)]} {GIVEN[number // 3 % len(GIVEN)]}"


def seed_orders(count: int = 100_000, *, now: datetime | None = None) -> None:
    """Write ``count`` orders of half as many patients into an empty database, in one transaction."""
    now = now or timezone.now()
    reader = User.objects.filter(role="RADIOLOGIST").order_by("pk").first()
    patients = max(1, count // 2)
    with transaction.atomic():
        _seed_patients(patients, now)
        _seed_orders(count, patients, now, reader.pk if reader else None)
    if connection.vendor == "postgresql":
        _advance_sequences()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _seed_patients(count: int, now: datetime) -> None:
    names = [_name(number) for number in range(count)]
    columns = (
        "id",
        "full_name",
        "dicom_name",
        "search_key",
        "birth_date",
        "sex",
        "phone",
        "address",
        "created_at",
        "updated_at",
    )
    _insert(
        Patient,
        columns,
        (
            (
                n + 1,
                name,
                name.replace(" ", "^", 1),
                folded(name),
                f"{1935 + n % 88}{1 + n % 12:02d}{1 + n % 28:02d}",
                "F" if "THỊ" in name else "M",
                "",
                "",
                now,
                now,
            )
            for n, name in enumerate(names)
        ),
    )
    identifiers = [(n + 1, f"BN{n:08d}", "BVQ", "MR", True) for n in range(count)]
    identifiers += [(n + 1, f"0{79000000000 + n}", "VN", "NI", False) for n in range(0, count, 2)]
    _insert(PatientIdentifier, ("patient", "value", "issuer", "kind", "is_primary"), identifiers)


def _seed_orders(count: int, patients: int, now: datetime, reader_id: int | None) -> None:
    requests, procedures, steps, studies, links, readings = [], [], [], [], [], []
    span = timedelta(days=DAYS_BACK + DAYS_AHEAD)
    for n in range(count):
        at = (now - timedelta(days=DAYS_BACK) + span * n / count).replace(microsecond=0)
        state = _state(n, now - at)
        code, service, modality, station, room = SERVICES[n % 97 % len(SERVICES)]
        patient = 1 + n * 7919 % patients
        priority, rank = ("STAT", 0) if n % 23 == 0 else ("HIGH", 1) if n % 11 == 0 else ("ROUTINE", 2)
        accession = f"A{n:09d}"
        department = DEPARTMENTS[n % len(DEPARTMENTS)]
        requests.append(
            (
                n + 1,
                patient,
                accession,
                "",
                "HIS|BVQ",
                "BS. khoa " + department.removeprefix("Khoa "),
                department,
                INDICATIONS[n % 5],
                at,
                at,
                at,
            )
        )
        arrived = None if state in WITHOUT_IMAGES else at + timedelta(minutes=9)
        procedures.append(
            (
                n + 1,
                n + 1,
                patient,
                "HIS|BVQ",
                f"PL{n:09d}",
                f"F{n:09d}",
                f"RP{n:09d}",
                f"2.25.9{n:012d}",
                code,
                "BVQ",
                service,
                modality,
                priority,
                rank,
                at,
                state,
                arrived,
                at,
                at,
            )
        )
        status = STEP_STATUS.get(state, "COMPLETED")
        steps.append((n + 1, n + 1, f"SPS{n:09d}", station, room, modality, at, service, status, at, at))
        if arrived:
            studies.append(
                (
                    n + 1,
                    f"{n:08x}-00000000-00000000-00000000-00000000",
                    f"2.25.9{n:012d}",
                    patient,
                    "READY_TO_READ",
                    True,
                    "",
                    "[]",
                    json.dumps({}),
                    f"BN{patient - 1:08d}",
                    "",
                    accession,
                    modality,
                    f"{at:%Y%m%d}",
                    f"{at:%H%M%S}",
                    service,
                    station,
                    1 + n % 4,
                    2 + n % 300,
                    arrived,
                    arrived,
                    arrived,
                )
            )
            links.append((n + 1, n + 1, "EXACT", "{}", arrived))
        if reader_id and state in ("CLAIMED", "DRAFT", "PRELIMINARY", "FINAL", "RETURNED"):
            reading_state = "FINAL" if state == "RETURNED" else state
            readings.append((n + 1, 1, reading_state, reader_id, at, "", "", "", "", 0, at))
    _insert(
        ImagingServiceRequest,
        (
            "id",
            "patient",
            "accession_number",
            "sent_accession_number",
            "source",
            "requesting_physician",
            "requesting_department",
            "clinical_indication",
            "ordered_at",
            "created_at",
            "updated_at",
        ),
        requests,
    )
    _insert(
        RequestedProcedure,
        (
            "id",
            "request",
            "patient",
            "source",
            "placer_order_number",
            "filler_order_number",
            "requested_procedure_id",
            "study_instance_uid",
            "service_code",
            "service_coding_system",
            "service_name",
            "modality",
            "priority",
            "priority_rank",
            "scheduled_at",
            "exam_state",
            "images_arrived_at",
            "created_at",
            "updated_at",
        ),
        procedures,
    )
    _insert(
        ScheduledProcedureStep,
        (
            "id",
            "procedure",
            "scheduled_procedure_step_id",
            "station_ae_title",
            "room",
            "modality",
            "scheduled_at",
            "description",
            "status",
            "created_at",
            "updated_at",
        ),
        steps,
    )
    _insert(
        Study,
        (
            "id",
            "orthanc_id",
            "study_instance_uid",
            "patient",
            "state",
            "complete",
            "reason",
            "candidates",
            "as_received",
            "received_patient_id",
            "received_patient_name",
            "received_accession_number",
            "modalities",
            "study_date",
            "study_time",
            "study_description",
            "remote_ae_title",
            "series_count",
            "instance_count",
            "first_received_at",
            "last_received_at",
            "updated_at",
        ),
        studies,
    )
    _insert(StudyLink, ("study", "procedure", "how", "explanation", "linked_at"), links)
    _insert(
        Reading,
        (
            "procedure",
            "ordinal",
            "state",
            "claimed_by",
            "claimed_at",
            "technique",
            "findings",
            "conclusion",
            "recommendation",
            "draft_revision",
            "updated_at",
        ),
        readings,
    )


def _state(number: int, since: timedelta) -> str:
    if number % 50 == 49:
        return "CANCELLED"
    if since < timedelta(0):
        return "ORDERED"
    return RECENT_STATES[number % len(RECENT_STATES)] if since < timedelta(days=4) else "RETURNED"


def _advance_sequences() -> None:
    tables = (Patient, ImagingServiceRequest, RequestedProcedure, ScheduledProcedureStep, Study)
    with connection.cursor() as cursor:
        for model in tables:
            table = model._meta.db_table
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")  # noqa: S608
