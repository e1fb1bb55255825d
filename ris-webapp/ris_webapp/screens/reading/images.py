"""The images of an exam as the reading page shows them: which studies, and whether more are on their way."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ris_core.orders.models import RequestedProcedure, ScheduledProcedureStep
from ris_core.reports.models import Document
from ris_core.signatures.listing import signatures_of
from ris_core.studies.models import Study, StudyState
from ris_webapp.screens.viewer_launch.results import has_conflict, shown_studies


class ImagesState(StrEnum):
    """What the image side of the page tells."""

    NONE = "none"
    ARRIVING = "arriving"
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True)
class ExamImages:
    """The studies of an exam that may be shown, and how far their arrival has come."""

    studies: tuple[Study, ...]
    state: ImagesState
    has_conflict: bool
    """Some images are withheld because they carry another patient's identity too."""
    stored_reports: int
    """Encapsulated PDFs of the exam's report versions."""
    step: ScheduledProcedureStep | None
    """Where the exam is scheduled: what the page tells while there are no images."""

    @property
    def study_uids(self) -> list[str]:
        """Each StudyInstanceUID once, in the order of arrival."""
        return list(dict.fromkeys(study.study_instance_uid for study in self.studies))

    @property
    def instance_count(self) -> int:
        """Without our own reports, which are stored in the study too and are nothing to look at again."""
        return max(0, sum(study.instance_count for study in self.studies) - self.stored_reports)

    @property
    def series_count(self) -> int:
        return sum(study.series_count for study in self.studies)


def images_of(exam: RequestedProcedure) -> ExamImages:
    """The images of ``exam`` now."""
    studies = tuple(shown_studies(exam.pk))
    if not studies:
        state = ImagesState.NONE
    elif any(study.state != StudyState.READY_TO_READ for study in studies):
        state = ImagesState.ARRIVING
    else:
        state = ImagesState.COMPLETE
    step = exam.steps.order_by("scheduled_at", "id").first()
    reports = Document.objects.filter(version__reading__procedure=exam).exclude(orthanc_instance_id="").count()
    signed = signatures_of([exam.pk]).get(exam.pk)
    reports += signed.stored_files if signed else 0
    return ExamImages(studies, state, has_conflict(exam.pk), reports, step)
