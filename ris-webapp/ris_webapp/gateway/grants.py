"""Who asks the gateway: viewers, by the same signed cookies and the same grammar as Orthanc's request filter."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest

from ris_core.access.ended_grants import EndedGrants
from ris_core.access.grammar import RequestRefused, mark_on, permits, read_image_request
from ris_core.access.signing import Keyring, TokenRefused
from ris_core.access.tokens import VIEWER_COOKIE_PREFIX, ViewerGrant, read_viewer_token
from ris_webapp.gateway.reads import note_read

_GRANTS_A_REQUEST = 24
_ended = EndedGrants()


def grants_of(request: HttpRequest) -> list[ViewerGrant]:
    """The valid grants that the browser has sent, but those that have ended."""
    _ended.refresh_if_due()
    now = datetime.now(UTC)
    keyring = Keyring.from_settings(settings.QUANG)
    tokens = [value for name, value in request.COOKIES.items() if name.startswith(VIEWER_COOKIE_PREFIX)]
    found = []
    for token in tokens[:_GRANTS_A_REQUEST]:
        try:
            grant = read_viewer_token(keyring, token, now)
        except TokenRefused:
            continue  # as in the filter: an old cookie beside a valid one is nobody's fault
        if _ended.is_open(grant.grant):
            found.append(grant)
    return found


def is_granted(request: HttpRequest) -> bool:
    """Whether the grants cover everything that this request for images touches, by the grammar of the filter."""
    return mark_granted(request) is not None


def mark_granted(request: HttpRequest) -> str | None:
    """As :func:`is_granted`: the mark that the answer bears (empty: none); None: it is not granted."""
    try:
        query = [(key, str(value)) for key, values in request.GET.lists() for value in values]
        asked = read_image_request("GET", request.path, query)
    except RequestRefused:
        return None
    grants = grants_of(request)
    if not permits(asked, grants, marking=True):
        return None
    for study_uid in asked.study_uids:
        note_read(request, study_uid, grants)
    return mark_on(asked, grants)


def marking_grants(request: HttpRequest, study_uid: str) -> list[ViewerGrant]:
    """The grants under which a study is seen; all of them have a mark, or none that counts."""
    grants = [grant for grant in grants_of(request) if study_uid in grant.study_uids]
    return [grant for grant in grants if not grant.mark] or grants


def granted_studies(request: HttpRequest) -> frozenset[str]:
    """StudyInstanceUIDs that may be looked at."""
    return frozenset(str(uid) for grant in grants_of(request) for uid in grant.study_uids)
