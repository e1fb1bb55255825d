"""An identity system keeps accounts and groups by SCIM 2.0 (RFC 7643, 7644): its own, and nobody else's (P17, Q6)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from pytest_django.fixtures import Settings

from ris_core.access.scopes import Scope
from ris_core.accounts.models import Role, User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.directories.errors import DirectoryRefused
from ris_core.directories.rules import Person
from ris_core.directories.settings import GroupRole
from ris_core.directories.vouching import admit, bring_up_to_date
from ris_core.openid.tests.example_provider import PROVIDER
from ris_core.provisioning.models import ProvisionedAccount
from ris_core.provisioning.services import Wanted
from ris_core.provisioning.settings import Scim
from ris_webapp.api.tests.programs import Program
from ris_webapp.scim import urls
from ris_webapp.scim.resources import read_user
from ris_webapp.tests.people import a_user, client_as

pytestmark = pytest.mark.django_db

USERS, GROUPS = "/scim/v2/Users", "/scim/v2/Groups"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ROLES = (GroupRole(group="RIS-Radiologists", role="RADIOLOGIST"), GroupRole(group="grp-ktv", role="TECHNOLOGIST"))


def switched_on(settings: Settings) -> Program:
    """An identity system whose accounts :data:`PROVIDER` vouches for."""
    quang = settings.QUANG
    settings.QUANG = msgspec.structs.replace(quang, openid=(PROVIDER,), scim=Scim(login=PROVIDER.name, roles=ROLES))
    return Program([Scope.ACCOUNTS_MANAGE], sender="IDP|BVQ")


@pytest.fixture
def idp(settings: Settings) -> Program:
    return switched_on(settings)


def a_person(name: str = "bs.lan@benhvien.vn", **more: Any) -> dict[str, Any]:
    return {
        "schemas": [USER, ENTERPRISE], "userName": name, "externalId": f"id-{name}", "active": True,
        "name": {"familyName": "Nguyễn", "middleName": "Thị", "givenName": "Lan"},
        "emails": [{"value": "old@benhvien.vn"}, {"value": "lan@benhvien.vn", "primary": True}],
        ENTERPRISE: {"department": "CĐHA", "employeeNumber": "NV7"}, **more,
    }  # fmt: skip


def told(idp: Program, method: str, path: str, body: object = None, status: int = 200, **headers: str) -> Any:
    headers.setdefault("Content_Type", "application/scim+json")
    answer = idp.call(method, path, body, **headers)
    assert answer.status_code == status, answer.content
    if status != 204:
        assert answer["Content-Type"] == "application/scim+json"
    return json.loads(answer.content or b"{}")


def patch(idp: Program, path: str, *operations: dict[str, Any], status: int = 200, **headers: str) -> Any:
    return told(idp, "PATCH", path, {"schemas": [PATCH], "Operations": list(operations)}, status, **headers)


def made(idp: Program, name: str = "bs.lan@benhvien.vn", group: str = "RIS-Radiologists") -> tuple[User, str]:
    """An account that is open by a group; and the group's address."""
    key = told(idp, "POST", USERS, a_person(name), 201)["id"]
    found = told(idp, "POST", GROUPS, {"displayName": group, "members": [{"value": key}]}, 201)
    return User.objects.get(pk=key), f"{GROUPS}/{found['id']}"


