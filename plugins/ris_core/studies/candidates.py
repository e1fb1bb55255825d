"""From rows and received headers to the plain data that :mod:`ris_core.matching.rules` decides on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from ris_core.devices.models import Device, ImagingService
from ris_core.matching.evidence import OrderedProcedure, ReceivedStudy
from ris_core.matching.keys import exam_key
from ris_core.matching.models import RejectedCandidate
from ris_core.matching.policy import Policy
from ris_core.orders.models import ExamState, FormerNumber, RequestedProcedure, ScheduledProcedureStep
from ris_core.patients.models import Patient, PatientIdentifier
from ris_core.studies.candidate_search import OPEN, possible_procedures
from ris_core.studies.models import Study, StudyLink
from ris_core.studies.received import Header

_LEARNED_FROM = timedelta(days=90)
_LEARNED_LINKS = 200


@dataclass(frozen=True, slots=True)
class Considered:
    """What :func:`ris_core.matching.rules.decide` needs to know of the orders."""

    procedures: tuple[OrderedProcedure, ...]
    patients_with_this_id: frozenset[int]


def received_study(header: Header, modalities: Iterable[str] = ()) -> ReceivedStudy:
    """The attributes of ``header`` that identify a study and its patient."""
    return ReceivedStudy(
        study_instance_uid=header.text("0020000D"),
        accession_number=header.text("00080050"),
        patient_id=header.text("00100020"),
        issuer_of_patient_id=header.text("00100021"),
        patient_name=header.text("00100010"),
        birth_date=header.text("00100030"),
        sex=header.text("00100040"),
        modalities=tuple(modalities),
        body_part=header.text("00180015"),
        description=" ".join(filter(None, map(header.text, ("00081030", "00181030", "0008103E")))),
        acquired_at=_moment(header.text("00080020"), header.text("00080030")),
    )


def consider(study: ReceivedStudy, policy: Policy, row: Study | None = None) -> Considered:
    """The procedures that ``study`` names, and those that it might be of, with who has its PatientID.

    :param row: the study's row, if it has one: what persons have said of it counts
    """
    patients = patients_with_id(study)
    named = Q(study_instance_uid=study.study_instance_uid) | Q(pk__in=study.keyed | study.nearly_keyed)
    if study.accession_number:
        named |= Q(request__accession_number=study.accession_number)
        named |= Q(request__sent_accession_number=study.accession_number)
        named |= Q(request__in=_formerly_numbered(study.accession_number))
    rows = {procedure.pk: procedure for procedure in _rows().filter(named)}
    others = possible_procedures(study, policy) - rows.keys()
    rows.update((procedure.pk, procedure) for procedure in _rows().filter(pk__in=others))
    rejected = _ruled_out(row) if row is not None else frozenset[int]()
    return Considered(ordered_procedures(rows.values(), rejected, _chosen_lately(study.sender)), patients)


def ordered_procedure(row: RequestedProcedure) -> OrderedProcedure:
    """``row`` with its patient's identifiers, those of merged patients included."""
    return ordered_procedures([row])[0]


def ordered_procedures(
    rows: Iterable[RequestedProcedure],
    rejected: Collection[int] = (),
    chosen_lately: Counter[tuple[str, str]] | None = None,
) -> tuple[OrderedProcedure, ...]:
    """As :func:`ordered_procedure`, in a handful of queries for all."""
    rows = list(rows)
    survivors = {row.patient_id: _survivor(row.patient) for row in rows}
    identifiers = _identifiers({patient.pk for patient in survivors.values()})
    steps: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    found = ScheduledProcedureStep.objects.filter(procedure__in=[row.pk for row in rows]).order_by("pk")
    for procedure_id, station, room in found.values_list("procedure_id", "station_ae_title", "room"):
        steps[procedure_id].append((station, room))
    services = ImagingService.objects.filter(code__in={row.service_code for row in rows}).exclude(body_part="")
    body_parts = dict(services.values_list("code", "body_part"))
    prior = chosen_lately or Counter()
    former: defaultdict[int, list[str]] = defaultdict(list)
    replaced = FormerNumber.objects.filter(
        kind=FormerNumber.Kind.ACCESSION, request__in={row.request_id for row in rows}
    )
    for request_id, value in replaced.order_by("pk").values_list("request_id", "value"):
        former[request_id].append(value)

    def plain(row: RequestedProcedure) -> OrderedProcedure:
        patient = survivors[row.patient_id]
        stations = tuple(dict.fromkeys(station for station, _ in steps[row.pk] if station))
        return OrderedProcedure(
            procedure_id=row.pk,
            patient_key=patient.pk,
            accession_number=row.request.accession_number,
            sent_accession_number=row.request.sent_accession_number,
            former_accession_numbers=tuple(former[row.request_id]),
            study_instance_uid=row.study_instance_uid,
            modality=row.modality,
            patient_identifiers=tuple(identifiers[patient.pk]),
            patient_name=patient.dicom_name,
            birth_date=patient.birth_date,
            sex=patient.sex,
            cancelled=row.exam_state == ExamState.CANCELLED,
            awaits_images=row.exam_state in OPEN,
            service_name=row.service_name,
            body_part=body_parts.get(row.service_code, ""),
            stations=stations,
            rooms=tuple(dict.fromkeys(room for _, room in steps[row.pk] if room)),
            scheduled_at=row.scheduled_at,
            exam_key=exam_key(row.pk),
            rejected=row.pk in rejected,
            prior=max((prior[row.modality, station] for station in stations or ("",)), default=0),
        )

    return tuple(plain(row) for row in rows)


