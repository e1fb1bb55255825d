"""On a telephone the viewer's link opens a light page of pictures, under the same grant, their loss always said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from ris_core.access.signing import Keyring
from ris_core.access.tokens import VIEWER_COOKIE_PATH, issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_testing.backends import RunningSuite
from ris_testing.browser import Visitor, telephone
from ris_testing.volumes import a_volume

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 60_000
_PAINTED = (
    "() => { const image = document.getElementById('picture'); return image.complete && image.naturalWidth > 0; }"
)


@pytest.fixture(scope="module")
def engine(suite: RunningSuite) -> Iterator[Engine]:
    with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as connection:
        yield connection


@contextmanager
def granted_telephone(browser: Browser, suite: RunningSuite, *study_uids: str) -> Iterator[Visitor]:
    """A telephone that holds a grant of the studies."""
    keyring = Keyring.from_text(suite.secret("viewer_signing_key"))
    until = datetime.now(UTC) + timedelta(hours=1)
    token = issue_viewer_token(keyring, study_uids, "bs_lan", until, grant="session:test")
    name = viewer_cookie_name(study_uids)
    with telephone(browser, suite) as seen:
        seen.page.context.add_cookies(
            [{"name": name, "value": token, "path": VIEWER_COOKIE_PATH, "domain": "127.0.0.1"}]
        )
        yield seen


def test_the_viewers_link_opens_pictures_on_a_telephone(suite: RunningSuite, browser: Browser, engine: Engine) -> None:
    study_uid = a_volume(engine)
    with granted_telephone(browser, suite, study_uid) as seen:
        page = seen.page
        page.goto(f"{suite.public_url}/viewer/viewer?StudyInstanceUIDs={study_uid}&lng=vi", wait_until="commit")
        page.wait_for_url("**/open/phone?*")
        page.wait_for_function(_PAINTED)
        expect(page.locator("#count")).to_have_text("7/12")
        expect(page.locator("#lossy")).to_contain_text("JPEG nén mất dữ liệu 70%")
        page.click("#after")
        expect(page.locator("#count")).to_have_text("8/12")
        page.get_by_role("button", name="Phổi").click()
        page.wait_for_function("() => document.getElementById('picture').src.includes('window=-600,1500,linear')")
        page.wait_for_function(_PAINTED)
        seen.photograph("phone")
        assert seen.barriers() == []
        assert seen.complaints == []
        full = f"/viewer/viewer?StudyInstanceUIDs={study_uid}&lng=vi&full=1"
        expect(page.locator("#full")).to_have_attribute("href", full)


def test_without_a_grant_a_telephone_sees_nothing_and_is_told_what_to_do(
    suite: RunningSuite, browser: Browser, engine: Engine
) -> None:
    study_uid = a_volume(engine)
    with telephone(browser, suite) as seen:
        seen.open(f"/open/phone?StudyInstanceUIDs={study_uid}&lng=en-US")
        expect(seen.page.locator("#told")).to_contain_text("You may not see these images")
        expect(seen.page.locator("#picture")).to_be_hidden()
        assert seen.barriers() == []
