"""Nobody gets more than they have: forged fields, other people's things, old sessions, redirections (P3, Q6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.forms.models import model_to_dict
from django.test import Client
from django.utils import timezone

from ris_core.access.models import UserSession
from ris_core.accounts import roles
from ris_core.accounts.models import Role, User
from ris_core.accounts.rules import Function
from ris_core.exam_lists.models import Folder, SavedList
from ris_core.reports.models import Phrase
from ris_core.sharing.models import Lock, Share
from ris_core.signatures.models import SigningBatch, SigningCredential
from ris_core.statistics.models import RegisterExport
from ris_testing.exams import an_exam
from ris_webapp.tests.address_table import ADDRESSES, PATTERNS
from ris_webapp.tests.people import PASSWORD, a_role, a_user, client_as
from ris_webapp.tests.things import Things

pytestmark = [pytest.mark.django_db, pytest.mark.once]

FORGED = {
    "role": "ADMINISTRATOR", "roles": "ADMINISTRATOR", "functions": "administer", "is_superuser": "1", "is_staff": "1",
    "is_active": "1", "user": "1", "user_id": "1", "id": "1", "pk": "1", "username": "admin", "password": "x",
    "second_factor": "", "sees_own_only": "", "origin": "LOCAL", "user_permissions": "1", "groups": "1",
}  # fmt: skip
"""Fields that decide who somebody is: no form of theirs has them."""
POWERS = ("role", "is_superuser", "is_active", "username", "origin", "password")


def _powers(user: User) -> dict[str, Any]:
    user.refresh_from_db()
    return {name: getattr(user, name) for name in POWERS if hasattr(user, name)}


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.REFERRER])
def test_forged_fields_in_any_form_give_no_power(role: str) -> None:
    user, other = a_user(role), a_user(Role.ADMINISTRATOR)
    client, things = client_as(user=user), Things()
    things.keys["user_id"] = user.pk
    client.raise_request_exception = False
    before, others = _powers(user), _powers(other)
    for address in ADDRESSES.values():
        if "POST" in address.methods and address.name not in ("login:logout", "login:login"):
            client.post(things.path(address.name), FORGED)
            client.post(things.path(address.name), FORGED, content_type="application/json")
    assert (_powers(user), _powers(other)) == (before, others)
    assert User.objects.filter(role=Role.ADMINISTRATOR).count() == 1
    assert client.get("/admin/users/").status_code == 403


def test_who_manages_accounts_sets_nothing_that_the_form_has_not() -> None:
    """Mass assignment."""
    target, client = a_user(), client_as(Role.ADMINISTRATOR)
    before = model_to_dict(target)
    entered = {"username": target.username, "full_name": "Tên mới", "role": target.role, "is_superuser": "1",
               "password": "x", "is_active": "", "sessions_ended": "7"}  # fmt: skip
    assert client.post(f"/admin/users/{target.pk}/", entered).status_code == 302
    target.refresh_from_db()
    after = model_to_dict(target)
    assert {name for name in before if before[name] != after[name]} == {"full_name"}


# ---- other people's things ----


def _things_of(owner: User) -> dict[str, tuple[str, Any]]:
    """One of each thing that belongs to one person: the argument that names it, and the thing."""
    now = timezone.now()
    made = {
        "share_id": Share.objects.create(
            handle="0123456789ab", digest="d" * 64, receiver="BS Minh", lock=Lock.NONE, created_by=owner,
            created_at=now, expires_at=now + timedelta(days=1),
        ),
        "list_id": SavedList.objects.create(owner=owner, name="Của tôi"),
        "folder_id": Folder.objects.create(owner=owner, name="Của tôi"),
        "phrase_id": Phrase.objects.create(owner=owner, abbreviation="bt", text="Bí mật của tôi"),
        "batch_id": SigningBatch.objects.create(owner=owner, state="RUNNING", started_at=now),
        "credential_id": SigningCredential.objects.create(
            owner=owner, kind="PKCS12", subject="CN=x", issuer="y", serial="1", not_before=now,
            not_after=now + timedelta(days=1), certificate=b"x", added_at=now,
        ),
        "export_id": RegisterExport.objects.create(
            asked_by=owner, asked_at=now, first=now.date(), last=now.date(), wording={}, line_count=1,
        ),
        "session_id": UserSession.objects.create(
            key="k" * 32, user=owner, began_at=now, used_at=now, sessions_ended=owner.sessions_ended,
        ),
    }  # fmt: skip
    return {argument: (argument, thing) for argument, thing in made.items()}


def test_other_peoples_things_are_neither_shown_nor_changed() -> None:
    """By whoever has every function but that of managing everybody's; each address with the number of such a thing."""
    owner = a_user()
    stranger = a_user(a_role(*(set(Function) - {Function.MANAGE_SHARES})))
    client, things = client_as(user=stranger), Things()
    client.raise_request_exception = False
    owned = _things_of(owner)
    before = {name: model_to_dict(thing) for name, (_, thing) in owned.items()}
    things.keys |= {name: thing.pk for name, (_, thing) in owned.items()} | {"step": "cancel"}
    walked = set()
    for address in ADDRESSES.values():
        named = set(PATTERNS[address.name].pattern.converters) & set(owned)
        for method in ("GET", "POST") if named else ():
            if method in address.methods:
                entered = {"reason": "vì tôi muốn", "secret": "1234", "active": "0", "expires_at": "2030-01-01"}
                answer = client.generic(
                    method, things.path(address.name), "&".join(f"{k}={v}" for k, v in entered.items()),
                    "application/x-www-form-urlencoded",
                )  # fmt: skip
                assert answer.status_code in (302, 403, 404), (address.name, answer.status_code)
                walked |= named
    assert walked == set(owned)
    roles.forget()
    for name, (_, thing) in owned.items():
        thing.refresh_from_db()
        assert model_to_dict(thing) == before[name], name
    page = client.get(f"/phrases/?edit={owned['phrase_id'][1].pk}").content.decode()
    assert "Bí mật của tôi" not in page