def test_a_person_is_made_closed_and_a_group_opens_the_account_with_its_role(idp: Program) -> None:
    answer = idp.call("POST", USERS, a_person(), Content_Type="application/scim+json")
    person = json.loads(answer.content)
    assert answer["Location"].endswith(f"/scim/v2/Users/{person['id']}")
    assert answer["ETag"] == person["meta"]["version"]
    user = User.objects.get(pk=person["id"])
    assert (user.username, user.full_name, user.email) == ("bs_lan", "Nguyễn Thị Lan", "lan@benhvien.vn")
    assert (user.department, user.staff_code, user.is_active, user.has_usable_password()) == (
        "CĐHA",
        "NV7",
        False,
        False,
    )
    group = told(idp, "POST", GROUPS, {"displayName": "Ai cũng được", "members": [{"value": person["id"]}]}, 201)
    user.refresh_from_db()
    assert not user.is_active
    patch(idp, f"{GROUPS}/{group['id']}", {"op": "Replace", "path": "externalId", "value": "grp-ktv"})
    user.refresh_from_db()
    assert (user.is_active, user.role) == (True, "TECHNOLOGIST")
    shown = told(idp, "GET", f"{USERS}/{person['id']}")
    assert (shown["userName"], shown["roles"]) == ("bs.lan@benhvien.vn", [{"value": "TECHNOLOGIST"}])
    assert shown["groups"][0]["display"] == "Ai cũng được"
    actions = AuditEvent.objects.filter(subject=f"user:{user.pk}").order_by("pk").values_list("action", "actor")
    assert [action for action, _ in actions] == ["user.created", "user.restored"]
    assert {actor for _, actor in actions} == {f"IDP|BVQ [{idp.key.prefix}]"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "Replace", "value": {"active": "False"}},
        {"op": "replace", "path": f"{USER}:active", "value": False},
    ],
)
def test_who_is_deactivated_is_logged_out_at_once_and_comes_back_when_the_system_says_so(
    idp: Program, operation: dict[str, Any]
) -> None:
    user, _ = made(idp)
    browser = client_as(user=user)
    assert browser.get("/").status_code == 200
    assert patch(idp, f"{USERS}/{user.pk}", operation)["active"] is False
    assert browser.get("/")["Location"].startswith("/login/")
    user.refresh_from_db()
    assert not user.is_active
    assert AuditEvent.objects.filter(action="user.withdrawn", subject=f"user:{user.pk}").exists()
    patch(idp, f"{USERS}/{user.pk}", {"op": "add", "value": {"active": True}})
    user.refresh_from_db()
    assert user.is_active
    assert browser.get("/").status_code == 302, "the old session stays over"


def test_another_group_is_another_role_and_ends_sessions_and_none_closes(idp: Program) -> None:
    user, first = made(idp)
    other = told(idp, "POST", GROUPS, {"displayName": "grp-ktv"}, 201)["id"]
    browser = client_as(user=user)
    member = {"op": "add", "path": "members", "value": [{"value": str(user.pk)}]}
    assert len(patch(idp, f"{GROUPS}/{other}", member, member)["members"]) == 1
    user.refresh_from_db()
    assert user.role == "RADIOLOGIST", "the first line of scim.roles counts"
    patch(idp, first, {"op": "remove", "path": f'members[value eq "{user.pk}"]'})
    user.refresh_from_db()
    assert (user.role, user.is_active) == ("TECHNOLOGIST", True)
    assert browser.get("/").status_code == 302
    told(idp, "DELETE", f"{GROUPS}/{other}", None, 204)
    user.refresh_from_db()
    assert not user.is_active


def test_replacing_says_everything_and_patching_what_it_names(idp: Program) -> None:
    user, _ = made(idp)
    address = f"{USERS}/{user.pk}"
    patch(
        idp, address,
        {"op": "replace", "path": "displayName", "value": "Nguyễn Thị Lan Anh"},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": "anh@benhvien.vn"},
        {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Khoa Khám"},
        {"op": "add", "path": "title", "value": "BS."},
        {"op": "replace", "path": "userName", "value": "bs.anh@benhvien.vn"},
    )  # fmt: skip
    user.refresh_from_db()
    assert (user.full_name, user.email, user.department) == ("Nguyễn Thị Lan Anh", "anh@benhvien.vn", "Khoa Khám")
    assert (user.title, user.username, user.staff_code) == ("BS.", "bs_anh", "NV7")
    patch(idp, address, {"op": "replace", "value": {"name": {"familyName": "Lê", "givenName": "Bình"}}},
          {"op": "remove", "path": "title"})  # fmt: skip
    user.refresh_from_db()
    assert (user.full_name, user.title) == ("Lê Bình", "")
    told(idp, "PUT", address, {"schemas": [USER], "userName": "bs.anh", "displayName": "X"})
    user.refresh_from_db()
    assert (user.full_name, user.email, user.department, user.is_active) == ("X", "", "", True)


def test_lists_are_filtered_and_paged(idp: Program) -> None:
    keys = [told(idp, "POST", USERS, a_person(f"bs{number}@bv.vn"), 201)["id"] for number in range(5)]
    assert told(idp, "GET", f'{USERS}?filter=userName eq "BS3@bv.vn"')["Resources"][0]["id"] == keys[3]
    assert told(idp, "GET", f'{USERS}?filter=externalId eq "id-bs1@bv.vn"')["totalResults"] == 1
    assert told(idp, "GET", f'{USERS}?filter=userName eq "nobody"')["Resources"] == []
    page = told(idp, "GET", f"{USERS}?startIndex=2&count=2")
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, 2, 2)
    assert [each["id"] for each in page["Resources"]] == keys[1:3]
    assert told(idp, "GET", f"{USERS}?count=0")["itemsPerPage"] == 0
    told(idp, "POST", GROUPS, {"displayName": "G", "members": [{"value": keys[0]}]}, 201)
    (group,) = told(idp, "GET", f'{GROUPS}?filter=displayName eq "g"&excludedAttributes=members')["Resources"]
    assert "members" not in group
    for wrong in ("userName co 3", 'userName eq "a" or userName eq "b"', 'password eq "x"'):
        assert told(idp, "GET", f"{USERS}?filter={wrong}", None, 400)["scimType"] == "invalidFilter"


