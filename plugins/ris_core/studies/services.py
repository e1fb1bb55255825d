"""Studies as they arrive, and their links to orders: each function is one transaction that may be run again.

Linking by rule follows :mod:`ris_core.matching.rules`; what the rules do not link waits in a queue for a person.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine.answers import EngineStudy
from ris_core.errors import IdentityConflict, InvalidValue, NotFound, TransitionRefused
from ris_core.jobs.services import enqueue
from ris_core.matching.comparing import compare
from ris_core.matching.identity import identity_objection, must_be_justified
from ris_core.matching.reasons import Reason
from ris_core.matching.services import policy_in_force
from ris_core.names import folded
from ris_core.orders.models import ExamState
from ris_core.studies import effects
from ris_core.studies.candidates import ordered_procedure, patients_with_id
from ris_core.studies.corrections import owe_correction
from ris_core.studies.links import (
    AUTO_MAPPING,
    locked_procedure,
    locked_study,
    make_link,
    other_patients,
    put_in_queue,
    received_of,
    unmake_link,
)
from ris_core.studies.models import (
    LINKED_STATES,
    QUEUE_STATES,
    EnginePosition,
    ForetoldStudy,
    Study,
    StudyLink,
    StudyState,
)
from ris_core.studies.operation_steps import give_rejected_its_own_uid
from ris_core.studies.placing import place
from ris_core.studies.received import Header
from ris_core.tag_rules.services import applied_to


@transaction.atomic
def note_study(found: EngineStudy, headers: Sequence[Header], remote_ae_title: str = "") -> Study:
    """Make the row of a study, or bring it up to date with the engine, and link it if the rules say so.

    :param headers: patient and study attributes of at least one instance, the first received one first; of one in
        each series when the study is stable, so that a patient who varies within it is noticed
    """
    now = timezone.now()
    if not Study.objects.filter(orthanc_id=found.orthanc_id).exists():
        _let_one_begin_at_a_time()
    applied = applied_to(headers[0], remote_ae_title)
    study, made = Study.objects.get_or_create(
        orthanc_id=found.orthanc_id,
        defaults={
            **_columns(headers[0]),
            "restated": {**applied.by_tag(), **_foretold(headers[0])},
            "remote_ae_title": remote_ae_title[:64],
            "first_received_at": min(found.last_update, now),
            "last_received_at": found.last_update,
        },
    )
    same_uid = list(
        Study.objects.select_for_update().filter(study_instance_uid=study.study_instance_uid).order_by("pk")
    )
    study = next(row for row in same_uid if row.pk == study.pk)
    _bring_up_to_date(study, found)
    if made:
        record(AUTO_MAPPING, "study.received", subject=f"study:{study.pk}", sender=remote_ae_title)
        if applied.changes:
            record(
                AUTO_MAPPING,
                "study.restated",
                subject=f"study:{study.pk}",
                rules=list(applied.rules),
                attributes=sorted(applied.changes),
            )
    others = other_patients(study, same_uid) if study.state != StudyState.REJECTED else []
    if others:
        for row in (study, *others):
            put_in_queue(row, StudyState.CONFLICT, Reason.TWO_PATIENTS_ONE_STUDY_UID, [])
    elif study.state != StudyState.REJECTED:
        for row in same_uid:
            give_rejected_its_own_uid(row, study)
        place(study, [header.restated(study.restated) for header in headers], now)
    return study


@transaction.atomic
def note_images_compared(study_id: int, instance_count: int, others: list[dict[str, Any]]) -> None:
    """All images of a study have been looked into.

    :param others: headers that describe the patient otherwise than the first image does
    """
    study = locked_study(study_id)
    if study.other_headers != others:
        study.other_headers, study.arrangement = others, ""
        enqueue("study_arrived", study.orthanc_id)
    study.compared_count = instance_count
    study.save(update_fields=["other_headers", "compared_count", "arrangement", "updated_at"])


@transaction.atomic
def link_study(
    study_id: int,
    procedure_id: int,
    *,
    how: str = StudyLink.How.PERSON,
    explanation: dict[str, Any] | None = None,
    actor: Actor,
    reason: str = "",
) -> StudyLink:
    """A person says where a study belongs. Linking it again to the same procedure changes nothing.

    An order that was cancelled and done all the same has been done: its exam goes on.

    :param reason: needed when anything differs from the order, or it was cancelled; kept with the link
    :raises IdentityConflict: birth date or sex contradict, the PatientID is another patient's, the study is linked to
        another patient, or two patients share it or its StudyInstanceUID: nobody may link that (domain invariant 2)
    :raises InvalidValue: something differs and no reason is given
    :raises TransitionRefused: the order is another one's now, or the study rejected
    """
    study = locked_study(study_id)
    procedure = locked_procedure(procedure_id)
    existing = study.links.filter(procedure=procedure, undone_at__isnull=True).first()
    if existing is not None:
        return existing
    if study.state == StudyState.REJECTED:
        raise TransitionRefused("the study has been rejected", field="study")
    cancelled = procedure.exam_state == ExamState.CANCELLED
    if cancelled and procedure.absorbed_by.filter(undone_at__isnull=True).exists():
        raise TransitionRefused("the order was linked to another one, which has the exam", field="procedure")
    if other_patients(study, Study.objects.filter(study_instance_uid=study.study_instance_uid)):
        raise IdentityConflict("two patients share this StudyInstanceUID", field="StudyInstanceUID")
    if study.reason == Reason.PATIENT_VARIES_IN_STUDY:
        raise IdentityConflict("the study has images of two patients", field="PatientID")
    if study.patient_id is not None and study.patient_id != procedure.patient_id:
        raise IdentityConflict("the study is linked to another patient", field="PatientID")
    received = received_of(study)
    ordered = ordered_procedure(procedure)
    objection = identity_objection(received, ordered, patients_with_id(received))
    if objection is not None:
        raise IdentityConflict(f"identity contradicts the order: {objection}", field=objection)
    evidence = compare(received, ordered, policy_in_force())
    if not reason.strip() and (cancelled or must_be_justified(evidence) or study.state == StudyState.CONFLICT):
        raise InvalidValue("say why, since the images differ from the order", field="reason")
    kept = {**evidence.as_json(), **(explanation or {}), "reason": reason.strip()[:500]}
    owe_correction(study.pk)
    link = make_link(study, procedure, how, kept, actor, timezone.now())
    # the first image's header was weighed here; the others' are with the engine, and the worker asks them
    enqueue("study_arrived", study.orthanc_id)
    return link


@transaction.atomic
def undo_link(link_id: int, actor: Actor, reason: str) -> None:
    """Take a link back: the study waits in the queue again, the exam for images; worklist, steps, access to the images
    and what the images are called follow. The link stays as history.

    A reading that has begun is taken from its reader, who is told; what was typed stays with the exam. Undoing an
    undone link changes nothing.

    :raises InvalidValue: no reason given
    :raises TransitionRefused: a report on these images has been approved; it must be corrected first (invariant 6)
    """
    if not reason.strip():
        raise InvalidValue("say why the link is undone", field="reason")
    link = StudyLink.objects.filter(pk=link_id).first()
    if link is None:
        raise NotFound("there is no such link", field="link")
    study = locked_study(link.study_id)
    procedure = locked_procedure(link.procedure_id)
    link.refresh_from_db()
    if link.undone_at is not None:
        return
    if procedure.exam_state in effects.APPROVED:
        raise TransitionRefused("a report on these images was approved: correct it first", field="procedure")
    effects.take_from_reader(procedure, link, actor)
    unmake_link(link, procedure, actor, reason.strip())
    if not study.links.filter(undone_at__isnull=True).exists():
        put_in_queue(study, StudyState.UNMATCHED, Reason.LINK_UNDONE, study.candidates)


@transaction.atomic
def note_gone(orthanc_ids: Collection[str]) -> None:
    """The engine has these studies no more: flagged, never deleted; their links and reports stay."""
    known = Study.objects.select_for_update().exclude(state=StudyState.REJECTED)
    gone = known.filter(orthanc_id__in=orthanc_ids, gone_from_engine_at__isnull=True)
    for study in gone.order_by("pk"):
        study.gone_from_engine_at = timezone.now()
        study.save(update_fields=["gone_from_engine_at", "updated_at"])
        record(AUTO_MAPPING, "study.gone", subject=f"study:{study.pk}", patient_id=study.patient_id, success=False)
        announce("study", study.pk)


def queue(states: Collection[str] = QUEUE_STATES) -> QuerySet[Study]:
    """Studies that wait for a person, the longest waiting first."""
    return Study.objects.filter(state__in=states).order_by("last_received_at", "pk")


def active_links(procedure_id: int) -> QuerySet[StudyLink]:
    """The links of a procedure that hold, with their studies."""
    links = StudyLink.objects.filter(procedure_id=procedure_id, undone_at__isnull=True)
    return links.select_related("study").order_by("pk")


def studies_of_procedure(procedure_id: int) -> list[Study]:
    """The studies that may be shown for a procedure, in the order in which they were linked."""
    return [link.study for link in active_links(procedure_id) if link.study.state in LINKED_STATES]


def _foretold(header: Header) -> dict[str, str]:
    """What a person has said of a study before it came."""
    said = ForetoldStudy.objects.filter(
        study_instance_uid=header.text("0020000D"), received_patient_id=header.text("00100020")[:64]
    ).first()
    return dict(said.restated) if said else {}


def _let_one_begin_at_a_time() -> None:
    """Two patients whose images come under one StudyInstanceUID in the same moment must see each other: whoever adds
    a study waits here until the one before is committed."""
    EnginePosition.objects.get_or_create(pk=1)
    EnginePosition.objects.select_for_update().get(pk=1)


def _columns(header: Header) -> dict[str, Any]:
    """The columns of a new row. ``as_received`` keeps everything; columns that search and lists use are cut to fit."""
    study_date = header.text("00080020")
    return {
        "as_received": header.as_json(),
        "study_instance_uid": header.text("0020000D")[:64],
        "received_patient_id": header.text("00100020")[:64],
        "received_patient_name": header.text("00100010")[:255],
        "received_accession_number": header.text("00080050")[:64],
        "search_text": folded(" ".join(header.text(tag) for tag in ("00100010", "00100020", "00080050")))[:383],
        "study_date": study_date if len(study_date) == 8 and study_date.isdigit() else "",
        "study_time": header.text("00080030")[:16],
        "study_description": header.text("00081030")[:255],
    }


def _bring_up_to_date(study: Study, found: EngineStudy) -> None:
    now_found = {
        "series_count": len(found.series_ids),
        "instance_count": found.instance_count,
        "modalities": " ".join(found.modalities)[:64],
        "complete": found.is_stable,
        "last_received_at": found.last_update,
        "gone_from_engine_at": None,
    }
    changed = [name for name, value in now_found.items() if getattr(study, name) != value]
    if not changed:
        return
    for name in changed:
        setattr(study, name, now_found[name])
    study.save(update_fields=[*changed, "updated_at"])
    announce("study", study.pk)
