"""Nothing typed is lost (R4): session over, tab killed, server killed in the middle of a save, two windows at once."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import Browser, Page, Request, expect
from playwright.sync_api import Error as PlaywrightError

from ris_testing.backends import Part, RunningSuite
from ris_testing.browser import Visitor, visitor
from ris_testing.reading import SAVED, claim, ready_exam
from ris_testing.ris_user import RisUser, log_in

pytestmark = [pytest.mark.integration, pytest.mark.once]


@pytest.fixture(scope="module")
def api(suite: RunningSuite) -> RisUser:
    return log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")


def log_in_at(page: Page, suite: RunningSuite, username: str = "bacsi") -> None:
    password = next(user["password"] for user in suite.demo_logins()["logins"] if user["username"] == username)
    page.fill("[name=username]", username)
    page.fill("[name=password]", password)
    page.click("button.primary")
    page.wait_for_selector(".rail")


def kill_tab(page: Page) -> Page:
    """The renderer dies without a chance to say goodbye; another tab of the same browser."""
    context = page.context
    with page.expect_event("crash"), contextlib.suppress(PlaywrightError):
        page.goto("chrome://crash")
    return context.new_page()


def sealed_on_computer(page: Page) -> list[str]:
    """What lies in this browser of each window that left words, as text."""
    found: list[str] = page.evaluate(
        """async () => {
          const open = indexedDB.open("quang-reading", 1);
          await new Promise((done) => (open.onsuccess = done));
          const all = open.result.transaction("unsaved").objectStore("unsaved").getAll();
          await new Promise((done) => (all.onsuccess = done));
          open.result.close();
          return all.result.map((each) => new TextDecoder().decode(each.sealed));
        }"""
    )
    return found


def test_words_of_a_killed_tab_are_offered_again_with_their_differences(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api, images=2)
    page = radiologist.open(exam.address)
    claim(page)
    page.fill("#section-findings", "Gan không to.")
    expect(page.locator("#saving")).to_have_text(SAVED)
    page.route("**/draft", lambda route: route.abort())  # the server is gone
    page.fill("#section-findings", "Gan không to. Nang gan phải 12 mm.")
    expect(page.locator("#at-risk")).to_contain_text("được giữ (mã hoá) trên máy này")
    assert len(sealed_on_computer(page)) == 1
    assert "Nang gan" not in "".join(sealed_on_computer(page))

    again = kill_tab(page)
    again.goto(suite.public_url + "/")
    notice = again.locator("#kept-words")
    expect(notice).to_be_visible()
    notice.locator("a").first.click()
    offered = again.locator("#kept")
    expect(offered).to_contain_text("Nang gan phải 12 mm.")
    expect(offered.locator("mark")).to_contain_text(["Nang gan phải 12 mm"])
    offered.locator(".primary").click()
    expect(again.locator("#section-findings")).to_have_value("Gan không to. Nang gan phải 12 mm.")
    expect(again.locator("#saving")).to_have_text(SAVED)
    expect(offered).to_be_hidden()
    assert api.status(exam.number)["texts"]["findings"] == "Gan không to. Nang gan phải 12 mm."
    again.reload()
    expect(again.locator("#section-findings")).to_have_value("Gan không to. Nang gan phải 12 mm.")
    assert len(sealed_on_computer(again)) == 0


def test_words_typed_in_the_moment_before_the_window_dies_are_kept(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api, images=2)
    with radiologist.page.expect_response("**/local-keep"):
        page = radiologist.open(exam.address)
    claim(page)
    page.route("**/draft", lambda route: route.abort())
    page.evaluate("() => { IDBObjectStore.prototype.put = () => { throw new DOMException('too late'); }; }")
    page.fill("#section-findings", "Chữ cuối cùng trước khi tắt máy.")
    page.wait_for_function("Object.keys(localStorage).some((name) => name.startsWith('quang.last-words.'))")
    assert "cùng" not in page.evaluate("JSON.stringify(localStorage)")
    again = kill_tab(page)
    again.goto(suite.public_url + exam.address)
    expect(again.locator("#kept")).to_contain_text("Chữ cuối cùng trước khi tắt máy.")
    again.locator("#kept .primary").click()
    expect(again.locator("#saving")).to_have_text(SAVED)
    assert api.status(exam.number)["texts"]["findings"] == "Chữ cuối cùng trước khi tắt máy."
    again.wait_for_function("!Object.keys(localStorage).some((name) => name.startsWith('quang.last-words.'))")


def test_another_user_of_the_computer_is_not_offered_them(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api, images=2)
    page = radiologist.open(exam.address)
    claim(page)
    page.route("**/draft", lambda route: route.abort())
    page.fill("#section-conclusion", "Chữ của bác sĩ thứ nhất.")
    expect(page.locator("#at-risk")).to_contain_text("được giữ (mã hoá) trên máy này")
    again = kill_tab(page)
    again.goto(suite.public_url + "/")
    expect(again.locator("#kept-words")).to_be_visible()
    again.context.clear_cookies()
    again.goto(suite.public_url + "/login/")
    log_in_at(again, suite, "truongnhom")
    with again.expect_response("**/local-keep"):
        again.goto(suite.public_url + "/")
    expect(again.locator("#kept-words")).to_be_hidden()
    with again.expect_response("**/local-keep"):
        again.goto(suite.public_url + exam.address)
    expect(again.locator("#kept")).to_be_hidden()
    assert len(sealed_on_computer(again)) == 1


def test_a_session_that_ends_in_mid_report_is_begun_again_in_place(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api, images=2)
    page = radiologist.open(exam.address)
    claim(page)
    page.context.clear_cookies(name="quang_session")
    page.fill("#section-findings", "Gõ khi phiên đã hết.")
    expect(page.locator("#at-risk")).to_contain_text("Phiên đăng nhập đã hết")
    page.focus("#section-conclusion")
    page.keyboard.type("Vẫn gõ tiếp.")
    password = next(user["password"] for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    page.fill("#at-risk input", password)
    page.keyboard.press("Enter")
    expect(page.locator("#saving")).to_have_text(SAVED)
    expect(page.locator("#at-risk")).to_be_hidden()
    texts = api.status(exam.number)["texts"]
    assert (texts["findings"], texts["conclusion"]) == ("Gõ khi phiên đã hết.", "Vẫn gõ tiếp.")

    page.context.clear_cookies(name="quang_session")
    page.fill("#section-conclusion", "Đóng cửa sổ khi phiên đã hết.")
    expect(page.locator("#at-risk")).to_be_visible()  # its words are still there from before
    expect(page.locator("#at-risk")).to_contain_text("Phiên đăng nhập đã hết")
    again = page.context.new_page()
    page.close()
    again.goto(suite.public_url + "/login/")
    log_in_at(again, suite)
    again.goto(suite.public_url + exam.address)
    expect(again.locator("#kept")).to_contain_text("Đóng cửa sổ khi phiên đã hết.")
    again.locator("#kept .conflict-actions button").first.click()  # not wanted after all, and then wanted again
    expect(again.locator("#kept")).to_be_hidden()
    again.locator("#toasts button").last.click()
    again.locator("#kept .primary").click()
    expect(again.locator("#section-conclusion")).to_have_value("Đóng cửa sổ khi phiên đã hết.")
    expect(again.locator("#saving")).to_have_text(SAVED)


def test_a_server_killed_in_the_middle_of_a_save_loses_and_doubles_nothing(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api, images=2)
    page = radiologist.open(exam.address)
    claim(page)
    page.fill("#section-findings", "Trước khi máy chủ chết.")
    expect(page.locator("#saving")).to_have_text(SAVED)
    before = api.status(exam.number)["revision"]
    restarts = suite.restarts(Part.WEB)

    def is_save(request: Request) -> bool:
        return request.url.endswith("/draft")

    with page.expect_request(is_save):
        page.fill("#section-findings", "Gõ khi máy chủ đang chết.")
    suite.kill(Part.WEB)
    page.focus("#section-conclusion")
    page.keyboard.type("Gõ khi không có máy chủ.")
    suite.wait_restarted(Part.WEB, restarts)
    suite.wait_healthy(Part.WEB)
    expect(page.locator("#saving")).to_have_text(SAVED, timeout=60_000)
    status = api.status(exam.number)
    assert status["texts"]["findings"] == "Gõ khi máy chủ đang chết."
    assert status["texts"]["conclusion"] == "Gõ khi không có máy chủ."
    assert status["revision"] > before
    for nothing in ("#conflict", "#kept", "#at-risk"):
        expect(page.locator(nothing)).to_be_hidden()


def test_two_windows_of_one_draft_see_each_other_and_neither_loses_a_word(
    suite: RunningSuite, browser: Browser, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api, images=2)
    first = radiologist.open(exam.address)
    claim(first)
    first.fill("#section-findings", "Gan to.")
    expect(first.locator("#saving")).to_have_text(SAVED)
    with visitor(browser, suite, "bacsi") as other:
        second = other.open(exam.address)
        expect(second.locator("#section-findings")).to_have_value("Gan to.")
        second.fill("#section-findings", "Gan to. Lách to.")
        # the first window, in which nothing is unsaved, shows the other's words by itself
        expect(first.locator("#section-findings")).to_have_value("Gan to. Lách to.")
        expect(first.locator("#toasts")).to_contain_text("vừa được lưu ở một cửa sổ khác")

        first.route("**/draft", lambda route: route.abort())
        first.fill("#section-conclusion", "Kết luận của cửa sổ một.")
        expect(first.locator("#saving")).to_have_attribute("data-state", "unreachable")
        second.fill("#section-conclusion", "Kết luận của cửa sổ hai.")
        expect(second.locator("#saving")).to_have_text(SAVED)
        first.unroute("**/draft")
        conflict = first.locator("#conflict")
        expect(conflict).to_contain_text("Kết luận của cửa sổ hai.", timeout=30_000)
        expect(conflict).to_contain_text("Kết luận của cửa sổ một.")
        conflict.get_by_label("Giữ cả hai").check()
        conflict.locator(".primary").click()
        both = "Kết luận của cửa sổ hai.\nKết luận của cửa sổ một."
        expect(first.locator("#section-conclusion")).to_have_value(both)
        expect(second.locator("#section-conclusion")).to_have_value(both)
    first.keyboard.press("Escape")
    first.locator("[data-action=history]").click()
    history = first.locator("#history")
    expect(history.locator(".draft-states li")).not_to_have_count(0)
    history.locator("select[name=newer]").select_option("now")
    expect(history.locator("[data-compared] ins")).to_contain_text([re.compile("cửa sổ một")])
    history.locator("[data-take-state]").last.click()
    expect(first.locator("#kept")).to_contain_text("Bản nháp trước")


RECOGNITION = """
window.heard = [];
window.SpeechRecognition = class {
  start() { window.recognition = this; window.heard.push(`start ${this.lang}`); }
  stop() { window.heard.push("stop"); this.onend?.(); }
  say(...finals) {
    const results = finals.map((transcript) => Object.assign([{ transcript }], { isFinal: true }));
    this.onresult({ resultIndex: 0, results });
  }
};
"""
"""A speech recognition that hears what the test says, in place of the browser's own."""


