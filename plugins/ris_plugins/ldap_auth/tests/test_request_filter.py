from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from django.conf import settings
from django.db import DatabaseError

from orthanc_host.fakes import FakeHost
from orthanc_host.host import HttpRequest
from ris_core.access.ended_grants import EndedGrants
from ris_core.access.signing import Keyring
from ris_core.access.tokens import ResultLink, issue_result_link, issue_viewer_token, viewer_cookie_name
from ris_core.access.tools import Account, ToolCallers
from ris_core.accounts.models import Role
from ris_core.accounts.rules import READY_ROLES, Function
from ris_core.audit.counted import Read
from ris_core.audit.models import ActorKind
from ris_core.errors import SettingsInvalid
from ris_core.identifiers import StudyInstanceUID
from ris_plugins.ldap_auth import plugin
from ris_plugins.ldap_auth.codec import bearer_token, cookies_named
from ris_plugins.ldap_auth.service import RequestFilter
from ris_plugins.ldap_auth.settings import GRANTS_A_REQUEST, GRANTS_REMEMBERED

A, B = StudyInstanceUID("1.2.840.1"), StudyInstanceUID("1.2.840.2")
KEYRING = Keyring.from_text("k" * 43)
TOKENS = {"web": "w" * 43, "worker": "r" * 43, "monitor": "m" * 43}
STUDY_A = f"/dicom-web/studies/{A}/metadata"


def nothing_ended() -> EndedGrants:
    ended = EndedGrants(frozenset)
    ended.refresh()
    return ended


@pytest.fixture
def request_filter() -> RequestFilter:
    return RequestFilter(KEYRING, TOKENS, nothing_ended())


def cookie(*uids: str, minutes: float = 60) -> str:
    expires_at = datetime.now(UTC) + timedelta(minutes=minutes)
    return f"{viewer_cookie_name(uids)}={issue_viewer_token(KEYRING, uids, 'bs_lan', expires_at, grant='session:test')}"


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/", "/system", "/studies", "/app/explorer.html", STUDY_A, "/dicom-web/studies"])
@pytest.mark.parametrize("headers", [{}, {"cookie": ""}, {"cookie": "sessionid=1"}, {"authorization": ""}])
def test_nobody_gets_nothing(request_filter: RequestFilter, path: str, headers: dict[str, str]) -> None:
    assert not request_filter.allows("GET", path, headers, {})


def test_services_get_what_they_need(request_filter: RequestFilter) -> None:
    for service, token in TOKENS.items():
        assert request_filter.allows("GET", "/system", bearer(token), {})
        assert not request_filter.allows("POST", "/tools/shutdown", bearer(token), {}), service
    assert request_filter.allows("GET", "/changes", bearer(TOKENS["worker"]), {})
    assert not request_filter.allows("GET", "/changes", bearer(TOKENS["web"]), {})


@pytest.mark.parametrize(
    "authorization",
    ["Bearer", "Bearer ", "bearer", f"Basic {TOKENS['web']}", TOKENS["web"], f"Bearer {TOKENS['web'][:-1]}",
     f"Bearer {TOKENS['web']}x", "Bearer é", f"Bearer {TOKENS['web']},{TOKENS['worker']}"],
)  # fmt: skip
def test_what_is_not_exactly_a_services_token_is_nobodys(request_filter: RequestFilter, authorization: str) -> None:
    assert not request_filter.allows("GET", "/system", {"authorization": authorization}, {})


def test_a_viewer_gets_the_granted_study_and_no_other(request_filter: RequestFilter) -> None:
    headers = {"cookie": f"sessionid=x; {cookie(A)}; theme=dark"}
    assert request_filter.allows("GET", STUDY_A, headers, {})
    assert not request_filter.allows("GET", f"/dicom-web/studies/{B}/metadata", headers, {})
    assert request_filter.allows("GET", "/dicom-web/studies", headers, {"StudyInstanceUID": A})
    assert not request_filter.allows("GET", "/dicom-web/studies", headers, {"StudyInstanceUID": f"{A},{B}"})
    assert not request_filter.allows("GET", "/dicom-web/studies", headers, {"00100020": "BN001"})
    assert not request_filter.allows("GET", "/system", headers, {})
    assert not request_filter.allows("DELETE", STUDY_A, headers, {})


def test_grants_of_several_cookies_add_up(request_filter: RequestFilter) -> None:
    headers = {"cookie": f"{cookie(A)}; {cookie(B)}"}
    assert request_filter.allows("GET", "/dicom-web/studies", headers, {"StudyInstanceUID": f"{A},{B}"})


def test_a_grant_ends_though_it_was_remembered(request_filter: RequestFilter, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"cookie": cookie(A, minutes=1)}
    assert request_filter.allows("GET", STUDY_A, headers, {})

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(minutes=2)

    monkeypatch.setattr("ris_plugins.ldap_auth.service.datetime", Later)
    assert not request_filter.allows("GET", STUDY_A, headers, {})