# ---- sessions ----


def test_a_session_that_somebody_planted_is_not_the_one_that_logs_in() -> None:
    user, client = a_user(), Client()
    client.get("/login/")
    planted = client.session
    planted["planted"] = "1"
    planted.save()
    client.cookies["quang_session"] = str(planted.session_key)
    assert client.post("/login/", {"username": user.username, "password": PASSWORD}).status_code == 302
    assert client.session.session_key != planted.session_key
    assert "planted" not in client.session
    attacker = Client()
    attacker.cookies["quang_session"] = str(planted.session_key)
    assert attacker.get("/").status_code == 302


@pytest.mark.parametrize("key", ["x", "a" * 32, "../../etc/passwd", "a" * 5000, "%00", "1 OR 1=1"])
def test_a_session_is_not_guessed_or_chosen(key: str) -> None:
    client = Client()
    client.cookies["quang_session"] = key
    answer = client.post("/login/", {"username": a_user().username, "password": PASSWORD})
    assert client.session.session_key != key
    assert answer.status_code == 302


def test_what_is_taken_from_a_role_is_refused_in_an_open_session() -> None:
    user = a_user(Role.ADMINISTRATOR)
    a_user(Role.ADMINISTRATOR)
    client = client_as(user=user)
    assert client.get("/admin/users/").status_code == 200
    User.objects.filter(pk=user.pk).update(role=Role.CLINICIAN)
    assert client.get("/admin/users/").status_code in (302, 403)


# ---- redirections ----

ELSEWHERE = [
    "https://evil.example/", "//evil.example", "///evil.example", "http:evil.example", "/\\evil.example",
    "\\\\evil.example", "https:///evil.example", "javascript:alert(1)", "data:text/html,x", "http://testserver@evil.example",
    "http://testserver.evil.example/", "/%09/evil.example", "\t//evil.example", " //evil.example", "/\t/evil.example",
    "https://testserver:pw@evil.example/", "//evil.example/..", "ftp://testserver/", "/\r\nLocation: https://evil.example",
]  # fmt: skip


@pytest.mark.parametrize("where", ELSEWHERE)
def test_no_next_leads_to_another_site(where: str) -> None:
    user, exam = a_user(Role.ADMINISTRATOR), an_exam()
    client = client_as(user=user)
    asked = [
        client.get("/login/", {"next": where}),
        client.post("/preferences/", {"next": where, "theme": "dark"}),
        client.post("/language/", {"next": where, "language": "en"}),
        client.post(f"/patients/{exam.patient_id}/confidential", {"next": where}),
        Client().post("/login/", {"username": user.username, "password": PASSWORD, "next": where}),
    ]
    for answer in asked:
        location = answer.headers.get("Location", "/")
        assert location.startswith("/"), (where, location)
        assert not location.startswith(("//", "/\\", "/\t", "/\r", "/\n")), (where, location)
