"""Addresses of the OHIF viewer (static files under ``/viewer/``)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.utils.translation import get_language

from ris_webapp.screens.viewer_launch.hanging import MOST_STUDIES, PLAINLY, SIDE_BY_SIDE, Hung
from ris_webapp.screens.viewer_launch.ohif_hanging import protocol_id

VIEWER_PATH = "/viewer/"
"""Before the name of OHIF's mode."""
PICTURES_PATH = "/open/phone"
"""The page that shows nothing but pictures made by the server."""


def pictures_address(study_uids: Iterable[str]) -> str:
    """The page of pictures opened on exactly these studies, in the reader's language."""
    return f"{PICTURES_PATH}?{viewer_address(study_uids).partition('?')[2]}"


def viewer_address(
    study_uids: Iterable[str],
    *,
    hung: Hung = PLAINLY,
    own_studies: int = 0,
    compare: bool = False,
    report: str = "",
) -> str:
    """OHIF opened on exactly these studies, in this order, in the reader's language.

    :param hung: how they are laid out; without it as OHIF does by itself
    :param own_studies: so many of them, the first ones, are the exam's; the others are earlier ones; 0: all are its
    :param compare: each in a field of its own (up to sixteen), when nothing else is said
    :param report: the digits of ``/open/report/<digits>``, to which the viewer then shows a button
    """
    uids = list(study_uids)
    parameters = {"StudyInstanceUIDs": ",".join(uids)}
    if named := hung.protocol_id(own_studies or len(uids)):
        parameters["hangingprotocolId"] = named
    elif compare:
        parameters["hangingprotocolId"] = protocol_id(SIDE_BY_SIDE, min(len(uids), MOST_STUDIES))
    if report:
        parameters["report"] = report
    # always said: the viewer remembers the last one, whoever used this browser
    parameters["lng"] = "vi" if (get_language() or "").startswith("vi") else "en-US"
    return f"{VIEWER_PATH}{hung.route}?{urlencode(parameters, safe=',@/')}"
