"""The screens of accounts, and the password that must be changed first (Q1, Q6)."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from ris_core.accounts import importing
from ris_core.accounts.models import Role, User
from ris_core.accounts.passwords import random_password
from ris_core.audit.models import AuditEvent
from ris_webapp.sessions import session_is_alive
from ris_webapp.tests.people import PASSWORD, a_user, client_as, type_password

pytestmark = pytest.mark.django_db

ENTERED = {"username": "bac_si_9", "full_name": "Nguyễn Văn Đức", "role": "RADIOLOGIST", "department": "CĐHA"}


def _first_password(page: bytes) -> str:
    found = re.search(r'id="secret" readonly value="([^"]+)"', page.decode())
    assert found
    return found[1]


def _log_in(name: str, password: str) -> tuple[Client, int]:
    client = Client()
    return client, type_password(client, name, password).status_code


def test_a_person_gets_an_account_and_can_do_nothing_before_choosing_a_password() -> None:
    administrator = client_as(Role.ADMINISTRATOR)
    page = administrator.post("/admin/users/new/", ENTERED)
    first = _first_password(page.content)
    client, status = _log_in("bac_si_9", first)
    assert status == 302
    for address in ("/", "/admin/users/"):
        answer = client.get(address, follow=False)
        assert (answer.status_code, answer["Location"]) == (302, "/account/password/"), address
    script = client.get("/", headers={"Accept": "application/json"})
    assert (script.status_code, script.json()["code"]) == (403, "QUANG-1010")
    wanted = random_password()
    wrong = client.post("/account/password/", {"present": first, "wanted": wanted, "again": wanted + "x"})
    assert wrong.status_code == 422
    assert client.post("/account/password/", {"present": first, "wanted": wanted, "again": wanted}).status_code == 302
    assert client.get("/").status_code == 200
    assert _log_in("bac_si_9", first)[1] == 401


def test_a_password_that_gets_too_old_meanwhile_is_renewed_at_the_next_login() -> None:
    user = a_user()
    client, _ = _log_in(user.username, PASSWORD)
    renewed_at = timezone.now() - timedelta(days=90) + timedelta(seconds=5)
    session = client.session
    session["began_at"] -= 60
    session.save()
    User.objects.filter(pk=user.pk).update(password_changed_at=renewed_at - timedelta(seconds=30))
    assert client.get("/").status_code == 200
    again, _ = _log_in(user.username, PASSWORD)
    assert again.get("/")["Location"] == "/account/password/"


def test_only_administrators_open_the_screens() -> None:
    other = a_user()
    for role in set(Role.values) - {Role.ADMINISTRATOR}:
        client = client_as(role)
        assert client.get("/admin/users/").status_code == 403
        for action in ("reset-password", "withdraw", "restore", "end-sessions", "unlock"):
            assert client.post(f"/admin/users/{other.pk}/{action}/", {"reason": "x"}).status_code == 403
        assert client.post("/admin/users/new/", ENTERED).status_code == 403
    assert not User.objects.filter(username="bac_si_9").exists()


def test_accounts_are_found_without_diacritics_by_role_and_by_state() -> None:
    client = client_as(Role.ADMINISTRATOR)
    client.post("/admin/users/new/", ENTERED)
    User.objects.create_user("cu", None, full_name="Lê Cũ", role=Role.CLINICIAN)
    User.objects.filter(username="cu").update(expires_at=timezone.now() - timedelta(days=1))

    def found(query: str) -> set[str]:
        page = client.get(f"/admin/users/?{query}").content.decode()
        return {name for name in ("bac_si_9", "cu") if f"<code>{name}</code>" in page}

    assert found("q=duc+nguyen") == {"bac_si_9"}
    assert found("q=CĐHA") == {"bac_si_9"}
    assert found("role=CLINICIAN") == {"cu"}
    assert found("state=expired") == {"cu"}
    assert found("state=open") == {"bac_si_9"}
    assert found("state=withdrawn") == set()


@pytest.mark.parametrize(
    ("field", "value"), [("username", "có dấu"), ("full_name", ""), ("role", "OWNER"), ("expires_on", "31/02")]
)
def test_what_cannot_be_so_is_said_beside_its_field(field: str, value: str) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/admin/users/new/", {**ENTERED, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()


def test_a_withdrawn_account_is_logged_out_at_once_and_cannot_log_in() -> None:
    user = a_user()
    client, _ = _log_in(user.username, PASSWORD)
    key = client.session.session_key
    assert session_is_alive(key)
    administrator = client_as(Role.ADMINISTRATOR)
    administrator.post(f"/admin/users/{user.pk}/withdraw/", {"reason": ""})
    assert session_is_alive(key)
    administrator.post(f"/admin/users/{user.pk}/withdraw/", {"reason": "nghỉ việc"})
    assert not session_is_alive(key)
    assert client.get("/")["Location"].startswith("/login/")
    assert _log_in(user.username, PASSWORD)[1] == 401
    page = administrator.post(f"/admin/users/{user.pk}/restore/")
    assert _log_in(user.username, _first_password(page.content))[1] == 302


def test_an_account_that_expires_meanwhile_ends_its_session() -> None:
    user = a_user()
    client, _ = _log_in(user.username, PASSWORD)
    assert client.get("/").status_code == 200
    User.objects.filter(pk=user.pk).update(expires_at=timezone.now())
    assert client.get("/").status_code == 302
    assert not session_is_alive(client.session.session_key)


def test_a_locked_out_person_is_let_in_again_by_an_administrator() -> None:
    user = a_user()
    for _ in range(5):
        _log_in(user.username, "wrong")
    assert _log_in(user.username, PASSWORD)[1] == 429
    client_as(Role.ADMINISTRATOR).post(f"/admin/users/{user.pk}/unlock/")
    assert _log_in(user.username, PASSWORD)[1] == 302
    assert AuditEvent.objects.filter(action="user.unlocked", subject=f"user:{user.pk}").exists()


def test_changing_the_password_keeps_this_session_and_ends_the_others() -> None:
    user = a_user()
    here, _ = _log_in(user.username, PASSWORD)
    there, _ = _log_in(user.username, PASSWORD)
    wanted = random_password()
    assert here.post("/account/password/", {"present": PASSWORD, "wanted": wanted, "again": wanted}).status_code == 302
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302
    for present in ("wrong", wanted):
        answer = here.post("/account/password/", {"present": present, "wanted": wanted, "again": wanted})
        assert answer.status_code == 422


def test_an_account_is_changed_and_the_last_administrator_stays() -> None:
    administrator = a_user(Role.ADMINISTRATOR)
    client = client_as(user=administrator)
    user = a_user()
    entered = {"full_name": "Tên Mới", "role": "SENIOR", "expires_on": "2099-12-31", "password_days": "30"}
    assert client.post(f"/admin/users/{user.pk}/", entered).status_code == 302
    user.refresh_from_db()
    assert (user.full_name, user.role, user.password_days) == ("Tên Mới", "SENIOR", 30)
    assert 'value="2099-12-31"' in client.get(f"/admin/users/{user.pk}/").content.decode()
    refused = client.post(f"/admin/users/{administrator.pk}/", {"full_name": "Tôi", "role": "CLINICIAN"})
    assert refused.status_code == 422
    assert client.get("/admin/users/999999/").status_code == 404


def test_a_session_ends_after_so_many_hours_however_much_it_is_used() -> None:
    client, _ = _log_in(a_user().username, PASSWORD)
    session = client.session
    session["began_at"] -= 12 * 3600 + 1
    session.save()
    assert not session_is_alive(session.session_key)
    assert client.get("/").status_code == 302


def test_an_account_of_which_nothing_is_known_yet_says_so_in_whole_sentences() -> None:
    user = a_user(Role.TECHNOLOGIST)
    User.objects.filter(pk=user.pk).update(must_change_password=True)
    page = client_as(Role.ADMINISTRATOR).get(f"/admin/users/{user.pk}/").content.decode()
    assert "Chưa đăng nhập lần nào. Phải đổi mật khẩu" in page
    assert "Chưa có việc nào với tài khoản này." in page


def test_a_file_is_shown_first_and_then_opened_with_passwords_to_hand_out() -> None:
    client = client_as(Role.ADMINISTRATOR)
    lines = b"username,full_name,role\nbs_hoa,B\xc3\xa1c s\xc4\xa9 Hoa,RADIOLOGIST\n"
    page = client.post("/admin/users/import/", {"file": SimpleUploadedFile("a.csv", lines)})
    assert page.status_code == 200
    assert "Bác sĩ Hoa" in page.content.decode()
    assert not User.objects.filter(username="bs_hoa").exists()
    shown = base64.b64encode(lines).decode()
    page = client.post("/admin/users/import/", {"shown": shown, "take": "1"})
    assert User.objects.get(username="bs_hoa").must_change_password
    assert "bs_hoa" in page.content.decode()


def test_what_is_left_of_a_long_file_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "OPENED_AT_ONCE", 1)
    lines = b"username,full_name,role\nbs_hoa,Hoa,RADIOLOGIST\nbs_nam,Nam,RADIOLOGIST\n"
    form = {"shown": base64.b64encode(lines).decode(), "take": "1"}
    client = client_as(Role.ADMINISTRATOR)
    assert "Còn 1 tài khoản trong tệp" in client.post("/admin/users/import/", form).content.decode()
    assert "trong tệp" not in client.post("/admin/users/import/", form).content.decode()


def test_a_wrong_line_is_named_and_nothing_is_opened() -> None:
    client = client_as(Role.ADMINISTRATOR)
    lines = b"username,full_name,role\nbs_hoa,Hoa,RADIOLOGIST\nbs_nam,Nam,KING\n"
    page = client.post("/admin/users/import/", {"file": SimpleUploadedFile("a.csv", lines), "take": "1"})
    assert page.status_code == 422
    assert "Dòng 3" in page.content.decode()
    assert not User.objects.filter(username="bs_hoa").exists()


@pytest.mark.parametrize("form", [{}, {"shown": "?"}, {"shown": ""}, {"file": SimpleUploadedFile("a", b"\xff")}])
def test_what_is_no_file_is_told_so(form: dict[str, object]) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/admin/users/import/", form)
    assert answer.status_code == 422
