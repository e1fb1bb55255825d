"""The screen of roles: what is ticked is what is allowed, at once, for who is logged in (P17)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ris_core.accounts import roles
from ris_core.accounts.models import Role, SiteRole
from ris_core.accounts.rules import READY_ROLES, Function
from ris_webapp.role_words import FUNCTION_WORDS
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    yield
    roles.forget()


def test_every_function_has_its_words_and_its_place() -> None:
    assert set(FUNCTION_WORDS) == set(Function)


def test_a_copy_is_made_changed_withdrawn_and_given_back() -> None:
    client = client_as(Role.ADMINISTRATOR)
    page = client.get("/admin/roles/new/?copy=CLINICIAN").content.decode()
    assert page.count("checked") == len(READY_ROLES["CLINICIAN"])
    form = {"name": "Bác sĩ cấp cứu", "functions": ["view_worklist", "view_images"]}
    assert client.post("/admin/roles/new/", form).status_code == 302
    role = SiteRole.objects.get()
    assert client.post(f"/admin/roles/{role.code}/", {**form, "functions": ["view_worklist"]}).status_code == 302
    client.post(f"/admin/roles/{role.code}/withdraw/")
    assert not SiteRole.objects.get().active
    client.post(f"/admin/roles/{role.code}/restore/")
    assert SiteRole.objects.get().active
    page = client.get(f"/admin/roles/{role.code}/").content.decode()
    assert "Cho dùng lại vai trò" in page
    assert "Bác sĩ cấp cứu" in client.get("/admin/roles/").content.decode()


def test_what_is_taken_away_is_refused_at_the_next_click_and_no_longer_shown() -> None:
    administrator, technologist = client_as(Role.ADMINISTRATOR), client_as(Role.TECHNOLOGIST)
    assert technologist.get("/unmatched/").status_code == 200
    left = READY_ROLES["TECHNOLOGIST"] - {Function.RESOLVE_UNMATCHED}
    answer = administrator.post("/admin/roles/TECHNOLOGIST/", {"name": "Kỹ thuật viên", "functions": list(left)})
    assert answer.status_code == 302
    assert technologist.get("/unmatched/").status_code == 403
    assert "/unmatched/" not in technologist.get("/devices/").content.decode()
    assert SiteRole.objects.get().name == ""


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "", "functions": ["view_worklist"]}, "Hãy ghi một tên"),
        ({"name": "Trực"}, "Hãy chọn ít nhất một quyền"),
    ],
)
def test_what_is_wrong_is_said_beside_it(form: dict[str, object], told: str) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/admin/roles/new/", form)
    assert answer.status_code == 422
    assert told in answer.content.decode()


def test_nobody_locks_themselves_and_everybody_out() -> None:
    answer = client_as(Role.ADMINISTRATOR).post(
        "/admin/roles/ADMINISTRATOR/", {"name": "Quản trị", "functions": ["view_worklist"]}
    )
    assert answer.status_code == 422
    assert "Phải còn ít nhất một người" in answer.content.decode()


def test_it_knows_the_technical_screens_and_no_accounts() -> None:
    client = client_as(Role.IT)
    assert client.get("/admin/jobs/").status_code == 200
    for address in ("/admin/roles/", "/admin/users/", "/admin/api-keys/", "/worklist/rows/", "/patients/"):
        assert client.get(address).status_code == 403, address


def test_who_has_no_worklist_begins_elsewhere() -> None:
    assert client_as(Role.IT).get("/")["Location"] == "/devices/"
    assert client_as(Role.AUDITOR).get("/")["Location"] == "/audit/"
    assert client_as(Role.TECHNOLOGIST).get("/").status_code == 200
