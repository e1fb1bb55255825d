"""The viewer alone, opened on studies by a grant of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page

from ris_core.access.signing import Keyring
from ris_core.access.tokens import VIEWER_COOKIE_PATH, issue_viewer_token, viewer_cookie_name
from ris_testing.backends import RunningSuite
from ris_testing.browser import WIDE

PATIENCE_MS = 120_000


@contextmanager
def open_viewer(
    browser: Browser, suite: RunningSuite, study_uid: str, language: str = "vi"
) -> Iterator[tuple[Page, list[str]]]:
    """The viewer on one study; with what its page throws."""
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    token = issue_viewer_token(
        keyring, [study_uid], "bs_lan", datetime.now(UTC) + timedelta(hours=1), grant="session:test"
    )
    context = browser.new_context(viewport=WIDE, locale="vi-VN")
    context.set_default_timeout(PATIENCE_MS)
    name = viewer_cookie_name([study_uid])
    context.add_cookies([{"name": name, "value": token, "path": VIEWER_COOKIE_PATH, "domain": "127.0.0.1"}])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        page.goto(f"{suite.public_url}/viewer/viewer?StudyInstanceUIDs={study_uid}&lng={language}")
        yield page, errors
    finally:
        context.close()


def photograph(page: Page, name: str) -> None:
    """Keep a picture of the page in ``$QUANG_SCREENSHOTS``, if that is set."""
    if folder := os.environ.get("QUANG_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
