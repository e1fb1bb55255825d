"""What a share shows of its exams, at each look: images that may be shown, the report in force."""

from __future__ import annotations

from dataclasses import dataclass

from ris_core.access.tokens import portal_grant, share_grant
from ris_core.delivery.outside import version_for_outside
from ris_core.orders.models import RequestedProcedure
from ris_core.portal.looks import begin_look
from ris_core.portal.models import PatientShare
from ris_core.portal.shares import shown_in
from ris_core.reports.models import ReportVersion
from ris_core.sharing.copies import copied_study_uids
from ris_core.sharing.errors import ShareRefused
from ris_core.sharing.lineage import root_of
from ris_core.sharing.models import Share, ShareOpening
from ris_core.sharing.withholding import shown_rows, withheld_among, withheld_of
from ris_webapp.screens.viewer_launch.results import shown_studies


@dataclass(frozen=True, slots=True)
class SeenExam:
    """One exam as the receiver sees it."""

    exam: RequestedProcedure
    number: int
    """In the share's addresses: see :func:`exam_of`."""
    has_images: bool
    report: ReportVersion | None


def exams_of(share: Share) -> list[SeenExam]:
    """Patient by patient, the newest exam first, without those withheld; of a patient's own share what that patient
    sees."""
    rows = shown_rows(share)
    procedures = [each.procedure for each in rows]
    numbers = {each.procedure_id: each.pk if share.anonymous else each.procedure_id for each in rows}
    shown = shown_in(share)
    procedures.sort(key=lambda exam: (exam.patient_id, -exam.scheduled_at.timestamp()))
    if shown is not None:
        procedures = [exam for exam in procedures if exam.pk in shown]
    return [
        SeenExam(
            exam,
            numbers[exam.pk],
            bool(images_of(share, exam.pk)),
            version_for_outside(exam.pk) if share.with_report else None,
        )
        for exam in procedures
    ]


def exam_of(share: Share, number: int) -> RequestedProcedure:
    """The exam that the share's addresses call ``number``: its own number, and in an anonymous share that of its row
    there, since the exam's would tell whoever has another share of it whose images these are.

    :raises ShareRefused: the share has it not
    """
    named = {"pk": number} if share.anonymous else {"procedure_id": number}
    found, shown = share.exams.select_related("procedure__patient").filter(**named).first(), shown_in(share)
    if found is None or withheld_among([found]) or (shown is not None and found.procedure_id not in shown):
        raise ShareRefused("the exam is not shared")
    return found.procedure


def open_exams(share: Share) -> frozenset[int]:
    """Of which exams the share shows anything now."""
    shown = shown_in(share)
    standing = {row.procedure_id for row in shown_rows(share)}
    return frozenset(standing if shown is None else standing & shown.keys())


def images_of(share: Share, exam_id: int) -> list[str]:
    """Studies of the images that may be shown now, each once: the engine may have two studies of the patient under one
    UID. Of an anonymous share those of the copies."""
    if exam_id in withheld_of(share):
        return []
    if share.anonymous:
        return copied_study_uids(share, exam_id)
    shown = shown_in(share)
    if shown is not None and (exam_id not in shown or not shown[exam_id].with_images):
        return []
    return list(dict.fromkeys(study.study_instance_uid for study in shown_studies(exam_id)))


def images_grant(opening: ShareOpening, exam_id: int) -> str:
    """What tokens for the exam's images are made under: the share, or the look through a patient's share, which ends
    also when the patient sees the result no more."""
    share = opening.share
    made = PatientShare.objects.select_related("slip").filter(share=root_of(share)).first()
    if made is None:
        return share_grant(share.pk, share.revision)
    return portal_grant(begin_look(exam_id, made.slip, opening.until, share=share).pk)