def test_a_bearer_token_is_not_helped_by_a_cookie(request_filter: RequestFilter) -> None:
    assert not request_filter.allows("GET", STUDY_A, {**bearer("x"), "cookie": cookie(A)}, {})


def test_a_result_link_is_no_viewer_token(request_filter: RequestFilter) -> None:
    link = ResultLink("HIS", 1, 1, frozenset({A}), datetime.now(UTC) + timedelta(hours=1))
    headers = {"cookie": f"quang_view_0={issue_result_link(KEYRING, link)}"}
    assert not request_filter.allows("GET", STUDY_A, headers, {})


def test_a_token_signed_with_another_key_is_refused(request_filter: RequestFilter) -> None:
    other = Keyring.from_text("z" * 43)
    token = issue_viewer_token(other, [A], "u", datetime.now(UTC) + timedelta(hours=1), grant="session:test")
    assert not request_filter.allows("GET", STUDY_A, {"cookie": f"quang_view_0={token}"}, {})


def test_memory_does_not_grow_with_what_is_sent(request_filter: RequestFilter) -> None:
    for number in range(GRANTS_REMEMBERED + 10):
        expires_at = datetime.now(UTC) + timedelta(hours=1, seconds=number)
        token = issue_viewer_token(KEYRING, [A], "u", expires_at, grant="session:test")
        assert request_filter.allows("GET", STUDY_A, {"cookie": f"quang_view_0={token}"}, {})
        assert not request_filter.allows("GET", STUDY_A, {"cookie": f"quang_view_0={token}x"}, {})
    assert len(request_filter._grants) <= GRANTS_REMEMBERED


def test_more_cookies_than_a_browser_has_are_ignored(request_filter: RequestFilter) -> None:
    rubbish = "; ".join(f"quang_view_{n}=x" for n in range(GRANTS_A_REQUEST))
    assert not request_filter.allows("GET", STUDY_A, {"cookie": f"{rubbish}; {cookie(A)}"}, {})


SEEING = {role for role, functions in READY_ROLES.items() if Function.VIEW_IMAGES in functions}
BY_ROLE = [
    # method, path, who gets it
    ("GET", "/system", SEEING),
    ("GET", STUDY_A, SEEING),
    ("POST", "/tools/find", SEEING),
    ("GET", "/studies", {"TECHNOLOGIST", "ADMINISTRATOR"}),
    ("GET", "/quang/callbacks", {"ADMINISTRATOR", "IT"}),
    *((method, path, set[str]()) for method, path in (
        ("DELETE", STUDY_A), ("POST", "/instances"), ("POST", "/tools/shutdown"), ("GET", "/changes"),
        ("PUT", "/studies"), ("GET", "/app/explorer.html"), ("POST", "/dicom-web/studies"), ("GET", "/jobs"),
        ("POST", "/tools/execute-script"),
        ("GET", "/studies/../system"), ("POST", "/tools/create-archive"), ("GET", "/modalities"), ("GET", "/patients"),
    )),
]  # fmt: skip


def with_tools(role: str) -> RequestFilter:
    account = Account(1, "u", READY_ROLES[role], "")
    return RequestFilter(KEYRING, TOKENS, nothing_ended(), ToolCallers(lambda *_: account, lambda _: account))


@pytest.mark.parametrize(("method", "path", "roles"), BY_ROLE)
def test_a_persons_program_gets_what_their_role_may_and_changes_nothing(
    method: str, path: str, roles: set[str]
) -> None:
    headers = {"authorization": "Basic dTpw"}
    assert {role for role in Role.values if with_tools(role).allows(method, path, headers, {})} == roles


def test_what_a_persons_program_reads_is_written_down_as_what_their_viewer_reads() -> None:
    tools, headers = with_tools(Role.RADIOLOGIST), {"authorization": "Basic dTpw"}
    file = "/instances/" + "-".join(["0123abcd"] * 5) + "/file"
    for path in (STUDY_A, STUDY_A, file, "/system"):
        assert tools.allows("GET", path, headers, {}, "10.0.0.9")
    assert not with_tools(Role.RECEPTION).allows("GET", STUDY_A, headers, {}, "10.0.0.9")
    seen = tools.reads._counts
    assert seen == {
        Read(ActorKind.USER, "u", "10.0.0.9", "images.read", A): 2,
        Read(ActorKind.USER, "u", "10.0.0.9", "images.read"): 1,
    }


def test_names_and_passwords_mean_nothing_unless_they_are_switched_on(request_filter: RequestFilter) -> None:
    assert not request_filter.allows("GET", "/system", {"authorization": "Basic dTpw"}, {})


