from __future__ import annotations

import posixpath
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ris_core.access.grammar import ImageRequest, RequestRefused, mark_on, permits, read_image_request
from ris_core.access.tokens import ViewerGrant
from ris_core.identifiers import StudyInstanceUID

A, B = "1.2.840.1", "1.2.840.2"
SERIES, INSTANCE = f"/dicom-web/studies/{A}/series/1.2.5", f"/dicom-web/studies/{A}/series/1.2.5/instances/1.2.6"

VIEWER_NEEDS = [
    f"/dicom-web/studies?StudyInstanceUID={A}",
    f"/dicom-web/studies?0020000D={A}",
    f"/dicom-web/studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060&StudyInstanceUID={A}",
    f"/dicom-web/studies?00100020=BN001&StudyInstanceUID={A}",
    f"/dicom-web/studies/{A}/series?includefield=0008103E",
    f"/dicom-web/studies/{A}/instances",
    f"/dicom-web/studies/{A}/metadata",
    f"{SERIES}/metadata",
    f"{SERIES}/instances?limit=50",
    f"{SERIES}/rendered",
    f"{SERIES}/thumbnail?viewport=128,128",
    f"{INSTANCE}",
    f"{INSTANCE}/metadata",
    f"{INSTANCE}/rendered?quality=60&window=40,400,linear",
    f"{INSTANCE}/thumbnail",
    f"{INSTANCE}/frames/1",
    f"{INSTANCE}/frames/1,2,17",
    f"{INSTANCE}/frames/3/rendered",
    f"{INSTANCE}/bulk/00420011",
    f"{INSTANCE}/bulk/5400,0100/1/54001010".replace(",", ""),
    f"/wado?requestType=WADO&studyUID={A}&seriesUID=1.2.5&objectUID=1.2.6&contentType=application%2Fdicom",
]

TRAVERSAL = [
    f"/dicom-web/studies/{A}/../{B}/metadata",
    f"/dicom-web/studies/{A}%2F..%2F{B}/metadata",
    f"/dicom-web/studies/{A}/%2e%2e/{B}/metadata",
    f"/dicom-web/studies/{A}/./metadata",
    f"/dicom-web//studies/{A}/metadata",
    f"//dicom-web/studies/{A}/metadata",
    f"/dicom-web/studies/{A}/metadata/",
    f"/dicom-web/studies/{A}\\..\\{B}/metadata",
    f"/dicom-web/studies/{A}%5C..%5C{B}/metadata",
    f"/dicom-web/studies/{A}/metadata%00",
    f"/dicom-web/studies/{A}/metadata\n",
    f"/dicom-web/studies/{A}/metadata;x=1",
    "/dicom-web/studies/%31.2.840.1/metadata",
    f"/dicom-web/studies/{A}%252F..%252F{B}/metadata",
    f"/dicom-web/studies/{A}．2/metadata",  # fullwidth full stop
    f"/dicom-web/studies/{A}١/metadata",  # an Arabic digit is a digit to some patterns
    f"/DICOM-WEB/studies/{A}/metadata",
    f"/dicom-web/studies/{A}#/{B}",
]

OTHER = [
    "/", "/system", "/app/explorer.html", "/instances", "/studies", "/tools/find", "/changes", "/plugins",
    "/dicom-web", "/dicom-web/", "/dicom-web/studies", "/dicom-web/series", "/dicom-web/instances", "/dicom-web/info",
    "/dicom-web/servers", f"/dicom-web/studies/{A}", f"/dicom-web/studies/{A}/", f"/dicom-web/studies/{A}/archive",
    f"{SERIES}", f"{SERIES}/archive", f"{INSTANCE}/frames/0", f"{INSTANCE}/frames/1,", f"{INSTANCE}/bulk/7FE0",
    f"{INSTANCE}/bulk/00420011/../x", f"{INSTANCE}/file", f"/dicom-web/studies/{A}/instances/1.2.6/metadata",
    "/dicom-web/studies/1.2.*/metadata", "/dicom-web/studies/01.2/metadata",
    f"/dicom-web/studies/1.{'2' * 70}/metadata",
    "/wado", f"/wado?requestType=WADO&studyUID={A}",
    f"/wado/x?requestType=WADO&studyUID={A}&seriesUID=1.1&objectUID=1.2",
]  # fmt: skip

