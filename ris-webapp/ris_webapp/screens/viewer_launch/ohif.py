"""Addresses of the OHIF viewer (static files under ``/viewer/``)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.utils.translation import get_language

VIEWER_PATH = "/viewer/viewer"


def viewer_address(study_uids: Iterable[str], *, compare: bool = False, report: str = "") -> str:
    """OHIF opened on exactly these studies, in this order, in the reader's language.

    :param compare: the first two side by side (OHIF's hanging protocol ``@ohif/hpCompare``)
    :param report: the digits of ``/open/report/<digits>``, to which the viewer then shows a button
    """
    parameters = {"StudyInstanceUIDs": ",".join(study_uids)}
    if compare:
        parameters["hangingprotocolId"] = "@ohif/hpCompare"
    if report:
        parameters["report"] = report
    # always said: the viewer remembers the last one, whoever used this browser
    parameters["lng"] = "vi" if (get_language() or "").startswith("vi") else "en-US"
    return f"{VIEWER_PATH}?{urlencode(parameters, safe=',@/')}"
