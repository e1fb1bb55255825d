"""A doctor logs in at the hospital's OpenID provider, reads, and is logged out from there.

The provider is panva's oidc-provider, the browser Debian's Chromium; web app, worker and Orthanc are the real ones
(Q1, Q6, P3).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from ris_suite.ports import free_port
from ris_testing.backends import RunningSuite, chosen_backend
from ris_testing.browser import DESK, Visitor
from ris_testing.openid_provider import CLIENT_SECRET, OpenidProviderServer, openid_provider
from ris_testing.ready_exams import ReadyExam, ready_exam
from ris_testing.ris_user import log_in
from ris_testing.start import start_suite
from ris_testing.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.once,
    pytest.mark.skipif(chosen_backend() == "containers", reason="the provider listens on this machine's loopback"),
]

PATIENCE_MS = 60_000
SETTINGS = """
[[openid]]
name = "sso"
title = "tài khoản bệnh viện"
issuer = "http://127.0.0.1:{port}"
client_id = "quang"
plain_http = true
roles = [
  {{ group = "truong-khoa", role = "SENIOR" }},
  {{ group = "bac-si", role = "RADIOLOGIST" }},
]
"""
PEOPLE = {
    "bs.lan": {"preferred_username": "bs.lan", "name": "Nguyễn Thị Lan", "groups": ["cntt", "bac-si"]},
    "ke.toan": {"preferred_username": "ke.toan", "name": "Trần Văn Toán", "groups": ["ke-toan"]},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningSuite, OpenidProviderServer]]:
    """A suite whose login page has a button for the provider, and the provider."""
    folder = tmp_path_factory.mktemp("openid")
    home = folder / "suite"
    (home / "secrets").mkdir(parents=True, mode=0o700)
    (home / "secrets" / "openid_secret_sso").write_text(CLIENT_SECRET)
    port = free_port()
    (home / "quang.toml").write_text(SETTINGS.format(port=port))
    suite = start_suite(home)
    try:
        with openid_provider(
            OpenidProviderServer(port, "sso", suite.public_url, PEOPLE, folder / "provider.log")
        ) as provider:
            yield suite, provider
    finally:
        suite.down()


@pytest.fixture
def guest(browser: Browser, place: tuple[RunningSuite, OpenidProviderServer]) -> Iterator[Visitor]:
    """Somebody who has not logged in."""
    context = browser.new_context(viewport=DESK, locale="vi-VN")
    context.set_default_timeout(PATIENCE_MS)
    yield Visitor(context.new_page(), place[0].public_url)
    context.close()


def log_in_at_provider(page: Page, name: str) -> None:
    """From the login page by the keyboard to the provider's, and through it."""
    button = page.get_by_role("link", name="Đăng nhập bằng tài khoản bệnh viện")
    button.focus()
    page.keyboard.press("Enter")
    page.fill("[name=login]", name)
    page.fill("[name=password]", "bat-ky")
    page.keyboard.press("Enter")


def status(page: Page, address: str) -> int:
    return page.context.request.get(address, max_redirects=0, timeout=PATIENCE_MS).status


def test_a_doctor_logs_in_there_reads_here_and_is_logged_out_from_there(
    place: tuple[RunningSuite, OpenidProviderServer], guest: Visitor
) -> None:
    suite, provider = place
    exam = _exam(suite)
    page = guest.open(f"/login/?next={exam.address}")
    guest.photograph("openid-login")
    assert guest.barriers() == []
    log_in_at_provider(page, "bs.lan")

    # with the group's role, at the page that was asked for
    page.wait_for_url(f"{guest.public_url}{exam.address}")
    expect(page.locator("#user-menu")).to_contain_text("Nguyễn Thị Lan")
    images = f"{guest.public_url}/dicom-web/studies/{exam.study_uid}/series"
    assert status(page, images) == 200

    # in another tab they log out there: here page and images are over, without anybody asking
    there = page.context.new_page()
    there.goto(f"{provider.issuer}/session/end")
    there.locator("button[name=logout]").click()
    wait_until(lambda: status(page, f"{guest.public_url}{exam.address}") == 302, "the session ends")
    wait_until(lambda: status(page, images) in (401, 403), "the viewer loads no more images")


def test_logging_out_here_logs_out_there(place: tuple[RunningSuite, OpenidProviderServer], guest: Visitor) -> None:
    page = guest.open("/login/")
    log_in_at_provider(page, "bs.lan")
    page.wait_for_selector(".rail")
    page.click("#user-menu summary")
    page.get_by_role("button", name="Đăng xuất").click()
    page.wait_for_url(f"{place[1].issuer}/session/end?**")
    page.locator("button[name=logout]").click()
    page.wait_for_url(f"{guest.public_url}/login/**")
    log_in_at_provider(page, "bs.lan")  # it asks again
    page.wait_for_selector(".rail")


def test_who_has_no_role_stays_outside_and_an_outage_leaves_the_local_administrator(
    place: tuple[RunningSuite, OpenidProviderServer], guest: Visitor
) -> None:
    suite, provider = place
    page = guest.open("/login/")
    log_in_at_provider(page, "ke.toan")
    expect(page.get_by_role("alert")).to_contain_text("chưa được cấp vai trò")
    assert status(page, f"{guest.public_url}/") == 302

    provider.stop()
    assert log_in(suite.public_url, suite.demo_logins(), "ADMINISTRATOR").get("/admin/users/").status_code == 200
    provider.start()
    logs = "\n".join(line for part in ("web", "worker") for line in suite.logs(part, 2000))  # type: ignore[arg-type]
    assert CLIENT_SECRET not in logs


def _exam(suite: RunningSuite) -> ReadyExam:
    return ready_exam(suite, log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST"))