BAD_QUERIES = [
    "PatientID=BN001",
    "00100020=BN001&includefield=all",
    f"StudyInstanceUID={A}&StudyInstanceUID={B}",
    f"StudyInstanceUID={A}&0020000D={B}",
    f"StudyInstanceUID={A}&0020000d={A}",
    f"StudyInstanceUID={A}&studyinstanceuid={B}",
    "StudyInstanceUID=1.2.*",
    "StudyInstanceUID=",
    f"StudyInstanceUID={A}%5C{B}",
    f"StudyInstanceUID={A},",
    f"StudyInstanceUID={A}&PatientID=*",
    f"StudyInstanceUID={A}&PatientName=NGUYEN",
    f"StudyInstanceUID={A}&limit=-1",
    f"StudyInstanceUID={A}&includefield=00081030;x",
    f"StudyInstanceUID={A}&accept=application/dicom",
    f"StudyInstanceUID={'1.1,' * 40}1.1",
]


def read(target: str, method: str = "GET", accept: str = "") -> ImageRequest:
    path, _, query = target.partition("?")
    return read_image_request(method, path, parse_qsl(query, keep_blank_values=True), accept)


def grant(*study_uids: str) -> ViewerGrant:
    uids = frozenset(StudyInstanceUID(uid) for uid in study_uids)
    return ViewerGrant(uids, "u", datetime(2027, 1, 1, tzinfo=UTC), "session:test")


@pytest.mark.parametrize("target", VIEWER_NEEDS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_viewer_needs_touches_its_study(target: str, method: str) -> None:
    assert read(target, method).study_uids == {A}


def test_a_grant_without_download_gives_pictures_and_frames_and_no_file() -> None:
    looking = ViewerGrant(
        frozenset({StudyInstanceUID(A)}), "u", datetime(2027, 1, 1, tzinfo=UTC), "share:1.1", may_download=False
    )
    image = f"/dicom-web/studies/{A}/series/1.2.5/instances/1.2.6"
    for seen in (f"{image}/frames/1", f"{image}/metadata", f"{image}/rendered", f"/dicom-web/studies/{A}/series"):
        assert permits(read(seen), [looking])
    wado = f"/wado?requestType=WADO&studyUID={A}&seriesUID=1.2.5&objectUID=1.2.6"
    assert permits(read(f"{wado}&contentType=image%2Fjpeg"), [looking])
    for file in (image, wado, f"{wado}&contentType=application%2Fdicom"):
        assert not permits(read(file), [looking])
        assert permits(read(file), [grant(A)])


def test_of_a_series_without_which_a_study_is_granted_only_the_attributes_are_seen() -> None:
    closed = frozenset({"1.2.5"})
    looking = ViewerGrant(
        frozenset({StudyInstanceUID(A)}), "u", datetime(2027, 1, 1, tzinfo=UTC), "share:1.1", without_series=closed
    )
    for series, seen in (("1.2.5", False), ("1.2.50", True)):
        image = f"/dicom-web/studies/{A}/series/{series}/instances/1.2.6"
        wado = f"/wado?requestType=WADO&studyUID={A}&seriesUID={series}&objectUID=1.2.6"
        content = ("", "/frames/1", "/rendered", "/thumbnail", "/frames/1/rendered", "/bulk/00420011")
        for target in (*(image + end for end in content), wado, f"{wado}&contentType=image%2Fjpeg"):
            assert permits(read(target), [looking]) is seen, target
        assert permits(read(f"/dicom-web/studies/{A}/series/{series}/rendered"), [looking]) is seen
        for attributes in (f"{image}/metadata", f"/dicom-web/studies/{A}/series/{series}/instances"):
            assert permits(read(attributes), [looking])
    assert permits(read(f"/dicom-web/studies/{A}/series/1.2.5/instances/1.2.6"), [looking, grant(A)])


@pytest.mark.parametrize("target", TRAVERSAL)
def test_a_path_that_another_program_might_read_otherwise_is_refused(target: str) -> None:
    with pytest.raises(RequestRefused):
        read(target)


@pytest.mark.parametrize("side", ["5000", "16000", "99999", "-5", "1e4"])
def test_a_picture_larger_than_any_screen_is_not_asked_for(side: str) -> None:
    """The engine would enlarge it: a few such requests of a share's receiver would keep devices from storing."""
    wado = f"/wado?requestType=WADO&studyUID={A}&seriesUID=1.1&objectUID=1.2&contentType=image%2Fjpeg"
    pictures = (
        f"{INSTANCE}/rendered?viewport=",
        f"{INSTANCE}/frames/1/rendered?viewport=",
        f"{SERIES}/thumbnail?viewport=",
    )
    for target in (*(f"{picture}{sides}" for picture in pictures for sides in (f"{side},64", f"64,{side}")),
                   f"{wado}&rows={side}", f"{wado}&columns={side}"):  # fmt: skip
        with pytest.raises(RequestRefused):
            read(target)
    assert read(f"{INSTANCE}/rendered?viewport=4096,2160,0,0,512,512").study_uids == {A}


@pytest.mark.parametrize("target", OTHER)
def test_everything_else_is_refused(target: str) -> None:
    with pytest.raises(RequestRefused):
        read(target)


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_query_for_studies_names_them_once_and_nothing_unknown(query: str) -> None:
    with pytest.raises(RequestRefused):
        read(f"/dicom-web/studies?{query}")


@pytest.mark.parametrize("target", VIEWER_NEEDS)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "get", "", "TRACE"])
def test_methods_that_change_are_refused(target: str, method: str) -> None:
    with pytest.raises(RequestRefused):
        read(target, method)


