"""A share in real browsers: made at a desk, opened on a telephone, prolonged, revoked while one looks (R10, P11)."""

from __future__ import annotations

import os
from datetime import date, timedelta

import pytest
import requests
from playwright.sync_api import Browser, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import Visitor, answered, telephone
from ris_testing.ready_exams import ReadyExam, ready_exam
from ris_testing.ris_user import RisUser
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000
PATHS = int(os.environ.get("QUANG_RANDOM_PATHS", "400"))
"""Of one random walk; the option for 10,000."""
_PAINTED = (
    "() => { const image = document.getElementById('picture'); return image.complete && image.naturalWidth > 0; }"
)


@pytest.fixture(scope="module")
def exams(suite: RunningSuite) -> tuple[ReadyExam, ReadyExam]:
    """Two patients' exams."""
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    reader = RisUser(suite.public_url, login["username"], login["password"])
    return ready_exam(suite, reader, images=3), ready_exam(suite, reader)


def shared(desk: Visitor, exam: ReadyExam, *, password: str = "", views: str = "", may_pass_on: bool = False) -> str:
    """Share by the button of the reading page; the link."""
    page = desk.open(f"/shares/new/?exam={exam.number}")
    page.set_default_timeout(PATIENCE_MS)
    page.fill("[name=receiver]", "BS Minh, Bệnh viện tỉnh")
    page.fill("[name=comment]", "Xin ý kiến về phổi phải.")
    page.fill("[name=views_allowed]", views)
    page.set_checked("[name=may_pass_on]", may_pass_on)
    if password:
        page.check("[name=lock][value=PASSWORD]")
        page.fill("[name=password]", password)
    desk.photograph("share-new")
    assert desk.barriers() == []
    page.click("button.primary:has-text('Chia sẻ')")
    link = page.input_value("#link")
    desk.photograph("share-link")
    assert desk.barriers() == []
    page.click("a.primary")
    page.wait_for_url("**/shares/*/")
    return link


def test_a_share_lives_and_ends_while_somebody_looks(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, exams: tuple[ReadyExam, ReadyExam]
) -> None:
    mine, _other = exams
    link = shared(radiologist, mine, password="mo-bang-cai-nay")
    desk = radiologist.page
    with telephone(browser, suite) as seen:
        page = seen.page
        page.goto(link)
        page.fill("#answer", "khong-phai-cai-nay")
        seen.photograph("share-door")
        page.click("#door button")
        expect(page.locator("#told")).to_contain_text("Không mở được")
        page.fill("#answer", "mo-bang-cai-nay")
        page.click("#door button")
        page.wait_for_url("**/share/*/")
        assert "#" not in page.url
        expect(page.locator(".share-comment")).to_have_text("Xin ý kiến về phổi phải.")
        seen.photograph("share-shown")
        assert seen.barriers() == []
        shown = page.url
        page.get_by_role("link", name="Xem ảnh").click()
        page.wait_for_url("**/open/phone?*")
        page.wait_for_function(_PAINTED)
        seen.photograph("share-phone")
        frame = str(page.evaluate("() => new URL(document.getElementById('picture').src).pathname"))
        assert answered(page, frame) == 200
        assert answered(page, f"/dicom-web/studies/{_other.study_uid}/metadata") in (401, 403)
        whole_file = frame.partition("/frames/")[0]
        assert answered(page, whole_file) == 403  # it may be looked at, not kept

        desk.reload()
        expect(desk.locator("main")).to_contain_text("127.0.0.1")
        later = (date.fromisoformat(desk.input_value("[name=expires_at]")) + timedelta(days=3)).isoformat()
        desk.fill("form[action$='/extend/'] [name=expires_at]", later)
        desk.click("form[action$='/extend/'] button")
        expect(desk.locator("body")).to_contain_text("Đã đổi thời hạn.")
        assert desk.input_value("[name=expires_at]") == later
        radiologist.photograph("share-page")
        assert radiologist.barriers() == []
        assert answered(page, frame) == 200

        desk.click("summary:has-text('Thu hồi')")
        desk.click("form[action$='/revoke/'] button")
        expect(desk.locator("body")).to_contain_text("Đã thu hồi chia sẻ")
        wait_until(lambda: answered(page, frame) == 403, "the next frame is refused")
        page.get_by_role("button", name="Phổi").click()  # a picture that was not fetched ahead
        expect(page.locator("#told")).to_contain_text("Không có quyền xem ảnh này")
        page.goto(shown)
        expect(page.locator("h1")).to_have_text("Chia sẻ này không mở được")
        page.goto(link)
        expect(page.locator("#told")).to_contain_text("Không mở được")
        assert seen.complaints == []
    radiologist.open("/shares/")
    radiologist.photograph("shares")
    assert radiologist.barriers() == []


def test_a_share_is_passed_on_from_a_telephone_and_ends_with_the_first(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, exams: tuple[ReadyExam, ReadyExam]
) -> None:
    mine, _other = exams
    link = shared(radiologist, mine, may_pass_on=True)
    desk = radiologist.page
    with telephone(browser, suite) as seen, telephone(browser, suite, scheme="dark") as other:
        seen.page.goto(link)
        seen.page.wait_for_url("**/share/*/")
        seen.page.get_by_role("link", name="Chuyển tiếp cho người khác").click()
        seen.page.fill("[name=receiver]", "BS Hoa, Bệnh viện huyện")
        seen.page.fill("[name=expires_at]", str(seen.page.get_attribute("[name=expires_at]", "max")))
        seen.photograph("share-pass-on")
        assert seen.barriers() == []
        seen.page.get_by_role("button", name="Tạo đường dẫn").click()
        further = seen.page.input_value("#link")
        seen.photograph("share-passed-on")
        assert seen.barriers() == []
        other.page.goto(further)
        other.page.wait_for_url("**/share/*/")
        other.photograph("share-further-dark")
        assert other.barriers() == []
        there = other.page.url
        desk.reload()
        expect(desk.locator(".share-tree")).to_contain_text("BS Hoa, Bệnh viện huyện")
        radiologist.photograph("share-tree")
        assert radiologist.barriers() == []
        desk.click("summary:has-text('Thu hồi')")
        desk.click("form[action$='/revoke/'] button")
        expect(desk.locator("body")).to_contain_text("Đã thu hồi chia sẻ")
        assert answered(other.page, there) == 403
        assert seen.complaints == other.complaints == []


def test_the_images_of_a_logged_out_user_stop(
    suite: RunningSuite, browser: Browser, exams: tuple[ReadyExam, ReadyExam]
) -> None:
    """Somebody has copied the cookies before the logout."""
    mine, _other = exams
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    reader = RisUser(suite.public_url, login["username"], login["password"])
    reader.session.get(f"{suite.public_url}/exams/{mine.number}/", timeout=30)
    stolen = requests.Session()
    stolen.cookies.update(reader.session.cookies.copy())
    images = f"{suite.public_url}/dicom-web/studies/{mine.study_uid}/series"
    assert stolen.get(images, timeout=30).status_code == 200
    page = reader.session.get(f"{suite.public_url}/exams/{mine.number}/", timeout=30).text
    field = page.split('name="csrfmiddlewaretoken" value="', 1)[1].split('"', 1)[0]
    reader.session.post(
        f"{suite.public_url}/logout/",
        data={"csrfmiddlewaretoken": field},
        headers={"Referer": f"{suite.public_url}/"},
        timeout=30,
    )
    wait_until(lambda: stolen.get(images, timeout=30).status_code in (401, 403), "the stolen cookies open nothing")
