"""Other images under the UIDs of a study's stored ones: both looked at, one decided for, taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.db.models import Case, When
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.studies.copy_decisions import decide_copy, studies_with
from ris_core.studies.kept_copies import copy_file, waiting_copies
from ris_core.studies.models import CopyDecision, KeptCopy, Study
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.studies.copy_picture import NoPicture, picture_of
from ris_webapp.thumbnails import PIXELS, engine_for_pictures
from ris_webapp.words import WORDS

MOST_COPIES: Final = 40
MOST_STUDIES: Final = 10
_REASON_CHARACTERS: Final = 255
_PRIVATE: Final = {"Cache-Control": "private, max-age=300"}


@dataclass(frozen=True, slots=True)
class StudyWithCopies:
    """For lists: a study of which somebody should look at both images."""

    study: Study
    count: int


def copies_of(study: Study) -> list[KeptCopy]:
    """Those that wait first."""
    copies = study.kept_copies.select_related("decided_by")
    decided = Case(When(decision=CopyDecision.WAITING, then=0), default=1)
    return list(copies.order_by(decided, "pk")[:MOST_COPIES])


def studies_with_copies() -> list[StudyWithCopies]:
    """Studies with copies that nobody has decided about."""
    counted: dict[int, StudyWithCopies] = {}
    for copy in waiting_copies()[: MOST_COPIES * MOST_STUDIES]:
        if copy.study is not None:
            before = counted.get(copy.study.pk)
            counted[copy.study.pk] = StudyWithCopies(copy.study, before.count + 1 if before else 1)
    return list(counted.values())[:MOST_STUDIES]


@requires(Function.MANAGE_STUDIES)
@require_POST
def decide(request: UserRequest, study_id: int, copy_id: int) -> HttpResponse:
    """Keep the first, replace it, store both, or take that back."""
    copy = _copy(study_id, copy_id)
    reason = request.POST.get("reason", "").strip()[:_REASON_CHARACTERS]
    breaking = request.POST.get("breaking", "").strip()[:_REASON_CHARACTERS]
    try:
        wanted = CopyDecision(request.POST.get("decision", ""))
        breaks = may(request.user.role, Function.ADMINISTER)
        decide_copy(copy.pk, wanted, actor_of(request), reason, breaking_reason=breaking if breaks else "")
    except ValueError as error:
        raise NotFound("there is no such decision", field="decision") from error
    except (InvalidValue, TransitionRefused) as error:
        sentence = WORDS["study_refusal"].get(str(error.field), _("Không làm được với lần chụp này."))
        messages.error(request, f"{sentence} ({error.code})")
    else:
        messages.success(request, _("Đã ghi nhận; ảnh trên máy chủ được sửa theo."))
    return HttpResponseRedirect(reverse("studies:study", args=[study_id]) + "#copies")


@requires(Function.MANAGE_STUDIES)
@require_GET
def picture(request: UserRequest, study_id: int, copy_id: int, which: str) -> HttpResponse:
    """A small picture of the stored image (``stored``) or of the kept one (``kept``).

    :raises NotFound: it cannot be shown
    """
    copy = _copy(study_id, copy_id)
    try:
        content = picture_of(copy_file(copy), PIXELS) if which == "kept" else _stored_picture(copy)
    except NoPicture as error:
        raise NotFound("the image cannot be shown here", field="copy") from error
    return HttpResponse(content, content_type="image/jpeg", headers=_PRIVATE)


@requires(Function.MANAGE_STUDIES)
@require_GET
def file(request: UserRequest, study_id: int, copy_id: int) -> HttpResponse:
    """The kept file, byte for byte as it came."""
    copy = _copy(study_id, copy_id)
    study = copy.study
    record(
        actor_of(request),
        "study.copy_downloaded",
        subject=f"study:{study_id}",
        patient_id=study.patient_id if study else None,
        copy=copy.pk,
    )
    headers = {"Content-Disposition": f'attachment; filename="copy-{copy.pk}.dcm"', "Cache-Control": "no-store"}
    return HttpResponse(copy_file(copy), content_type="application/dicom", headers=headers)


def _copy(study_id: int, copy_id: int) -> KeptCopy:
    copy = KeptCopy.objects.select_related("study").filter(pk=copy_id, study_id=study_id).first()
    if copy is None:
        raise NotFound("there is no such copy", field="copy")
    return copy


def _stored_picture(copy: KeptCopy) -> bytes:
    """Made as the kept one's where that can be, so that the two can be compared. Of the image that belongs to the
    copy's study: another patient's may lie elsewhere under the same UID."""
    with engine_for_pictures() as engine:
        places = Study.objects.filter(pk__in=studies_with(copy)).values_list("orthanc_id", flat=True)
        images = (image for place in places for image in engine.images_of(place, SOPInstanceUID=copy.sop_instance_uid))
        found = next(images, None)
        if found is None:
            raise NotFound("the engine does not have the image", field="copy")
        try:
            return picture_of(engine.instance_file(found.orthanc_id), PIXELS)
        except NoPicture:
            return engine.rendered(found.orthanc_id, PIXELS)
