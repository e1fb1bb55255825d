"""An anonymous share of one file of every kind, with the patient written into every place of each: whatever a receiver
can fetch has no trace of them (R10, G3)."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, timedelta

import pytest

from ris_core.engine.client import Engine
from ris_core.engine.errors import EngineFailed
from ris_testing.backends import RunningSuite
from ris_testing.his import place_order
from ris_testing.marked_files import Marks, marked, one_of_each_kind
from ris_testing.modality import Modality
from ris_testing.orders import an_order
from ris_testing.ris_user import RisUser
from ris_testing.stranger import Stranger, file_in
from ris_testing.traces import Identity, traces_in_dicom
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once, pytest.mark.timeout(900)]


def test_of_every_kind_of_file_nothing_that_a_stranger_can_fetch_says_whose_it_is(suite: RunningSuite) -> None:
    order = an_order().for_patient(an_order().patient_id, "ĐOÀN^KHUYẾN NGHIÊU", "19570328", "F")
    place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    device = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = device.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    marks = Marks(
        order.patient_name, order.patient_id, "19570328", "F", order.accession_number, str(scheduled.StudyInstanceUID),
        institution="Phòng khám Khuyệch Tường", operator="NGHIỄM^THUYÊN", study_date="20190317",
    )  # fmt: skip
    stored, uids = 0, {marks.study_uid}
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as engine:
        for path in one_of_each_kind():
            made = marked(path, marks)
            if made is None:
                continue
            try:
                engine.store_instance(made[0])
            except EngineFailed:
                continue  # a broken file of the corpus
            stored += 1
            uids.update(made[1])
    assert stored >= 20
    known = Identity(
        "ĐOÀN KHUYẾN NGHIÊU",
        date(1957, 3, 28),
        (order.patient_id, order.accession_number, "khuyech", "nghiem", "thuyen", marks.study_date),
    )
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    desk = RisUser(suite.public_url, login["username"], login["password"], timeout_seconds=60.0)
    exam = desk.wait_for_exam(order.accession_number, 60.0)
    desk.wait_for_images(exam, stored)

    share = shared(desk, exam)
    wait_until(lambda: f"{share}link/" in desk.get(share).text, "the copies are made", pause_seconds=1.0)
    link = link_of(desk, share)

    stranger = Stranger(suite.public_url, known, frozenset(uids))
    stranger.open(link)
    page = stranger.get(stranger.page).text
    [images_at] = re.findall(r'href="(/share/[0-9a-f]+/images/\d+)"', page)
    [zip_at] = re.findall(r'href="(/share/[0-9a-f]+/files/\d+)"', page)
    viewer = stranger.get(images_at)
    [copy_uid] = re.findall(r"StudyInstanceUIDs=([0-9.]+)", viewer.history[0].headers["Location"])
    stranger.try_to_get(f"/open/phone?StudyInstanceUIDs={copy_uid}")
    stranger.try_to_get(zip_at.replace("/files/", "/report/"))
    archive = zipfile.ZipFile(io.BytesIO(stranger.get(zip_at).content))
    for name in archive.namelist():
        assert traces_in_dicom(known, archive.read(name)) == [], name
    fetched = 0
    for answer in stranger.everything_below(copy_uid):
        assert traces_in_dicom(known, file_in(answer)) == []
        fetched += 1
    assert fetched == len(archive.namelist()) >= 10
    revoke(desk, share)


def shared(desk: RisUser, exam: int) -> str:
    """The address of a new anonymous share."""
    path = f"/shares/new/?exam={exam}"
    until = (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011 - a form's date
    entered = {
        "exam": exam, "receiver": "Hội chẩn mọi loại ảnh", "anonymous": "on", "may_download": "on",
        "may_pass_on": "on", "lock": "NONE", "expires_at": until, "comment": "Xin ý kiến.",
    }  # fmt: skip
    return posted(desk, "/shares/new/", path, **entered)


def posted(desk: RisUser, path: str, form_at: str, **entered: object) -> str:
    """Where the answer leads, or what it says."""
    answer = desk.session.post(
        desk.public_url + path,
        {**entered, "csrfmiddlewaretoken": desk.csrf(form_at)},
        headers={"Referer": desk.public_url + form_at},
        timeout=60,
        allow_redirects=False,
    )
    assert answer.status_code in (200, 302), (answer.status_code, answer.text[:2000])
    return answer.headers.get("Location", answer.text)


def link_of(desk: RisUser, share: str) -> str:
    found = re.search(r'id="link"[^>]*value="([^"]+)"', posted(desk, f"{share}link/", share))
    assert found is not None
    return found[1]


def revoke(desk: RisUser, share: str) -> None:
    posted(desk, f"{share}revoke/", share)