@pytest.mark.parametrize(
    "path", [f"/dicom-web/studies/{A}/metadata", f"{SERIES}/metadata", f"{INSTANCE}", f"{INSTANCE}/frames/1"]
)
def test_a_query_where_none_belongs_is_refused(path: str) -> None:
    with pytest.raises(RequestRefused):
        read(f"{path}?x=1")


def test_a_query_naming_several_studies_touches_all_of_them() -> None:
    request = read(f"/dicom-web/studies?StudyInstanceUID={A},{B}")
    assert request.study_uids == {A, B}
    assert not permits(request, [grant(A)])
    assert permits(request, [grant(A), grant(B)])


@pytest.mark.parametrize("target", ["/dicom-web/studies", f"/dicom-web/studies/{A}", f"{SERIES}", "/wado"])
def test_nothing_is_stored_past_the_gateway(target: str) -> None:
    with pytest.raises(RequestRefused):
        read(target, "POST")


@pytest.mark.parametrize(
    "accept",
    [
        "multipart/related; type=image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90",
        "multipart/related;Transfer-Syntax = 1.2.840.10008.1.2.4.80",
        'multipart/related; transfer-syntax="1.2.840.10008.1.2.4.80"',
        "multipart/related; transfer-syntax=*, multipart/related; transfer-syntax=1.2.840.10008.1.2.4.50",
        "application/dicom; transferSyntax=1.2.840.10008.1.2.4.51",
    ],
)
def test_a_viewer_never_has_the_engine_compress(accept: str) -> None:
    with pytest.raises(RequestRefused, match="Accept"):
        read(f"{INSTANCE}/frames/1", accept=accept)


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        'multipart/related; transfer-syntax="1.2.840.10008.1.2.1"',
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        "image/jpeg",
    ],
)
def test_images_as_stored_or_decoded_may_be_asked_for(accept: str) -> None:
    assert read(f"{INSTANCE}/frames/1", accept=accept).study_uids == {A}


def test_no_grant_permits_nothing() -> None:
    assert not permits(read(f"/dicom-web/studies/{A}/metadata"), [])