def _formerly_numbered(accession_number: str) -> QuerySet[FormerNumber, int]:
    """Requests that had the number before a person replaced it."""
    former = FormerNumber.objects.filter(kind=FormerNumber.Kind.ACCESSION, value=accession_number[:128])
    return former.values_list("request_id", flat=True)


def patients_with_id(study: ReceivedStudy) -> frozenset[int]:
    """Keys of the patients who have the received PatientID."""
    value, issuer = study.patient_id, study.issuer_of_patient_id
    if not value or len(value) > 64:
        return frozenset()
    identifiers = PatientIdentifier.objects.filter(value=value).select_related("patient")
    if issuer:
        identifiers = identifiers.filter(issuer__in=("", issuer))
    return frozenset(_survivor(identifier.patient).pk for identifier in identifiers)


def room_of_device(ae_title: str) -> str:
    """Where the device is, as registered; empty for one that is not."""
    return Device.objects.filter(ae_title=ae_title).values_list("room", flat=True).first() or ""


def _rows() -> QuerySet[RequestedProcedure]:
    return RequestedProcedure.objects.select_related("request", "patient").order_by("pk")


def _ruled_out(row: Study) -> frozenset[int]:
    """Procedures that a person has said the study is not of, or has undone the link to."""
    rejected = RejectedCandidate.objects.filter(study=row, withdrawn_at__isnull=True)
    undone = StudyLink.objects.filter(study=row, undone_by__isnull=False)
    return frozenset(rejected.values_list("procedure_id", flat=True)) | frozenset(
        undone.values_list("procedure_id", flat=True)
    )


def _chosen_lately(sender: str) -> Counter[tuple[str, str]]:
    """Modality and station of the orders that persons chose for images of the device."""
    if not sender:
        return Counter()
    links = StudyLink.objects.filter(
        how=StudyLink.How.PERSON,
        linked_at__gt=timezone.now() - _LEARNED_FROM,
        undone_at__isnull=True,
        study__remote_ae_title=sender,
    ).order_by("-linked_at")[:_LEARNED_LINKS]
    return Counter(
        (modality, station or "")
        for modality, station in links.values_list("procedure__modality", "procedure__steps__station_ae_title")
    )


def _identifiers(survivors: Collection[int]) -> defaultdict[int, list[tuple[str, str]]]:
    """Value and issuer of the identifiers of each patient and of all who were merged into them, however indirectly."""
    holder = {pk: pk for pk in survivors}
    newest = set(survivors)
    while newest:
        merged = Patient.objects.filter(merged_into_id__in=newest).values_list("pk", "merged_into_id")
        newest = set()
        for pk, into in merged:
            if pk not in holder:
                holder[pk] = holder[into]
                newest.add(pk)
    found: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    identifiers = PatientIdentifier.objects.filter(patient_id__in=holder).order_by("pk")
    for patient_id, value, issuer in identifiers.values_list("patient_id", "value", "issuer"):
        found[holder[patient_id]].append((value, issuer))
    return found


def _survivor(patient: Patient) -> Patient:
    """Whom the patient was merged into, at the end of the chain (domain invariant 8: it has no cycles)."""
    while patient.merged_into is not None:
        patient = patient.merged_into
    return patient


def _moment(date: str, time: str) -> datetime | None:
    """StudyDate and StudyTime in the site's zone; none when they are no date and time."""
    try:
        return datetime.strptime(f"{date} {time[:4] or '1200'}", "%Y%m%d %H%M").replace(
            tzinfo=ZoneInfo(settings.QUANG.site.time_zone)
        )
    except ValueError:
        return None
