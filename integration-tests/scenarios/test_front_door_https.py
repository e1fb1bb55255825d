"""A front door with HTTPS: a suite that makes its own certificate, and what every kind of page says to a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from ris_suite.suite import Suite
from ris_testing.ris_user import RisUser

pytestmark = [pytest.mark.integration, pytest.mark.once]

STRICT = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
PAGES = ("/login/", "/", "/nowhere/", "/devices/", "/healthz", "/api/v1/orders", "/fhir/metadata", "/s/none",
         "/static/none.js")  # fmt: skip


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    plain = Suite.at(tmp_path_factory.mktemp("https") / "home", demo=True)
    suite = Suite(replace(plain.settings, https=True))
    suite.up()
    yield suite
    suite.down()


@pytest.fixture
def trusted(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whom the clients of this test trust: nobody but the suite's own authority."""
    authority = suite.settings.home.path / "certificates" / "authority.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    return authority


def test_people_log_in_by_https_with_cookies_that_never_go_out_in_the_clear(suite: Suite, trusted: Path) -> None:
    assert suite.public_url.startswith("https://")
    login = json.loads((suite.settings.home.path / "demo-logins.json").read_text())["logins"][0]
    user = RisUser(suite.public_url, login["username"], login["password"])
    assert user.session.cookies
    assert all(cookie.secure for cookie in user.session.cookies)
    assert trusted.with_suffix(".key").stat().st_mode & 0o077 == 0


def test_every_kind_of_page_says_what_a_browser_may_do_with_it(suite: Suite, trusted: Path) -> None:
    viewer = requests.get(f"{suite.public_url}/viewer/", timeout=30)
    assert "frame-ancestors 'self'" in viewer.headers["Content-Security-Policy"]
    for answer in (viewer, *(requests.get(suite.public_url + path, timeout=30) for path in PAGES)):
        assert {name: answer.headers.get(name) for name in STRICT} == STRICT, answer.url
        for name in ("Content-Security-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy", "X-Frame-Options"):
            assert name in answer.headers, (answer.url, name)
    images = requests.get(f"{suite.public_url}/dicom-web/studies", timeout=30)
    assert images.status_code in (401, 403)
    assert {name: images.headers.get(name) for name in STRICT} == STRICT


def test_plain_http_is_led_to_https_and_another_name_is_refused(suite: Suite, trusted: Path) -> None:
    plain = requests.get(suite.public_url.replace("https", "http") + "/login/", timeout=30, allow_redirects=False)
    assert (plain.status_code, plain.headers["Location"]) == (308, f"{suite.public_url}/login/")
    assert "Set-Cookie" not in plain.headers
    elsewhere = requests.get(f"{suite.public_url}/login/", headers={"Host": "evil.example"}, timeout=30)
    assert elsewhere.status_code == 400
    assert "evil.example" not in elsewhere.text
