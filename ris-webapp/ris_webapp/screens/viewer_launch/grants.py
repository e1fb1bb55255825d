"""Viewer grants as cookies: who may load the images of which studies, and until when.

The engine's request filter accepts a DICOMweb request when the granted cookies together cover every study it touches.
One cookie for each set of studies (:func:`ris_core.access.tokens.viewer_cookie_name`), readable by no script, sent to
``/dicom-web`` only. Since the web app never gets those back, a second cookie keeps their names, so that the oldest can
be withdrawn before the browser's request headers grow too long for the front door, and all of them at logout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from ris_core.access.signing import Keyring
from ris_core.access.tokens import (
    MAXIMUM_STUDIES,
    VIEWER_COOKIE_PATH,
    VIEWER_COOKIE_PREFIX,
    issue_viewer_token,
    viewer_cookie_name,
)
from ris_webapp.sessions import grant_of

LEDGER_COOKIE = "quang_grants"
"""Names and sizes of the viewer cookies this browser has, newest first."""
MAXIMUM_BYTES = 5000
"""All viewer cookies together; nginx takes request header lines of 8 KiB."""

_ENTRY = re.compile(r"([0-9a-f]{12})\.(\d{1,4})")


def longest_grant() -> datetime:
    """Until when a permission that is given now lasts at most."""
    return timezone.now() + timedelta(minutes=settings.QUANG.access.viewer_token_minutes)


def grant_viewing(
    request: HttpRequest,
    response: HttpResponseBase,
    sets_of_studies: Iterable[Iterable[str]],
    user_name: str,
    *,
    grant: str = "",
    until: datetime | None = None,
    may_store: bool = False,
    may_download: bool = True,
    without_series: Iterable[str] = (),
    mark: str = "",
    pictures_only: bool = False,
) -> None:
    """Let this browser load the images of the studies: one cookie for each set (an exam's own, each prior's).

    :param grant: what the permission ends with; empty: the user's login
    :param until: the grant's end when something else bounds it (a result link); never later than
        ``access.viewer_token_minutes`` from now
    :param without_series: whose content is not to be seen
    :param mark: words over every picture; empty: none
    :param pictures_only: no stored pixels
    """
    now, expires_at = timezone.now(), longest_grant()
    if until is not None:
        expires_at = min(expires_at, until)
    keyring = Keyring.from_settings(settings.QUANG)
    ledger, closed = _ledger(request, response), tuple(without_series)
    for studies in sets_of_studies:
        uids = list(studies)[:MAXIMUM_STUDIES]
        if not uids:
            continue
        token = issue_viewer_token(
            keyring,
            uids,
            user_name,
            expires_at,
            grant=grant or grant_of(request.session),
            may_store=may_store,
            may_download=may_download,
            without_series=closed,
            mark=mark,
            pictures_only=pictures_only,
        )
        name = viewer_cookie_name(uids)
        response.set_cookie(
            name,
            token,
            max_age=max(1, int((expires_at - now).total_seconds())),
            path=VIEWER_COOKIE_PATH,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        ledger.pop(name, None)
        ledger = {name: len(name) + len(token) + 3, **ledger}
    _write_ledger(response, _within_budget(response, ledger))


def withdraw_all(request: HttpRequest, response: HttpResponseBase) -> None:
    """Take every viewer grant away from this browser: at logout."""
    for name in _ledger(request):
        response.delete_cookie(name, path=VIEWER_COOKIE_PATH, samesite="Lax")
    response.delete_cookie(LEDGER_COOKIE, samesite="Lax")


def _within_budget(response: HttpResponseBase, ledger: dict[str, int]) -> dict[str, int]:
    """The newest grants that fit; the cookies of the others are deleted."""
    kept: dict[str, int] = {}
    for name, size in ledger.items():
        if not kept or sum(kept.values()) + size <= MAXIMUM_BYTES:
            kept[name] = size
        else:
            response.delete_cookie(name, path=VIEWER_COOKIE_PATH, samesite="Lax")
    return kept


def _ledger(request: HttpRequest, response: HttpResponseBase | None = None) -> dict[str, int]:
    """What the browser has, with what ``response`` gives it already: one answer may grant several times."""
    given = response.cookies.get(LEDGER_COOKIE) if response is not None else None
    written = given.value if given is not None else request.COOKIES.get(LEDGER_COOKIE, "")
    entries = _ENTRY.findall(written[:2000])
    return {VIEWER_COOKIE_PREFIX + digits: int(size) for digits, size in entries}


def _write_ledger(response: HttpResponseBase, ledger: dict[str, int]) -> None:
    value = "-".join(f"{name.removeprefix(VIEWER_COOKIE_PREFIX)}.{size}" for name, size in ledger.items())
    response.set_cookie(
        LEDGER_COOKIE,
        value,
        max_age=settings.QUANG.access.viewer_token_minutes * 60,  # as long as the grants: they outlive the browser
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
