"""Debian's Chromium in front of a suite: logged-in pages, what they complained about, and whether all can use them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from ris_testing.backends import RunningSuite

DESK: ViewportSize = {"width": 1366, "height": 768}
TABLET: ViewportSize = {"width": 1024, "height": 768}
WIDE: ViewportSize = {"width": 1920, "height": 1080}

PHONE: ViewportSize = {"width": 390, "height": 844}
NARROW_PHONE: ViewportSize = {"width": 360, "height": 740}
PHONE_PATIENCE_MS = 60_000

Scheme = Literal["light", "dark"]
Language = Literal["vi", "en"]


class ChromiumMissing(Exception):
    """There is no Chromium on this machine; ``make setup-test`` installs Debian's package."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window; root may run it (in a container or a test machine) only without its sandbox.

    Chromium built to have no window takes a fifth less of the processor than the whole one.
    """
    program = shutil.which("chromium-headless-shell")
    if program is None:
        raise ChromiumMissing("chromium-headless-shell is not installed: run 'make setup-test'")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """Somebody at a page of the RIS; ``complaints`` are the console's errors, blocked scripts and styles among them."""

    page: Page
    public_url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Another page; returns when it is there."""
        self.page.goto(self.public_url + path, wait_until="load")
        return self.page

    def barriers(self) -> list[str]:
        """What axe finds serious or critical on the page as it is now, one line each."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"]}).response["violations"]
        return [
            f"{violation['id']}: {node['html'][:160]} {node.get('failureSummary', '')}"
            for violation in found
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    def photograph(self, name: str) -> None:
        """Keep a picture of the page in ``$QUANG_SCREENSHOTS``, if that is set."""
        folder = os.environ.get("QUANG_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@contextmanager
def visitor(
    browser: Browser,
    suite: RunningSuite,
    username: str,
    *,
    size: ViewportSize = DESK,
    scheme: Scheme = "light",
    language: Language = "vi",
) -> Iterator[Visitor]:
    """Log in by the login form as one of the demo's users, with this language."""
    # what has just changed is not looked at while its colours move
    context = browser.new_context(viewport=size, color_scheme=scheme, locale="vi-VN", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    seen = Visitor(context.new_page(), suite.public_url)
    seen.page.on("console", lambda message: seen.complaints.append(message.text) if message.type == "error" else None)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    password = next(user["password"] for user in suite.demo_logins()["logins"] if user["username"] == username)
    try:
        seen.open("/login/")
        seen.page.fill("[name=username]", username)
        seen.page.fill("[name=password]", password)
        seen.page.click("button.primary")
        seen.page.wait_for_selector(".rail")
        _choose_language(seen, language)
        yield seen
    finally:
        context.close()


@contextmanager
def telephone(
    browser: Browser, suite: RunningSuite, *, size: ViewportSize = PHONE, scheme: Scheme = "light"
) -> Iterator[Visitor]:
    """Somebody's telephone, which has never been here."""
    context = browser.new_context(
        viewport=size, screen=size, has_touch=True, is_mobile=True, device_scale_factor=2, color_scheme=scheme
    )
    context.set_default_timeout(PHONE_PATIENCE_MS)
    seen = Visitor(context.new_page(), suite.public_url)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        yield seen
    finally:
        context.close()


def answered(page: Page, address: str) -> int:
    """The status that this browser is answered with, past its cache."""
    found: int = page.evaluate("async (address) => (await fetch(address, {cache: 'no-store'})).status", address)
    return found


def _choose_language(seen: Visitor, language: Language) -> None:
    if seen.page.get_attribute("html", "lang") != language:
        seen.page.click("#user-menu summary")
        seen.page.click(f'#user-menu button[value="{language}"]')
        seen.page.wait_for_selector(f'html[lang="{language}"]')