def test_accounts_of_this_site_and_of_another_system_are_neither_seen_nor_touched(idp: Program) -> None:
    local, administrator = a_user(), a_user(Role.ADMINISTRATOR)
    user, _ = made(idp)
    another = Program([Scope.ACCOUNTS_MANAGE], sender="OTHER|BVQ")
    assert told(another, "GET", USERS)["totalResults"] == 0
    for program, key in ((idp, local.pk), (idp, administrator.pk), (another, user.pk)):
        told(program, "GET", f"{USERS}/{key}", None, 404)
        told(program, "PUT", f"{USERS}/{key}", a_person("x.y"), 404)
        patch(program, f"{USERS}/{key}", {"op": "replace", "path": "active", "value": False}, status=404)
        told(program, "DELETE", f"{USERS}/{key}", None, 404)
        wrong = told(program, "POST", GROUPS, {"displayName": f"G{key}", "members": [{"value": str(key)}]}, 400)
        assert wrong["scimType"] == "invalidValue"
    taken = told(idp, "POST", USERS, a_person(administrator.username), 409)
    assert (taken["scimType"], taken["status"]) == ("uniqueness", "409")
    assert told(idp, "PUT", f"{USERS}/{user.pk}", a_person(local.username.upper()), 409)["scimType"] == "uniqueness"
    assert set(User.objects.filter(is_active=True)) == {local, administrator, user}


def test_who_was_deleted_is_gone_from_there_and_the_same_person_when_made_again(idp: Program) -> None:
    user, group = made(idp)
    told(idp, "DELETE", f"{USERS}/{user.pk}", None, 204)
    told(idp, "GET", f"{USERS}/{user.pk}", None, 404)
    told(idp, "DELETE", f"{USERS}/{user.pk}", None, 404)
    assert told(idp, "GET", group)["members"] == []
    user.refresh_from_db()
    assert not user.is_active
    again = told(idp, "POST", USERS, a_person(), 201)
    assert again["id"] == str(user.pk)
    user.refresh_from_db()
    assert not user.is_active, "without a group there is no role"


def test_a_version_that_has_changed_meanwhile_is_not_overwritten(idp: Program) -> None:
    user, group = made(idp)
    address = f"{USERS}/{user.pk}"
    seen = told(idp, "GET", address)["meta"]["version"]
    patch(idp, address, {"op": "add", "path": "title", "value": "BS."}, If_Match=seen)
    told(idp, "PUT", address, a_person(), 412, If_Match=seen)
    old = told(idp, "GET", group)["meta"]["version"]
    told(idp, "PUT", group, {"displayName": "RIS-Radiologists"}, If_Match=old)
    told(idp, "PUT", group, {"displayName": "RIS-Radiologists"}, 412, If_Match=old)


def test_what_is_patched_is_not_what_somebody_has_closed_meanwhile(
    idp: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = told(idp, "POST", USERS, a_person(), 201)
    address = f"{USERS}/{made['id']}"

    def closed_meanwhile(body: object) -> Wanted:
        monkeypatch.undo()
        patch(idp, address, {"op": "replace", "path": "active", "value": False})
        return read_user(body)

    monkeypatch.setattr(urls, "read_user", closed_meanwhile)
    patch(idp, address, {"op": "add", "path": "title", "value": "BS."}, status=412)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"userName": "x"}, "invalidValue"),
        ({"userName": "có dấu"}, "invalidValue"),
        ({"userName": "bs.lan", "emails": [{"value": "no address"}]}, "invalidValue"),
        ({"userName": "bs.lan", "active": "perhaps"}, "invalidValue"),
        ({"userName": "bs.lan", "password": "Quang-2026-thu!"}, "invalidValue"),
        ({"userName": "a" * 200}, "invalidValue"),
        ({"schemas": ["urn:x"], "userName": "bs.lan"}, "invalidSyntax"),
        ([], "invalidSyntax"),
        (b"{", "invalidSyntax"),
    ],
)
def test_what_is_wrong_is_said_as_the_rfc_has_it_and_makes_nothing(idp: Program, body: object, kind: str) -> None:
    refused = told(idp, "POST", USERS, body, 400)
    assert (refused["schemas"], refused["scimType"]) == (["urn:ietf:params:scim:api:messages:2.0:Error"], kind)
    assert not ProvisionedAccount.objects.exists()


