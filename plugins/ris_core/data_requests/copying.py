"""A copy of what is kept of a patient, for one who has asked for it: tables as CSV in a ZIP, and who saw them.

Images and reports as files go out by an export or the portal; here they are listed. What a report says is in the copy
only where who makes it may read it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Max, Min, QuerySet

from ris_core.audit.models import AuditEvent
from ris_core.csv_files import written
from ris_core.data_requests.models import DataRequest
from ris_core.errors import InvalidValue
from ris_core.orders.models import RequestedProcedure, Visit
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.patients.survivors import records_of, survivor_of
from ris_core.portal.models import PortalSlip, PortalVisit
from ris_core.reports.models import ReportVersion
from ris_core.sharing.models import SharedExam
from ris_core.studies.models import Study
from ris_core.teaching.models import TeachingCase

MOST_ROWS = 20_000
"""Of a table; who has more is given their copy in parts, by IT."""

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A file of the copy."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def copy_of(patient_id: int, *, with_reports: bool) -> bytes:
    """The ZIP; records that were merged with the patient's belong to it, whichever of them the request was made of.

    :param with_reports: what the approved reports say is in it too
    :raises InvalidValue: a table has more than :data:`MOST_ROWS`
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in _tables(records_of(survivor_of(patient_id)), with_reports=with_reports):
            if len(table.rows) > MOST_ROWS:
                raise InvalidValue(f"more than {MOST_ROWS} rows in {table.name}: ask IT for parts", field="copy")
            archive.writestr(f"{table.name}.csv", written(table.columns, map(_cells, table.rows)))
    return file.getvalue()


def _tables(keys: list[int], *, with_reports: bool) -> Iterator[Table]:
    patients = Patient.objects.filter(pk__in=keys).order_by("pk")
    people = (
        (each.pk, each.full_name, each.birth_date, each.sex, each.phone, each.address, each.created_at)
        for each in patients
    )
    yield _table("patient", "record name birth_date sex telephone address since", people)
    numbers = PatientIdentifier.objects.filter(patient_id__in=keys).order_by("pk")
    yield _table("identifiers", "value issuer kind", ((each.value, each.issuer, each.kind) for each in numbers))
    visits = Visit.objects.filter(patient_id__in=keys).order_by("pk").values_list
    yield _table("visits", "number admitted discharged", visits("visit_number", "admitted_at", "discharged_at"))
    exams = (
        RequestedProcedure.objects.filter(patient_id__in=keys)
        .order_by("scheduled_at", "pk")
        .values_list(
            "request__accession_number", "service_name", "request__ordered_at", "scheduled_at", "request__source"
        )
    )
    yield _table("exams", "accession_number service ordered planned from", exams)
    studies = Study.objects.filter(patient_id__in=keys).order_by("pk").values_list
    images = studies("study_instance_uid", "first_received_at", "remote_ae_title")
    yield _table("images", "study_instance_uid received from", images)
    versions = ReportVersion.objects.filter(reading__procedure__patient_id__in=keys).order_by("pk")
    yield _table("reports", "accession_number version status approved by text", _reports(versions, with_reports))
    shared = SharedExam.objects.filter(patient_id__in=keys).order_by("pk").values_list
    yield _table("shared", "made until ended", shared("share__created_at", "share__expires_at", "share__revoked_at"))
    slips = PortalSlip.objects.filter(patient_id__in=keys).order_by("pk").values_list
    yield _table("portal_slips", "made until withdrawn", slips("made_at", "expires_at", "withdrawn_at"))
    entered = PortalVisit.objects.filter(patient_id__in=keys).order_by("pk").values_list
    yield _table("portal_visits", "at", entered("began_at"))
    taught = TeachingCase.objects.filter(procedure__patient_id__in=keys).order_by("pk").values_list
    cases = taught("procedure__request__accession_number", "made_at", "state")
    yield _table("teaching_cases", "accession_number made state", cases)
    asked = DataRequest.objects.filter(patient_id__in=keys).order_by("pk").values_list
    yield _table(
        "requests", "kind asker wanted received decision rule reason done answered",
        asked("kind", "asker", "wanted", "received_on", "decision", "kept_by", "reason", "done", "answered_on"),
    )  # fmt: skip
    seen = AuditEvent.objects.filter(patient_id__in=keys, success=True).values_list("actor", "role", "action")
    counted = seen.annotate(times=Count("pk"), first=Min("at"), last=Max("at")).order_by("-last")
    yield _table("who_did_what", "who role what times first last", counted)


def _table(name: str, columns: str, rows: Iterable[Row]) -> Table:
    return Table(name, tuple(columns.split()), tuple(rows))


def _reports(versions: QuerySet[ReportVersion], with_text: bool) -> Iterator[Row]:
    rows = versions.select_related("reading__procedure__request", "approved_by")
    for each in rows:
        accession = each.reading.procedure.request.accession_number
        text = each.plain_text if with_text else ""
        yield accession, each.number, each.status, each.approved_at, each.approved_by.full_name, text


def _cells(row: Row) -> Iterator[str]:
    zone = ZoneInfo(settings.QUANG.site.time_zone)
    for cell in row:
        if isinstance(cell, datetime):
            yield cell.astimezone(zone).isoformat(timespec="seconds")
        else:
            yield "" if cell is None else str(cell)
