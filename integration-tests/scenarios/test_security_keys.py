"""A reader adds a security key and logs in with it, in Chromium with its own virtual authenticator (WebAuthn; Q6)."""

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
