"""What a viewer may ask of the engine: a strict grammar over the whole path and query of a DICOMweb request.

Pure. The grammar names every form that a viewer needs (PS3.18 10.4 and 10.6, and WADO-URI, PS3.18 9) and tells which
StudyInstanceUIDs a request touches; everything else is refused, so a form nobody thought of is refused as well. Nothing
is rewritten or normalised here: a path that would need it (escapes, dot segments, double slashes, a trailing slash) is
refused, because another program might read it in another way than we do.

A query for studies must name granted studies by StudyInstanceUID. A query by PatientID alone (a viewer's search for
priors) is refused: its answer could not be limited to what was granted. Priors are granted and opened by their UIDs.

Nothing is stored this way: what viewers save is read and checked by the web app's gateway first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ris_core.access.tokens import MAXIMUM_STUDIES, ViewerGrant
from ris_core.errors import NotPermitted

DICOMWEB_ROOT: Final = "/dicom-web"
WADO_URI: Final = "/wado"
MAXIMUM_PATH_CHARACTERS: Final = 512


class RequestRefused(NotPermitted):
    """A request outside the grammar; ``detail`` says which rule it broke, for the log and for tests."""

    code = "QUANG-6002"


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A request within the grammar."""

    study_uids: frozenset[str]
    """Every study whose data the answer can hold."""
    whole_file: bool = False
    """Whether the answer is a DICOM file, which one could keep."""
    content_of: str = ""
    """SeriesInstanceUID of the objects whose content (file, frames, pictures, bulk data) is asked for; empty: of none,
    or of whatever of a study can be drawn."""
    is_drawn: bool = False
    """Whether a picture is asked for, or what may be a document, which a mark belongs on."""
    is_stored: bool = False
    """Whether pixels or other content are asked for as they are stored."""


_UID: Final = r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+"
_IS_UID = re.compile(_UID, re.ASCII)
_INSTANCE: Final = rf"/series/{_UID}/instances/{_UID}"
_FRAMES: Final = r"/frames/[1-9][0-9]{0,8}(?:,[1-9][0-9]{0,8}){0,63}"
_BULK: Final = r"/bulk/[0-9A-Fa-f]{8}(?:/[0-9]{1,6}/[0-9A-Fa-f]{8}){0,16}"
_BELOW_STUDY: Final = "|".join(
    (
        r"/(?P<search>series|instances)",
        rf"/series/{_UID}/(?P<search_in_series>instances)",
        rf"(?:/series/{_UID}(?:/instances/{_UID})?)?/metadata",
        rf"(?P<file>{_INSTANCE})",
        rf"(?P<stored>{_INSTANCE}(?:{_FRAMES}|(?P<bulk>{_BULK})))",
        rf"(?P<picture>(?:/series/{_UID}(?:/instances/{_UID}(?:{_FRAMES})?)?)?/(?:rendered|thumbnail))",
    )
)
_PATH = re.compile(rf"{DICOMWEB_ROOT}/studies(?:/(?P<study>{_UID})(?P<below>{_BELOW_STUDY})?)?", re.ASCII)
_PLAIN_PATH = re.compile(r"[A-Za-z0-9,./_-]+", re.ASCII)

_FIELD: Final = r"[A-Za-z]{1,64}|[0-9A-Fa-f]{8}"
_FIELDS: Final = rf"(?:{_FIELD})(?:,(?:{_FIELD})){{0,63}}"
_TEXT: Final = r"[^\x00-\x1f\x7f*?\\]{1,64}"
_SIDE: Final = r"(?:[0-9]{1,3}|[1-3][0-9]{3}|40[0-9]{2})"
"""Pixels: the engine enlarges a picture to whatever is asked for, and 16,000 by 16,000 take it nine seconds."""
_VIEWPORT: Final = rf"{_SIDE},{_SIDE}(?:,-?[0-9]{{0,6}}){{0,4}}"
"""Width and height; the part of the image that is shown (PS3.18 8.3.5.1.3)."""


def _keys(**forms: str) -> dict[str, re.Pattern[str]]:
    return {key: re.compile(form) for key, form in forms.items()}


_PAGING = _keys(limit=r"[0-9]{1,4}", offset=r"[0-9]{1,6}", fuzzymatching="true|false", includefield=_FIELDS)
_STUDY_KEYS = frozenset({"StudyInstanceUID", "0020000D", "0020000d"})
_SEARCH_STUDIES = {**_PAGING, **dict.fromkeys(("PatientID", "00100020"), re.compile(_TEXT))}
_SEARCH_BELOW = {
    **_PAGING,
    **dict.fromkeys(("SeriesInstanceUID", "0020000E", "SOPInstanceUID", "00080018"), re.compile(_UID)),
    **dict.fromkeys(("Modality", "00080060"), re.compile(r"[A-Z0-9]{1,16}")),
}
_PICTURE = _keys(
    quality=r"[1-9][0-9]?|100", viewport=_VIEWPORT, window=r"-?[0-9.]{1,12},-?[0-9.]{1,12},[a-z-]{1,16}",
    frame=r"[0-9]{1,9}", accept="image/jpeg|image/png",
)  # fmt: skip
_WADO = _keys(
    requestType="WADO", studyUID=_UID, seriesUID=_UID, objectUID=_UID, frameNumber=r"[0-9]{1,9}",
    contentType="application/dicom|image/jpeg|image/png", transferSyntax=r"\*",
    rows=_SIDE, columns=_SIDE, windowCenter=r"-?[0-9.]{1,12}", windowWidth=r"-?[0-9.]{1,12}",
    imageQuality=r"[1-9][0-9]?|100",
)  # fmt: skip
_WADO_NEEDS = frozenset({"requestType", "studyUID", "seriesUID", "objectUID"})
_TRANSFER_SYNTAXES: Final = frozenset({"*", "1.2.840.10008.1.2.1"})
"""As stored, or decoded (Explicit VR Little Endian): no request chooses a compression."""
_TRANSFER_SYNTAX = re.compile(r"transfer-?syntax\s*=\s*([^;,\s]*)", re.IGNORECASE)