@pytest.mark.parametrize(
    "operation",
    [{"op": "move", "path": "title"}, {"op": "remove"}, {"op": "replace", "path": "a.b.c", "value": 1},
     {"op": "add", "path": "emails[type co \"w\"]", "value": 1}, {"op": "add", "value": "x"}],
)  # fmt: skip
def test_operations_that_are_not_understood_change_nothing(idp: Program, operation: dict[str, Any]) -> None:
    user, _ = made(idp)
    refused = patch(idp, f"{USERS}/{user.pk}", {"op": "add", "path": "title", "value": "X"}, operation, status=400)
    assert refused["scimType"] == "invalidPath"
    user.refresh_from_db()
    assert user.title == ""


def test_it_needs_its_own_scope_a_key_and_to_be_switched_on(idp: Program, settings: Settings) -> None:
    all_others = Program([scope for scope in Scope if scope != Scope.ACCOUNTS_MANAGE])
    for path in (USERS, GROUPS, f"{USERS}/1", "/scim/v2/Schemas", "/scim/v2/ServiceProviderConfig"):
        told(all_others, "GET", path, None, 403)
        assert idp.client.get(path).status_code == 401
    settings.QUANG = msgspec.structs.replace(settings.QUANG, scim=Scim())
    told(idp, "POST", USERS, a_person(), 403)
    assert not ProvisionedAccount.objects.exists()


def test_what_the_server_does_is_described(idp: Program) -> None:
    config = told(idp, "GET", "/scim/v2/ServiceProviderConfig")
    assert (config["patch"]["supported"], config["bulk"]["supported"], config["etag"]["supported"]) == (
        True,
        False,
        True,
    )
    assert {each["id"] for each in told(idp, "GET", "/scim/v2/ResourceTypes")["Resources"]} == {"User", "Group"}
    schemas = told(idp, "GET", "/scim/v2/Schemas")["Resources"]
    assert {each["id"] for each in schemas} >= {USER, ENTERPRISE}
    assert told(idp, "GET", f"/scim/v2/Schemas/{USER}")["name"] == "User"
    for path in ("/scim/v2/Nothing", "/scim/v2/ResourceTypes/Nothing", "/scim/v2/a/b/c"):
        assert idp.call("GET", path).status_code == 404
    told(idp, "POST", "/scim/v2/Schemas", {}, 405)


def test_the_provider_vouches_for_the_name_and_the_groups_say_the_role(idp: Program) -> None:
    user, group = made(idp)
    person = Person(subject="s" * 32, name="bs.lan", full_name="Lan ở nơi khác", groups=frozenset())
    assert admit(PROVIDER.name, person, None, SYSTEM) == user
    user.refresh_from_db()
    assert (user.full_name, user.role) == ("Nguyễn Thị Lan", "RADIOLOGIST")
    bring_up_to_date(PROVIDER.name, person.subject, person, None)
    user.refresh_from_db()
    assert user.is_active
    with pytest.raises(DirectoryRefused):  # somebody else of the same name there
        admit(
            PROVIDER.name,
            Person(subject="t" * 32, name="bs.lan", full_name="X", groups=frozenset()),
            "RADIOLOGIST",
            SYSTEM,
        )
    with pytest.raises(DirectoryRefused):  # another provider vouches for nobody's account
        admit(
            "another", Person(subject="u" * 32, name="bs.lan", full_name="X", groups=frozenset()), "RADIOLOGIST", SYSTEM
        )
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": False})
    with pytest.raises(DirectoryRefused):
        admit(PROVIDER.name, person, "RADIOLOGIST", SYSTEM)
    patch(idp, f"{USERS}/{user.pk}", {"op": "replace", "path": "active", "value": True})
    told(idp, "DELETE", group, None, 204)
    with pytest.raises(DirectoryRefused):
        admit(PROVIDER.name, person, "RADIOLOGIST", SYSTEM)


def test_settings_that_open_no_account_are_refused() -> None:
    with pytest.raises(ValueError, match=r"scim\.roles"):
        Scim(login="sso")
