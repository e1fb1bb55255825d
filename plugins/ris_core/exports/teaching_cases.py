"""A teaching case taken out as a file: the same list, worker, limits and downloads as exams."""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.exports.contents import refuse_case
from ris_core.exports.models import UNDER_WAY, Export, Form
from ris_core.exports.services import ATTEMPTS, CHANNEL, JOB_KIND, exports_of, refuse_without_room, tell_of_export
from ris_core.jobs.services import enqueue
from ris_core.teaching.models import TeachingCase
from ris_core.teaching.package import sources_of

_PICTURE_BYTES: Final = 150_000
_FILE_BYTES: Final = 1_000_000
"""Of a picture and of a DICOM file on average, for estimates."""


@transaction.atomic
def ask_for_case(case: TeachingCase, user: User, actor: Actor, *, with_dicom: bool) -> Export:
    """Have it made into a ZIP. Asking for the same while it is being made changes nothing.

    :raises NotPermitted, CaseClosed: it may not be taken out
    :raises NoRoomForExport: there is no room
    """
    refuse_case(case, user)
    waiting = exports_of(user.pk).filter(teaching_case=case, with_dicom=with_dicom, state__in=UNDER_WAY).first()
    if waiting is not None:
        return waiting
    expected = case.images.count() * _PICTURE_BYTES + (len(sources_of(case)) * _FILE_BYTES if with_dicom else 0)
    refuse_without_room(expected)
    export = Export.objects.create(
        asked_by=user, asked_at=timezone.now(), form=Form.TEACHING, teaching_case=case, case_version=case.version,
        with_dicom=with_dicom, expected_bytes=expected,
    )  # fmt: skip
    enqueue(JOB_KIND, export.pk, channel=CHANNEL, max_attempts=ATTEMPTS)
    tell_of_export(export, actor, "asked", form=export.form, with_dicom=with_dicom)
    return export
