"""What of a report lies in its study, where viewers and other systems find it: the newest version while it counts, a
notice in the place of a recalled one, nothing of versions that a newer one has replaced, and no file whose signature
was withdrawn.

The files stay with their version in the database: what is taken out of the study is lost nowhere. For the worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import Q

from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.engine.client import Engine
from ris_core.jobs.rules import NotWorthRepeating
from ris_core.reports.arranging import arrange_in_study
from ris_core.reports.documents import identity_of, store_pdf
from ris_core.reports.encapsulated import report_uids
from ris_core.reports.models import Document, Reading, ReportRecall, ReportVersion
from ris_core.reports.recalled_notice import recalled_notice
from ris_core.settings import Settings
from ris_core.signatures.models import SignedFile
from ris_core.signatures.rules import FileKind, SignatureState
from ris_core.studies.models import Study

WORKER = Actor("worker")


@dataclass(frozen=True, slots=True)
class _Stored:
    """A file that the study has, or may have: a worker that died after it stored one has not noted where."""

    row: Document | SignedFile
    version: ReportVersion
    content_sha256: str
    """By which its object is told from others of the version."""


def run_arrange_report(subject_id: str) -> None:
    """The job ``arrange_report``, of a reading; once however often it runs.

    A notice is stored before what it stands for is taken away, and an older version stays until the newer is there.
    """
    newest = ReportVersion.objects.filter(reading_id=int(subject_id)).order_by("-number").first()
    if newest is None:
        return
    recall = ReportRecall.objects.filter(version=newest).first()
    stored = _files(newest.reading, stored=True)
    if recall is None and not any(each.version == newest and isinstance(each.row, Document) for each in stored):
        return  # this job comes again when the newest version has been stored
    notice_id = _stored_notice(newest, recall) if recall is not None and stored else ""
    every = [*stored, *_files(newest.reading, stored=False)]
    outdated = [each for each in every if recall is not None or not _still_counts(each, newest)]
    with Engine.from_settings(django_settings.QUANG, "worker") as engine:
        for each in outdated:
            # the notice of an earlier recall goes with what it stood for
            _take_away(engine, each, notice=recall is None or each.version != newest, keep=notice_id)
    with transaction.atomic():
        for each in outdated:
            if not each.row.orthanc_instance_id:
                continue
            _note(each, notice_id if each.version == newest and isinstance(each.row, Document) else "")
        recalled = ReportRecall.objects.filter(version=newest).exists()
        if recalled != (recall is not None) or newest.reading.versions.filter(number__gt=newest.number).exists():
            arrange_in_study(newest.reading_id)  # what came meanwhile may have been arranged before this was done


def _files(reading: Reading, *, stored: bool) -> list[_Stored]:
    noted = ~Q(orthanc_instance_id="") if stored else Q(orthanc_instance_id="")
    documents = Document.objects.filter(noted, version__reading=reading)
    signed = SignedFile.objects.filter(noted, signature__version__reading=reading, kind=FileKind.PDF)
    return [
        *(_Stored(row, row.version, row.version.content_sha256) for row in documents.select_related("version")),
        *(_Stored(row, row.signature.version, row.sha256) for row in signed.select_related("signature__version")),
    ]


def _still_counts(each: _Stored, newest: ReportVersion) -> bool:
    in_force = isinstance(each.row, Document) or each.row.signature.state == SignatureState.SIGNED
    return each.version == newest and in_force


def _stored_notice(version: ReportVersion, recall: ReportRecall) -> str:
    """Where the notice is, stored now or before; empty when the exam's images are gone from it."""
    settings: Settings = django_settings.QUANG
    content = recalled_notice(version, recall, settings)
    try:
        return store_pdf(version, content, content_sha256=version.content_sha256, recalled=True).orthanc_id
    except NotWorthRepeating:
        return ""


def _take_away(engine: Engine, each: _Stored, *, notice: bool, keep: str) -> None:
    """Its object, and copies of it under another patient: a study whose patient was changed took it along.

    :param notice: also the notice that stood for it
    :param keep: what stays
    """
    signed, root = isinstance(each.row, SignedFile), django_settings.QUANG.site.uid_root
    sha256 = each.content_sha256
    identities = [
        identity_of(each.version, content_sha256=sha256, signed=signed, recalled=recalled)
        for recalled in ((False, True) if notice else (False,))
    ]
    studies = Study.objects.filter(links__procedure=each.version.reading.procedure_id).distinct()
    copies = {each.row.orthanc_instance_id}
    for uid in studies.values_list("study_instance_uid", flat=True):
        for identity in identities:
            copies.update(engine.find_instances(report_uids(identity, uid, root)[1]))
    for orthanc_id in sorted(copies - {"", keep}):
        engine.delete_instance(orthanc_id)


def _note(each: _Stored, place: str) -> None:
    """:param place: where the notice is that stands for it; empty: nothing does"""
    former, version = each.row.orthanc_instance_id, each.version
    if former == place:
        return
    type(each.row).objects.filter(pk=each.row.pk, orthanc_instance_id=former).update(orthanc_instance_id=place)
    procedure = version.reading.procedure
    record(
        WORKER, "report.taken_from_study", subject=f"reading:{version.reading_id}", patient_id=procedure.patient_id,
        version=version.number, instance=former, notice=place,
    )  # fmt: skip
    announce("exam", procedure.pk)
