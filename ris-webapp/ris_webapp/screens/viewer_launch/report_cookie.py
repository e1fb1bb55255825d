"""The right to open one result's report, beside the grant of its images: a signed cookie for one address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from ris_core.access.signing import Keyring
from ris_core.access.tokens import (
    VIEWER_COOKIE_PREFIX,
    ResultLink,
    issue_result_link,
    read_result_link,
    viewer_cookie_name,
)
from ris_core.identifiers import StudyInstanceUID
from ris_core.orders.models import RequestedProcedure

_PREFIX = "quang_result_"
_PATH = "/open/report"
_LONGEST = timedelta(hours=8)


def report_digits(study_uids: Sequence[str]) -> str:
    """The digits of the report's address for these studies: those of their viewer cookie; they grant nothing."""
    return viewer_cookie_name(study_uids).removeprefix(VIEWER_COOKIE_PREFIX)


def allow_report(
    response: HttpResponseBase, receiver: str, procedure: RequestedProcedure, study_uids: Sequence[str], until: datetime
) -> None:
    """Let this browser open the exam's report at ``/open/report/<digits>`` until ``until``, eight hours at most."""
    expires_at = min(until, timezone.now() + _LONGEST)
    link = ResultLink(
        receiver=receiver,
        procedure_id=procedure.pk,
        version_number=0,
        study_uids=frozenset(StudyInstanceUID(uid) for uid in study_uids),
        expires_at=expires_at,
        patient_id=procedure.patient_id,
    )
    digits = report_digits(study_uids)
    response.set_cookie(
        _PREFIX + digits,
        issue_result_link(Keyring.from_settings(settings.QUANG), link),
        max_age=max(1, int((expires_at - timezone.now()).total_seconds())),
        path=f"{_PATH}/{digits}",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def allowed_report(request: HttpRequest, digits: str) -> ResultLink:
    """Whose report this browser may open at ``digits``.

    :raises TokenRefused: none, or no longer
    """
    return read_result_link(Keyring.from_settings(settings.QUANG), request.COOKIES.get(_PREFIX + digits, ""))
