"""Orthanc's HTTP is closed: nobody, each service and each viewer get what the tables allow, on the running suite."""

from __future__ import annotations

import http.client
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from pydicom import Dataset

from ris_core.access.signing import Keyring
from ris_core.access.tokens import issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_suite.engine import installed_engine
from ris_testing.backends import RunningSuite
from ris_testing.engine_routes import CALLERS, ENGINE_ROUTES, documented_paths, paths_of_dicomweb, with_stars
from ris_testing.modality import study_of

pytestmark = [pytest.mark.integration, pytest.mark.once]

WALKED = ("GET", "POST", "PUT", "DELETE")
"""Methods that the engine has handlers for; the others are walked over the filter alone (``test_every_route.py``)."""


@dataclass(frozen=True)
class StoredStudy:
    """A study of one image in the engine."""

    study: str
    series: str
    instance: str
    patient_id: str

    def named_in(self, body: bytes) -> bool:
        return any(text.encode() in body for text in (self.study, self.series, self.instance, self.patient_id))


@pytest.fixture(scope="module")
def studies(suite: RunningSuite) -> tuple[StoredStudy, StoredStudy]:
    """Two patients' studies."""
    return _store(suite, "ACCESS-A"), _store(suite, "ACCESS-B")


def _store(suite: RunningSuite, patient_id: str) -> StoredStudy:
    (image,) = study_of(images=1, PatientID=patient_id, PatientName="ACCESS^TEST", AccessionNumber="")
    with Engine(suite.orthanc_url, suite.secret("service_token_worker")) as engine:
        engine.store_instance(_encoded(image))
    return StoredStudy(image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID, patient_id)


