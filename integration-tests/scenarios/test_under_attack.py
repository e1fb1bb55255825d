"""A receiver of a share tries everything; cookies are stolen before the logout: nothing outside the grant is told (P3,
R10)."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests

from ris_testing.backends import RunningSuite
from ris_testing.random_paths import RandomPaths, Request, Sender, Target
from ris_testing.ready_exams import ReadyExam, ready_exam
from ris_testing.ris_user import RisUser, log_in
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

TRIES = int(os.environ.get("QUANG_RANDOM_PATHS", "10000"))
SEED = int(os.environ.get("QUANG_RANDOM_SEED", "7"))
OF_PAGES = 0.05
"""The part of the tries that go to the web app, which takes longer over each."""
_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_LINK = re.compile(r'id="link" readonly value="([^"]+)"')


@pytest.fixture(scope="module")
def reader(suite: RunningSuite) -> RisUser:
    return log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")


@pytest.fixture(scope="module")
def exams(suite: RunningSuite, reader: RisUser) -> tuple[ReadyExam, ReadyExam]:
    """Two patients' exams."""
    return ready_exam(suite, reader), ready_exam(suite, reader)


class Receiver:
    """Somebody with a link, without a browser."""

    def __init__(self, suite: RunningSuite, link: str) -> None:
        self.url, self.session = suite.public_url, requests.Session()
        address, _, secret = link.partition("#")
        page = self.session.get(f"{self.url}/share/", timeout=60)
        assert address.endswith("/share/")
        answer = self.session.post(
            f"{self.url}/share/open",
            data={"link": secret, "csrfmiddlewaretoken": _FIELD.findall(page.text)[0]},
            headers={"Referer": f"{self.url}/share/"},
            timeout=60,
        )
        self.page = str(answer.json()["to"])

    def status(self, path: str) -> int:
        return self.session.get(self.url + path, timeout=60, allow_redirects=False).status_code

    @property
    def cookie(self) -> str:
        """Every cookie, sent everywhere: a browser would keep them to their paths."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)


def a_share(suite: RunningSuite, reader: RisUser, exam: ReadyExam) -> tuple[Receiver, str]:
    """A share of one exam, opened with its images; and the page of who shared it."""
    path = f"/shares/new/?exam={exam.number}"
    page = reader.get(path).text
    last_day = re.findall(r'name="expires_at"[^>]* value="([^"]+)"', page)[0]
    answer = reader.session.post(
        f"{suite.public_url}{path}",
        data={
            "csrfmiddlewaretoken": _FIELD.findall(page)[0], "exam": exam.number, "receiver": "BS Minh",
            "expires_at": last_day, "lock": "NONE", "with_report": "on",
        },
        headers={"Referer": f"{suite.public_url}{path}"},
        timeout=60,
    )  # fmt: skip
    receiver = Receiver(suite, html.unescape(_LINK.findall(answer.text)[0]))
    assert receiver.status(f"{receiver.page}images/{exam.number}") == 302
    return receiver, re.findall(r'href="(/shares/\d+/)"', answer.text)[0]


@pytest.fixture(scope="module")
def targets(suite: RunningSuite, exams: tuple[ReadyExam, ReadyExam]) -> Iterator[tuple[Target, Target]]:
    """Everything that stands in addresses of the two exams."""
    with closing(requests.Session()) as engine:
        engine.headers["Authorization"] = f"Bearer {suite.secret('service_token_worker')}"

        def target(exam: ReadyExam) -> Target:
            [study] = engine.post(f"{suite.orthanc_url}/tools/lookup", data=exam.study_uid, timeout=60).json()
            instances = engine.get(f"{suite.orthanc_url}/studies/{study['ID']}/instances", timeout=60).json()
            [series] = {each["ParentSeries"] for each in instances}
            parent = engine.get(f"{suite.orthanc_url}/series/{series}", timeout=60).json()
            return Target(
                exam.study_uid, parent["MainDicomTags"]["SeriesInstanceUID"],
                instances[0]["MainDicomTags"]["SOPInstanceUID"], instances[0]["ID"], exam.number,
                exam.order.accession_number, exam.order.patient_id,
            )  # fmt: skip

        yield target(exams[0]), target(exams[1])


def _wrong(request: Request, status: int, answer: bytes, mine: Target, other: Target) -> str:
    """What an answer tells that it must not; empty: nothing."""
    said = request.said
    told = [secret for secret in other.secrets if secret not in said and secret.encode() in answer]
    if told:
        return f"tells {told}"
    if status >= 500 and status != 501:
        return "a fault"
    path = request.target.partition("?")[0]
    is_of_images = path.startswith(("/dicom-web", "/wado", "/instances", "/studies", "/series"))
    if 200 <= status < 300 and is_of_images and any(uid in said for uid in (other.study, other.orthanc_id)):
        return "answers for the other study"
    return ""


def test_ten_thousand_requests_with_a_share_tell_nothing_else(
    suite: RunningSuite, reader: RisUser, exams: tuple[ReadyExam, ReadyExam], targets: tuple[Target, Target]
) -> None:
    mine, other = targets
    receiver, _ = a_share(suite, reader, exams[0])
    handle = receiver.page.strip("/").rpartition("/")[2]

    def tried(door: str, seed: int, tries: int, pages: float) -> tuple[list[object], int]:
        """What was told that must not be, and how often what is granted was given."""
        paths, sender = RandomPaths(seed, mine, other, handle), Sender(door, receiver.cookie)
        wrong, granted = list[object](), 0
        for _ in range(tries):
            request = paths.next(pages=pages)
            status, answer = sender.send(request)
            if told := _wrong(request, status, answer, mine, other):
                wrong.append((request, status, told))
            granted += status == 200 and b"dicom" in answer
        return wrong, granted

    with ThreadPoolExecutor(2) as both:
        straight = both.submit(tried, suite.orthanc_url, SEED + 1, TRIES // 3, 0)  # past the front door
        wrong, granted = tried(suite.public_url, SEED, TRIES - TRIES // 3, OF_PAGES)
    wrong += straight.result()[0]
    granted += straight.result()[1]
    assert wrong == []
    assert granted > TRIES / 500, "what is granted was among them"
    reader.wait_for_images(exams[1].number, 2)


def test_stolen_cookies_open_nothing_after_the_logout(
    suite: RunningSuite, exams: tuple[ReadyExam, ReadyExam], targets: tuple[Target, Target]
) -> None:
    """Pages at once; frames, live events and what a viewer saves as soon as the engine has heard of it."""
    mine, _ = targets
    victim = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    page = victim.open_reading_page(exams[0].number)
    stolen = requests.Session()
    stolen.cookies.update(victim.session.cookies.copy())
    frame = f"/dicom-web/studies/{mine.study}/series/{mine.series}/instances/{mine.instance}/frames/1"
    pages = (exams[0].address, f"{exams[0].address}status", f"/worklist/{exams[0].number}/")

    def status(path: str, method: str = "GET", **sent: object) -> int:
        answer = stolen.request(method, suite.public_url + path, timeout=60, allow_redirects=False, stream=True, **sent)  # type: ignore[arg-type]
        answer.close()
        return answer.status_code

    assert [status(path) for path in pages] == [200, 200, 200]
    assert status(frame) == 200
    victim.session.post(
        f"{suite.public_url}/logout/",
        data={"csrfmiddlewaretoken": _FIELD.findall(page)[0]},
        headers={"Referer": f"{suite.public_url}/"},
        timeout=60,
    )
    assert [status(path) for path in pages] == [302, 302, 302]
    assert status("/events") in (401, 403)
    wait_until(lambda: status(frame) in (401, 403), "the engine refuses the stolen cookie")
    saved = {"data": b"x", "headers": {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}}
    assert status(f"/dicom-web/studies/{mine.study}", "POST", **saved) in (401, 403)
    assert status(f"/dicom-web/studies/{mine.study}/series") in (401, 403)


def test_a_stolen_share_ends_with_the_share(
    suite: RunningSuite, reader: RisUser, exams: tuple[ReadyExam, ReadyExam], targets: tuple[Target, Target]
) -> None:
    mine, _ = targets
    receiver, shared = a_share(suite, reader, exams[0])
    frame = f"/dicom-web/studies/{mine.study}/series/{mine.series}/instances/{mine.instance}/frames/1"
    assert (receiver.status(receiver.page), receiver.status(frame)) == (200, 200)
    token = _FIELD.findall(reader.get(shared).text)[0]
    reader.session.post(
        f"{suite.public_url}{shared}revoke/",
        data={"csrfmiddlewaretoken": token},
        headers={"Referer": f"{suite.public_url}{shared}"},
        timeout=60,
    )
    assert receiver.status(receiver.page) == 403
    assert receiver.status(f"{receiver.page}images/{exams[0].number}") == 403
    wait_until(lambda: receiver.status(frame) in (401, 403), "the engine refuses the revoked share")