def test_what_is_dictated_goes_to_the_cursor_with_its_marks(
    suite: RunningSuite, api: RisUser, radiologist: Visitor
) -> None:
    exam = ready_exam(suite, api, images=2)
    page = radiologist.page
    page.add_init_script(RECOGNITION)
    page = radiologist.open(exam.address)
    claim(page)
    page.fill("#section-findings", "Lách không to.")
    page.evaluate("document.querySelector('#section-findings').setSelectionRange(0, 0)")
    page.keyboard.press("F1")
    expect(page.locator("#dictation")).to_contain_text("Đang nghe")
    page.evaluate("recognition.say('gan to phẩy có nhiều chấm vôi dấu chấm', 'kích thước 3 phẩy 5 cm chấm xuống dòng')")
    written = "Gan to, có nhiều chấm vôi. Kích thước 3,5 cm.\nLách không to."
    expect(page.locator("#section-findings")).to_have_value(written)
    page.evaluate("recognition.onend()")  # browsers stop after a silence; one goes on
    page.keyboard.press("Control+z")
    page.focus("#section-conclusion")
    page.click("#dictation [data-language]")
    page.evaluate("recognition.say('the sigmoid colon is normal full stop')")
    expect(page.locator("#section-conclusion")).to_have_value("The sigmoid colon is normal.")
    page.keyboard.press("F1")
    expect(page.locator("#dictation")).to_be_hidden()
    expect(page.locator("#saving")).to_have_text(SAVED)
    assert page.evaluate("heard") == ["start vi-VN", "start vi-VN", "stop", "start en-US", "stop"]
    page.evaluate("delete window.SpeechRecognition; delete window.webkitSpeechRecognition")
    page.keyboard.press("F1")
    expect(page.locator("#toasts")).to_contain_text("Trình duyệt này không nhận giọng nói")
    assert radiologist.complaints == []