def test_a_program_that_is_not_known_is_not_helped_by_a_cookie() -> None:
    refusing = RequestFilter(KEYRING, TOKENS, nothing_ended(), ToolCallers(lambda *_: None, lambda _: None))
    assert not refusing.allows("GET", STUDY_A, {"authorization": "Basic dTpw", "cookie": cookie(A)}, {})


def test_the_plugin_closes_the_engine() -> None:
    (settings.QUANG.secrets_dir / "service_token_monitor").write_text("m" * 43)
    host = FakeHost()
    plugin.register(host, settings.QUANG)
    token = settings.QUANG.secret("service_token_web")
    assert not host.allows(HttpRequest("GET", "/system", address="127.0.0.1"))
    assert host.allows(HttpRequest("GET", "/system", {"authorization": f"Bearer {token}"}))


def test_tokens_and_keys_are_exchanged_without_a_restart(tmp_path: Path) -> None:
    """Both are taken meanwhile; what is retired is taken no more, nor are viewers that were let in by it."""
    for service in TOKENS:
        (tmp_path / f"service_token_{service}").write_text(f"{service:-<43}")
    (tmp_path / "viewer_signing_key").write_text("k" * 43)
    quang = msgspec.structs.replace(settings.QUANG, secrets_dir=tmp_path)
    known = RequestFilter.from_settings(quang, nullcontext)
    known._ended = nothing_ended()
    old, new = bearer(f"{'web':-<43}"), bearer("n" * 43)
    assert known.allows("GET", STUDY_A, {"cookie": cookie(A)}, {})
    (tmp_path / "service_token_web").write_text("n" * 43 + f"\n{'web':-<43}")
    (tmp_path / "viewer_signing_key").write_text("v" * 43 + "\n" + "k" * 43)
    assert not known.allows("GET", "/system", new, {})
    known.learn_secrets(quang)
    assert known.allows("GET", "/system", new, {})
    assert known.allows("GET", "/system", old, {})
    assert known.allows("GET", STUDY_A, {"cookie": cookie(A)}, {})
    assert quang.secret_lines("service_token_web")[-1] == f"{'web':-<43}"  # what services show until it is retired
    (tmp_path / "service_token_web").write_text("n" * 43)
    (tmp_path / "viewer_signing_key").write_text("v" * 43)
    known.learn_secrets(quang)
    assert known.allows("GET", "/system", new, {})
    assert not known.allows("GET", "/system", old, {})
    assert not known.allows("GET", STUDY_A, {"cookie": cookie(A)}, {})
    (tmp_path / "viewer_signing_key").unlink()
    known.learn_secrets(quang)
    assert known.allows("GET", "/system", new, {})


def test_without_its_secrets_the_engine_does_not_start_open(tmp_path: object) -> None:
    with pytest.raises(SettingsInvalid):
        plugin.register(FakeHost(), msgspec.structs.replace(settings.QUANG, secrets_dir=tmp_path))


@pytest.mark.parametrize(
    ("header", "token"), [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", ""), ("", ""), ("abc", "")]
)
def test_bearer_tokens_are_read_from_their_header(header: str, token: str) -> None:
    assert bearer_token(header) == token


def test_cookies_are_found_by_the_beginning_of_their_name() -> None:
    assert cookies_named("a=1; quang_view_1=x=y;quang_view_2=; quang_view_3 =z;xquang_view_=q", "quang_view_") == [
        "x=y", "z",
    ]  # fmt: skip


def test_a_token_ends_with_its_grant() -> None:
    ended: set[str] = set()
    grants = EndedGrants(lambda: frozenset(ended))
    grants.refresh()
    request_filter = RequestFilter(KEYRING, TOKENS, grants)
    headers = {"cookie": cookie(A)}
    assert request_filter.allows("GET", STUDY_A, headers, {})
    ended.add("session:test")
    grants.refresh()
    assert not request_filter.allows("GET", STUDY_A, headers, {})


def test_the_filter_learns_of_ended_grants_on_its_own_thread(db: None) -> None:
    class Twice:
        looks = 0

        def is_set(self) -> bool:
            self.looks += 1
            return self.looks > 2

        def wait(self, timeout: float | None = None) -> bool:
            return False

    readings = []

    def read() -> frozenset[str]:
        readings.append(1)
        if len(readings) == 1:
            raise DatabaseError
        return frozenset()

    grants = EndedGrants(read)
    request_filter = RequestFilter(KEYRING, TOKENS, grants)
    assert not request_filter.allows("GET", STUDY_A, {"cookie": cookie(A)}, {})
    request_filter.keep_informed(nullcontext, Twice())
    assert len(readings) == 2
    assert request_filter.allows("GET", STUDY_A, {"cookie": cookie(A)}, {})
