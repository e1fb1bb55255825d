"""Logging in at the login page (Q6): a security key in Chromium's virtual authenticator (WebAuthn), and the captcha."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, Visitor

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def reader(browser: Browser, suite: RunningSuite) -> Iterator[tuple[Visitor, CDPSession, str]]:
    """Somebody at the host's name, for which keys are; with their browser's authenticator, and its number."""
    context = browser.new_context(viewport=DESK, locale="vi-VN")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    number = devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]
    address = urlsplit(suite.public_url)
    yield Visitor(page, f"{address.scheme}://localhost:{address.port}"), devices, number
    context.close()


def type_password(seen: Visitor, login: dict[str, Any]) -> None:
    seen.open("/login/")
    seen.page.fill("[name=username]", login["username"])
    seen.page.fill("[name=password]", login["password"])
    seen.page.click("button.primary")


def test_a_key_is_added_used_and_removed(suite: RunningSuite, reader: tuple[Visitor, CDPSession, str]) -> None:
    seen, devices, number = reader
    page = seen.page
    login = next(user for user in suite.demo_logins()["logins"] if user["role"] == "SECRETARY")
    type_password(seen, login)
    page.wait_for_selector(".rail")

    seen.open("/account/second-factor/")
    seen.photograph("security-keys-none")
    assert seen.barriers() == []
    page.fill("[name=name]", "Vân tay máy này")
    page.get_by_role("button", name="Thêm khoá bảo mật").click()
    expect(page.locator("textarea")).to_contain_text("-")  # recovery codes, this once

    # after the password the key is asked for, by the keyboard alone; the code stays possible
    page.click("#user-menu summary")
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_url("**/login/**")
    type_password(seen, login)
    button = page.get_by_role("button", name="Dùng khoá bảo mật")
    expect(button).to_be_focused()
    seen.photograph("security-keys-login")
    assert seen.barriers() == []

    # without its owner's finger it says no
    devices.send("WebAuthn.setUserVerified", {"authenticatorId": number, "isUserVerified": False})
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Khoá bảo mật chưa trả lời")
    devices.send("WebAuthn.setUserVerified", {"authenticatorId": number, "isUserVerified": True})
    button.click()
    page.wait_for_selector(".rail")

    seen.open("/account/second-factor/")
    seen.photograph("security-keys-one")
    row = page.locator("tr", has_text="Vân tay máy này")
    row.get_by_role("button").click()
    expect(row).to_have_count(0)


def test_after_wrong_passwords_a_captcha_is_asked_in_a_picture_or_in_words(
    suite: RunningSuite, reader: tuple[Visitor, CDPSession, str]
) -> None:
    seen, _, _ = reader
    page = seen.page
    nobody = {"username": "khong_co_ai", "password": "sai"}  # a name that nobody in the shared suite has
    for _ in range(3):
        type_password(seen, nobody)
        expect(page.get_by_role("alert")).to_contain_text("Sai tên đăng nhập")
    expect(page.get_by_role("img", name="Năm chữ số trong hình")).to_be_visible()
    seen.photograph("login-captcha")
    assert seen.barriers() == []
    page.fill("[name=password]", "sai")
    page.fill("[name=captcha_answer]", "1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("trả lời câu hỏi")

    page.get_by_role("button", name="Không đọc được hình").click()
    question = page.locator("#captcha-question")
    seen.photograph("login-captcha-words")
    assert seen.barriers() == []
    page.fill("[name=password]", "sai")
    page.fill("[name=captcha_answer]", answer_to(question.inner_text()))
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Sai tên đăng nhập")


def answer_to(question: str) -> str:
    """As somebody answers to whom it is read: *Viết liền bằng chữ số, bỏ số thứ ba: hai, năm, chín, bảy, ba.*"""
    told, _, words = question.rstrip(".").partition(": ")
    digits = [["hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"].index(word) + 2 for word in words.split(", ")]
    left_out = ["nhất", "hai", "ba", "tư", "năm"].index(told.split()[-1])
    return "".join(str(digit) for place, digit in enumerate(digits) if place != left_out)