def _encoded(image: Dataset) -> bytes:
    buffer = io.BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def ask(
    address: str, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> tuple[int, bytes]:
    """Sends ``target`` byte for byte: a client library would tidy it up.

    Status and body of the answer; status 0 when the server only closed the connection.
    """
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    try:
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.RemoteDisconnected:
        return 0, b""
    finally:
        connection.close()


def grant(suite: RunningSuite, *studies: StoredStudy, may_store: bool = False) -> dict[str, str]:
    """The cookie of a viewer who may see ``studies``."""
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    uids = [stored.study for stored in studies]
    expires_at = datetime.now(UTC) + timedelta(minutes=10)
    token = issue_viewer_token(keyring, uids, "bs_lan", expires_at, may_store=may_store, grant="session:test")
    return {"Cookie": f"{viewer_cookie_name(uids)}={token}"}


def bearer(suite: RunningSuite, service: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {suite.secret(f'service_token_{service}')}"}


# ---- nobody, services ----


def test_every_route_of_the_installed_engine_stands_in_the_table() -> None:
    engine = installed_engine()
    known = {with_stars(route.path) for route in ENGINE_ROUTES}
    documented = {with_stars(path) for path in documented_paths()}
    (library,) = (path for path in engine.plugins() if "DicomWeb" in path)
    of_plugin = set(paths_of_dicomweb(engine.outside(library)))
    assert len(documented) > 150
    assert len(of_plugin) > 20
    assert (documented | of_plugin) - known == set()


@pytest.mark.parametrize("caller", CALLERS)
def test_everybody_passes_where_the_table_says_and_nowhere_else(
    suite: RunningSuite, studies: tuple[StoredStudy, StoredStudy], caller: str
) -> None:
    mine, _other = studies
    headers = {} if caller == "nobody" else grant(suite, mine) if caller == "viewer" else bearer(suite, caller)
    wrong = []
    for route in ENGINE_ROUTES:
        target = route.target(study=mine.study, series=mine.series, instance=mine.instance)
        for method in WALKED:
            status, _body = ask(suite.orthanc_url, method, target, headers)
            if (status != 403) != route.allows(method, caller):
                wrong.append((method, route.path, status))
    assert wrong == []


@pytest.mark.parametrize("authorization", ["Bearer", "Bearer x", "Basic b3J0aGFuYzpvcnRoYW5j", "bearer null"])
def test_a_wrong_bearer_is_nobody(suite: RunningSuite, authorization: str) -> None:
    assert ask(suite.orthanc_url, "GET", "/system", {"Authorization": authorization})[0] == 403


# ---- viewers ----


def test_a_viewer_passes_on_no_route_with_another_study(
    suite: RunningSuite, studies: tuple[StoredStudy, StoredStudy]
) -> None:
    mine, other = studies
    headers = grant(suite, mine)
    passed = []
    for route in ENGINE_ROUTES:
        if "{study}" in route.path:
            target = route.target(study=other.study, series=other.series, instance=other.instance)
            passed += [(m, route.path) for m in WALKED if ask(suite.orthanc_url, m, target, headers)[0] != 403]
    assert passed == []


@pytest.fixture(scope="module", params=["front door", "engine"])
def address(request: pytest.FixtureRequest, suite: RunningSuite) -> str:
    """Where a viewer's requests arrive, and behind it."""
    return suite.public_url if request.param == "front door" else suite.orthanc_url


def of(stored: StoredStudy) -> list[str]:
    """What a viewer asks of a study."""
    series = f"/dicom-web/studies/{stored.study}/series/{stored.series}"
    instance = f"{series}/instances/{stored.instance}"
    return [
        f"/dicom-web/studies?StudyInstanceUID={stored.study}&limit=101&offset=0&includefield=00081030%2C00080060",
        f"/dicom-web/studies/{stored.study}/series",
        f"/dicom-web/studies/{stored.study}/instances",
        f"/dicom-web/studies/{stored.study}/metadata",
        f"{series}/metadata",
        f"{series}/instances",
        f"{instance}/metadata",
        f"{instance}/frames/1",
        f"{instance}/rendered",
        f"{instance}/bulk/7FE00010",
        f"{instance}",
        f"/wado?requestType=WADO&studyUID={stored.study}&seriesUID={stored.series}&objectUID={stored.instance}",
    ]


def test_a_viewer_loads_the_granted_study(
    suite: RunningSuite, address: str, studies: tuple[StoredStudy, StoredStudy]
) -> None:
    headers = grant(suite, studies[0])
    answers = {target: ask(address, "GET", target, headers) for target in of(studies[0])}
    assert {target: status for target, (status, _) in answers.items() if status != 200} == {}
    assert all(len(body) > 100 for _, body in answers.values())


def test_a_viewer_loads_nothing_of_another_study(
    suite: RunningSuite, address: str, studies: tuple[StoredStudy, StoredStudy]
) -> None:
    headers = grant(suite, studies[0])
    assert [target for target in of(studies[1]) if ask(address, "GET", target, headers)[0] != 403] == []


def test_naming_the_granted_study_does_not_open_parts_of_another(
    suite: RunningSuite, address: str, studies: tuple[StoredStudy, StoredStudy]
) -> None:
    """The grant covers these, since the granted study is named; what answers must not give the other's data.

    The engine finds nothing (404); the gateway, which answers ``rendered`` and ``bulk`` of instances behind the front
    door, refuses (403) what is not in the granted study.
    """
    mine, other = studies
    headers = grant(suite, mine)
    base = f"/dicom-web/studies/{mine.study}"
    wado = f"/wado?requestType=WADO&studyUID={mine.study}"
    for target in (
        f"{base}/series/{other.series}/metadata",
        f"{base}/series/{other.series}/instances",
        f"{base}/series/{other.series}/instances/{other.instance}",
        f"{base}/series/{other.series}/instances/{other.instance}/frames/1",
        f"{base}/series/{other.series}/instances/{other.instance}/bulk/7FE00010",
        f"{base}/series/{mine.series}/instances/{other.instance}",
        f"{base}/series/{mine.series}/instances/{other.instance}/metadata",
        f"{base}/series/{mine.series}/instances/{other.instance}/frames/1",
        f"{base}/series/{mine.series}/instances/{other.instance}/bulk/7FE00010",
        *(
            f"{base}/series/{part}/{picture}"
            for picture in ("rendered", "thumbnail")
            for part in (
                other.series,
                f"{other.series}/instances/{other.instance}",
                f"{other.series}/instances/{other.instance}/frames/1",
                f"{mine.series}/instances/{other.instance}",
                f"{mine.series}/instances/{other.instance}/frames/1",
            )
        ),
        f"{base}/series?SeriesInstanceUID={other.series}",
        f"{base}/instances?SOPInstanceUID={other.instance}",
        f"{wado}&seriesUID={other.series}&objectUID={other.instance}",
        f"{wado}&seriesUID={mine.series}&objectUID={other.instance}",
        f"{wado}&seriesUID={other.series}&objectUID={other.instance}&contentType=application/dicom",
        f"/dicom-web/studies?StudyInstanceUID={mine.study}&PatientID={other.patient_id}",
    ):
        status, body = ask(address, "GET", target, headers)
        # an answer may be empty, and an error may name what was asked for; neither may hold an image or its attributes
        assert status in (200, 400, 403, 404), (target, status)
        assert status != 200 or body in (b"[]", b""), (target, body[:200])
        assert len(body) < 2000, (target, status)


def test_no_form_of_the_path_leads_to_another_study(
    suite: RunningSuite, address: str, studies: tuple[StoredStudy, StoredStudy]
) -> None:
    mine, other = studies
    headers = grant(suite, mine)
    a, b = mine.study, other.study
    for target in (
        f"/dicom-web/studies/{a}/../{b}/metadata",
        f"/dicom-web/studies/{a}%2F..%2F{b}/metadata",
        f"/dicom-web/studies/{a}%2f%2e%2e%2f{b}/metadata",
        f"/dicom-web/studies/{a}/%2e%2e/{b}/metadata",
        f"/dicom-web/studies/{a}/.%2e/{b}/metadata",
        f"/dicom-web/studies/{a}%252F..%252F{b}/metadata",
        f"/dicom-web/studies/{a}/..;/{b}/metadata",
        f"/dicom-web/studies/{a}\\..\\{b}\\metadata",
        f"/dicom-web/studies/{a}%5C..%5C{b}/metadata",
        f"//dicom-web/studies/{b}/metadata",
        f"/./dicom-web/studies/{b}/metadata",
        f"/dicom-web//studies//{b}//metadata",
        f"/dicom-web/studies/{a}/series/../../{b}/metadata",
        f"/dicom-web/studies/{b}/metadata?studies/{a}",
        f"/dicom-web/studies/{b}/metadata#/studies/{a}",
        f"/viewer/../dicom-web/studies/{b}/metadata",
        f"/static/../dicom-web/studies/{b}/metadata",
        f"/wado/../dicom-web/studies/{b}/metadata",
        f"/dicom-web/studies/{a}%00/../{b}/metadata",
        f"http://other/dicom-web/studies/{b}/metadata",
        "/dicom-web/../system",
        "/dicom-web/..%2fsystem",
        "/wado/../statistics",
    ):
        status, body = ask(address, "GET", target, headers)
        assert not other.named_in(body), (target, status)
        assert b"ApiVersion" not in body, (target, status)
        assert b"CountInstances" not in body, (target, status)
    assert ask(suite.orthanc_url, "GET", "/system", bearer(suite, "monitor"))[0] == 200


def test_no_form_of_a_query_lists_another_study(
    suite: RunningSuite, address: str, studies: tuple[StoredStudy, StoredStudy]
) -> None:
    mine, other = studies
    headers = grant(suite, mine)
    a, b = mine.study, other.study
    for query in (
        "", f"PatientID={other.patient_id}", f"00100020={other.patient_id}", "PatientName=ACCESS*",
        f"StudyInstanceUID={a}&StudyInstanceUID={b}", f"StudyInstanceUID={b}&StudyInstanceUID={a}",
        f"StudyInstanceUID={a},{b}", f"StudyInstanceUID={a}%2C{b}", f"StudyInstanceUID={a}%5C{b}",
        f"StudyInstanceUID={a}&0020000D={b}", f"0020000D={b}&StudyInstanceUID={a}",
        f"StudyInstanceUID={a}&%53tudyInstanceUID={b}", f"%53tudyInstanceUID={b}&StudyInstanceUID={a}",
        f"StudyInstanceUID={a}&studyinstanceuid={b}", "StudyInstanceUID=", "StudyInstanceUID=*",
        f"StudyInstanceUID={a[:-2]}*", f"StudyInstanceUID={a}%00{b}", f"StudyInstanceUID={a};StudyInstanceUID={b}",
        f"StudyInstanceUID={a}&limit=100&includefield=all&offset=0;StudyInstanceUID={b}",
    ):  # fmt: skip
        status, body = ask(address, "GET", f"/dicom-web/studies?{query}", headers)
        assert not other.named_in(body), (query, status)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_viewer_only_reads(
    suite: RunningSuite, address: str, studies: tuple[StoredStudy, StoredStudy], method: str
) -> None:
    headers = grant(suite, studies[0])
    for target in (f"/dicom-web/studies/{studies[0].study}/metadata", f"/dicom-web/studies/{studies[0].study}"):
        assert ask(address, method, target, headers)[0] >= 400


def test_nothing_is_stored_past_the_gateway(suite: RunningSuite, studies: tuple[StoredStudy, StoredStudy]) -> None:
    """What viewers may store, and how it is checked, is shown in ``test_key_images.py``."""
    mine, _other = studies
    headers = {
        **grant(suite, mine, may_store=True),
        "Content-Type": 'multipart/related; type="application/dicom"; boundary=part',
        "Accept": "application/dicom+json",
    }
    (image,) = study_of(images=1, StudyInstanceUID=mine.study, PatientID=mine.patient_id)
    body = b"--part\r\nContent-Type: application/dicom\r\n\r\n" + _encoded(image) + b"\r\n--part--\r\n"
    for target in (f"/dicom-web/studies/{mine.study}", "/dicom-web/studies"):
        assert ask(suite.orthanc_url, "POST", target, headers, body)[0] == 403
        assert ask(suite.public_url, "POST", target, headers, body)[0] == 409  # an image is no annotation


@pytest.mark.parametrize(
    "accept",
    [
        "multipart/related; type=image/jp2; transfer-syntax=1.2.840.10008.1.2.4.90",
        'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80',
        "multipart/related; type=application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.51",
    ],
)
def test_a_viewer_cannot_have_the_engine_compress(
    suite: RunningSuite, studies: tuple[StoredStudy, StoredStudy], accept: str
) -> None:
    mine = studies[0]
    target = f"/dicom-web/studies/{mine.study}/series/{mine.series}/instances/{mine.instance}/frames/1"
    assert ask(suite.orthanc_url, "GET", target, {**grant(suite, mine), "Accept": accept})[0] == 403


def test_an_expired_or_forged_cookie_is_nobody(
    suite: RunningSuite, address: str, studies: tuple[StoredStudy, StoredStudy]
) -> None:
    mine = studies[0]
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    now = datetime.now(UTC)
    expired = issue_viewer_token(keyring, [mine.study], "u", now - timedelta(seconds=1), grant="session:test")
    forged = issue_viewer_token(
        Keyring.from_text("z" * 43), [mine.study], "u", now + timedelta(hours=1), grant="session:test"
    )
    for token in (expired, forged, "", "q1", expired.replace("viewer", "result")):
        headers = {"Cookie": f"quang_view_000000000000={token}"}
        assert ask(address, "GET", f"/dicom-web/studies/{mine.study}/metadata", headers)[0] == 403