def read_image_request(
    method: str, path: str, arguments: Iterable[tuple[str, str]] = (), accept: str = ""
) -> ImageRequest:
    """What ``method path?arguments`` touches.

    :param path: the path as it was sent, without the query
    :param arguments: the query's keys and values, decoded once, in order, repetitions included
    :param accept: the Accept header; it may not choose a compression, so the engine never encodes for a viewer
    :raises RequestRefused: for everything outside the grammar
    """
    if len(path) > MAXIMUM_PATH_CHARACTERS or not _PLAIN_PATH.fullmatch(path):
        raise RequestRefused("path is too long or has a character that no viewer needs")
    if any(chosen.strip('"') not in _TRANSFER_SYNTAXES for chosen in _TRANSFER_SYNTAX.findall(accept)):
        raise RequestRefused("Accept chooses a compression")
    query = _single(arguments)
    if path == WADO_URI:
        return _wado_uri(method, query)
    match = _PATH.fullmatch(path)
    if match is None:
        raise RequestRefused("path is not one that a viewer needs")
    study = match["study"]
    if method not in ("GET", "HEAD"):
        raise RequestRefused("method is neither GET nor HEAD")
    if study is None:
        return _search_studies(query)
    if match["below"] is None:
        raise RequestRefused("a whole study is not retrieved in one request")
    if match["search"] or match["search_in_series"]:
        _check(query, _SEARCH_BELOW)
    elif match["picture"]:
        _check(query, _PICTURE)
    elif query:
        raise RequestRefused("query where none belongs")
    return ImageRequest(
        _short_enough(study),
        whole_file=match["file"] is not None,
        content_of=_content_of(path),
        is_drawn=match["picture"] is not None or match["bulk"] is not None,
        is_stored=match["stored"] is not None,
    )


def permits(request: ImageRequest, grants: Iterable[ViewerGrant], *, marking: bool = False) -> bool:
    """Whether the grants together cover every study that the request touches.

    :param marking: whether who answers draws marks where they belong; the engine does not, so that under grants with a
        mark it gives no pictures
    """
    wanted = set(request.study_uids)
    for grant in grants:
        if _counts(request, grant, marking):
            wanted -= grant.study_uids
    return not wanted and bool(request.study_uids)


def mark_on(request: ImageRequest, grants: Iterable[ViewerGrant]) -> str:
    """The mark that belongs on the answer; none when it is permitted also by a grant without one."""
    marks = [grant.mark for grant in grants if request.study_uids & grant.study_uids and _counts(request, grant, True)]
    return "" if "" in marks else next(iter(marks), "")


def _counts(request: ImageRequest, grant: ViewerGrant, marking: bool) -> bool:
    if request.content_of in grant.without_series:
        return False
    if request.whole_file and not grant.may_download:
        return False
    if request.is_drawn and grant.mark and not marking:
        return False
    return not (grant.pictures_only and (request.is_stored or request.whole_file))


def _single(arguments: Iterable[tuple[str, str]]) -> dict[str, str]:
    query: dict[str, str] = {}
    for key, value in arguments:
        if key in query:
            raise RequestRefused("query key given twice")
        query[key] = value
    return query


def _check(query: dict[str, str], known: dict[str, re.Pattern[str]]) -> None:
    for key, value in query.items():
        form = known.get(key)
        if form is None:
            raise RequestRefused("unknown query key")
        if not form.fullmatch(value):
            raise RequestRefused("query value is not of its key's form")


def _search_studies(query: dict[str, str]) -> ImageRequest:
    named = [key for key in query if key in _STUDY_KEYS]
    if len(named) != 1:
        raise RequestRefused("a query for studies names them by StudyInstanceUID, once")
    uids = query[named[0]].split(",")
    if len(uids) > MAXIMUM_STUDIES:
        raise RequestRefused("query names too many studies")
    _check({key: value for key, value in query.items() if key not in _STUDY_KEYS}, _SEARCH_STUDIES)
    return ImageRequest(_short_enough(*uids))


def _wado_uri(method: str, query: dict[str, str]) -> ImageRequest:
    if method not in ("GET", "HEAD"):
        raise RequestRefused("method is neither GET nor HEAD")
    _check(query, _WADO)
    if not query.keys() >= _WADO_NEEDS:
        raise RequestRefused("WADO-URI names study, series and instance")
    whole_file = not query.get("contentType", "application/dicom").startswith("image/")
    return ImageRequest(
        _short_enough(query["studyUID"]),
        whole_file=whole_file,
        content_of=query["seriesUID"],
        is_drawn=not whole_file,
    )


def _content_of(path: str) -> str:
    """The series in a path of the grammar, unless attributes are asked for."""
    steps = path.split("/")
    series = len(steps) > 6 and steps[4] == "series" and steps[-1] not in ("instances", "metadata")
    return steps[5] if series else ""


def _short_enough(*uids: str) -> frozenset[str]:
    for uid in uids:
        if len(uid) > 64 or not _IS_UID.fullmatch(uid):
            raise RequestRefused("not a UID")
    return frozenset(uids)