PIECES = [
    "/", "//", ".", "..", "/dicom-web", "/studies", f"/studies/{A}", f"/{B}", "/series/1.2.5", "/instances/1.2.6",
    "/metadata",
    "/frames/1", "/rendered", "%2F", "%2e%2e", "%5c", "\\", ";", "?", "#", "\x00", " ", "/bulk/00420011", "*", "é",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@example(f"/dicom-web/studies/{A}/../{B}/metadata")
def test_whatever_passes_means_the_same_to_every_reader(path: str) -> None:
    """Decoding, resolving and joining a path that passed changes nothing, and it names the study we say it does."""
    try:
        request = read_image_request("GET", path)
    except RequestRefused:
        return
    assert unquote(path) == path == posixpath.normpath(path)
    assert path.split("/")[3] in request.study_uids
    assert len(request.study_uids) == 1


@given(
    st.sampled_from(["/dicom-web/studies", "/wado", f"/dicom-web/studies/{A}/series", f"{INSTANCE}/rendered"]),
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "StudyInstanceUID",
                    "0020000D",
                    "studyUID",
                    "PatientID",
                    "limit",
                    "seriesUID",
                    "objectUID",
                    "requestType",
                    "includefield",
                    "x",
                ]
            ),
            st.sampled_from([A, B, f"{A},{B}", f"{A}\\{B}", "*", "", "1.2.*", "WADO", "10", "all"]),
        ),
        max_size=6,
    ),
)
def test_no_query_reaches_a_study_that_was_not_granted(path: str, query: list[tuple[str, str]]) -> None:
    """With only A granted, a permitted query has B nowhere in it."""
    try:
        request = read_image_request("GET", path, query)
    except RequestRefused:
        return
    if permits(request, [grant(A)]):
        assert request.study_uids == {A}
        assert not any(B in value for key, value in query if "tud" in key or key == "0020000D")


IMAGE = f"/dicom-web/studies/{A}/series/1.2.5/instances/1.2.6"
DRAWN = [
    *(f"{IMAGE}{end}" for end in ("/rendered", "/thumbnail", "/frames/1/rendered", "/frames/1/thumbnail")),
    *(f"/dicom-web/studies/{A}{end}" for end in ("/rendered", "/thumbnail", "/series/1.2.5/rendered")),
    f"/dicom-web/studies/{A}/series/1.2.5/thumbnail",
    f"/wado?requestType=WADO&studyUID={A}&seriesUID=1.2.5&objectUID=1.2.6&contentType=image%2Fjpeg",
    f"{IMAGE}/bulk/00420011",
]
ATTRIBUTES = [f"{IMAGE}/metadata", f"/dicom-web/studies/{A}/series", f"/dicom-web/studies?StudyInstanceUID={A}"]


def marked(**more: Any) -> ViewerGrant:
    return replace(grant(A), mark="cho BS Minh", grant="share:1.1", **more)


@pytest.mark.parametrize("target", DRAWN)
def test_pictures_under_a_grant_with_a_mark_are_given_only_by_who_draws_it(target: str) -> None:
    asked = read(target)
    assert not permits(asked, [marked()])
    assert permits(asked, [marked()], marking=True)
    assert mark_on(asked, [marked()]) == "cho BS Minh"
    assert permits(asked, [marked(), grant(A)])
    assert mark_on(asked, [marked(), grant(A)]) == ""
    assert mark_on(asked, [marked(), replace(grant(A), without_series=frozenset({read(target).content_of}))])


@pytest.mark.parametrize("target", [*ATTRIBUTES, f"{IMAGE}/frames/1", f"{IMAGE}/frames/1,2"])
def test_stored_pixels_and_attributes_bear_no_mark(target: str) -> None:
    assert permits(read(target), [marked()])


def test_pictures_only_means_no_stored_pixels_no_file_and_no_bulk_data() -> None:
    pictures = marked(pictures_only=True)
    wado = f"/wado?requestType=WADO&studyUID={A}&seriesUID=1.2.5&objectUID=1.2.6"
    for kept in (f"{IMAGE}/frames/1", f"{IMAGE}/bulk/7FE00010", f"{IMAGE}/bulk/00420011", IMAGE, wado):
        assert not permits(read(kept), [pictures], marking=True), kept
    for target in (*DRAWN[:-1], *ATTRIBUTES):
        assert permits(read(target), [pictures], marking=True), target
