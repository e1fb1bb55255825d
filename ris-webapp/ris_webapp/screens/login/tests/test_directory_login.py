"""Logging in on the page with a directory's name and password (P4)."""

from __future__ import annotations

import pytest
from axes.models import AccessAttempt
from django.test import Client

from ris_core.accounts.models import Origin, Role, User
from ris_core.audit.models import AuditEvent
from ris_core.directories.errors import DirectoryRefused, DirectoryUnavailable
from ris_webapp import login_backend
from ris_webapp.tests.people import client_as, type_password

pytestmark = pytest.mark.django_db


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch) -> dict[str, User | Exception | None]:
    """What a directory says to the password ``right``; under ``refuses`` what it raises instead."""
    user = User.objects.create_user("bs_lan", None, full_name="Nguyễn Thị Lan", role=Role.RADIOLOGIST)
    user.origin = Origin.DIRECTORY
    user.save()
    says: dict[str, User | Exception | None] = {"user": user, "refuses": None}

    def sign_in(typed: str, password: str, address: str, *, of: str) -> User | None:
        assert of == "", "a login asks every directory"
        if isinstance(says["refuses"], Exception):
            raise says["refuses"]
        found = says["user"]
        return found if password == "right" and isinstance(found, User) else None

    monkeypatch.setattr(login_backend, "sign_in", sign_in)
    return says


def log_in(name: str, password: str) -> tuple[int, str]:
    answer = type_password(Client(), name, password)
    return answer.status_code, answer.content.decode()


def test_a_directorys_name_and_password_log_in_with_or_without_domain(directory: dict[str, object]) -> None:
    for name in ("bs.lan", "BENHVIEN\\bs.lan", "bs.lan@benhvien.test"):
        client = Client()
        assert client.post("/login/", {"username": name, "password": "right"}).status_code == 302, name
        assert client.get("/").status_code == 200
    assert log_in("bs.lan", "wrong")[0] == 401


def test_an_account_that_is_closed_here_stays_closed(directory: dict[str, object]) -> None:
    User.objects.update(is_active=False)
    user = User.objects.get()
    directory["user"] = user
    assert log_in("bs.lan", "right")[0] == 401


@pytest.mark.parametrize(
    ("refusal", "status", "words"),
    [
        (DirectoryUnavailable("down"), 503, "không trả lời"),
        (DirectoryRefused("no group"), 403, "chưa được cấp vai trò"),
    ],
)
def test_the_page_says_what_the_directory_says_and_counts_no_failure(
    directory: dict[str, object], refusal: Exception, status: int, words: str
) -> None:
    directory["refuses"] = refusal
    for _ in range(6):
        told, page = log_in("bs.lan", "right")
        assert (told, words in page) == (status, True)
    assert not AccessAttempt.objects.exists()
    assert AuditEvent.objects.filter(action="user.login_failed", success=False).count() == 6


def test_however_a_name_is_written_its_failures_are_counted_together_and_forgotten_together(
    directory: dict[str, object],
) -> None:
    names = ["bs.lan", "BS.LAN", "BENHVIEN\\bs.lan", "bs.lan@benhvien.test", " bs.lan"]
    assert [log_in(name, "wrong")[0] for name in names] == [401, 401, 401, 401, 429]
    assert log_in("tram\\bs.lan", "right")[0] == 429


def test_the_screen_of_accounts_shows_where_one_comes_from_and_offers_no_password(
    directory: dict[str, object],
) -> None:
    administrator = client_as(Role.ADMINISTRATOR)
    user = User.objects.get(username="bs_lan")
    assert "máy chủ tài khoản" in administrator.get("/admin/users/").content.decode()
    page = administrator.get(f"/admin/users/{user.pk}/").content.decode()
    assert "reset-password" not in page
    saved = administrator.post(f"/admin/users/{user.pk}/", {"title": "ThS.BS.", "role": "ADMINISTRATOR"})
    assert saved.status_code == 302
    user.refresh_from_db()
    assert (user.title, user.role, user.full_name) == ("ThS.BS.", "RADIOLOGIST", "Nguyễn Thị Lan")
    assert administrator.post(f"/admin/users/{user.pk}/reset-password/").status_code == 409
