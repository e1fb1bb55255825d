"""Senders and profiles on the screen: editing, versions, the test bench, files, and who may."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from ris_core.accounts.models import Role
from ris_core.audit.services import SYSTEM
from ris_core.intake.models import ProfileVersion, Sender, SenderProfile
from ris_core.intake.profile import profile_from
from ris_core.intake.profiles import create_profile, newest_version
from ris_core.intake.ready import ready_profiles
from ris_core.intake.senders import forget_senders
from ris_core.intake.tests.messages import order_message
from ris_core.messages.models import InboundMessage
from ris_webapp.screens.profiles import labels
from ris_webapp.screens.profiles.editing import entered, shown
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db

SENDER = {"identity": "HIS|BVX", "name": "HIS", "active": "on", "networks": "", "certificate": "", "charset": ""}


@pytest.fixture(autouse=True)
def nothing_kept_in_memory() -> Iterator[None]:
    forget_senders()
    yield
    forget_senders()


def a_profile(content: dict[str, Any] | None = None) -> SenderProfile:
    return create_profile("his-a", "HIS A", content or {}, SYSTEM)


def as_form(content: dict[str, Any], **more: str) -> dict[str, str]:
    return {**shown(content).values, **more}


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.TECHNOLOGIST, Role.RECEPTION, Role.CLINICIAN])
def test_only_administrators_see_and_change_them(role: Role) -> None:
    profile = a_profile()
    client = client_as(role)
    for address in ("", "new/", "senders/new/", f"{profile.pk}/", f"{profile.pk}/export/", f"{profile.pk}/versions/1/"):
        assert client.get(f"/profiles/{address}").status_code == 403
    for address in ("import/", f"{profile.pk}/try/", f"{profile.pk}/versions/1/restore/"):
        assert client.post(f"/profiles/{address}").status_code == 403


def test_every_part_of_a_profile_has_a_field() -> None:
    own = {*labels.RIGHTS, "description", "message_types", "undeclared_charset"}
    assert own | {*labels.PLACES, "words"} == set(type(profile_from({})).__struct_fields__)
    for part, names in labels.PLACES.items():
        others = {"identifiers", "default_issuer", "name_order"} if part == "patient" else set()
        assert set(names) | others == set(type(getattr(profile_from({}), part)).__struct_fields__)
    assert tuple(labels.WORDS) == type(profile_from({}).words).__struct_fields__ or set(labels.WORDS) == set(
        type(profile_from({}).words).__struct_fields__
    )


@pytest.mark.parametrize("ready", ready_profiles(), ids=lambda ready: str(ready.code))
def test_a_profile_goes_through_the_form_unchanged(ready: Any) -> None:
    form = entered(shown(ready.content).values)
    assert form.errors == {}
    assert form.profile == profile_from(ready.content)


def test_a_profile_is_made_from_a_ready_one_and_edited_into_versions() -> None:
    client = client_as(Role.ADMINISTRATOR)
    answer = client.post("/profiles/new/", {"name": "HIS A", "code": "his-a", "ready": "vn-his-z-segments"})
    profile = SenderProfile.objects.get()
    assert answer.headers["Location"] == f"/profiles/{profile.pk}/"
    first = newest_version(profile)
    changed = as_form(first.content, **{"order.accession_number": "ZOR-9, OBR-18", "based_on": "1", "comment": "ZOR-9"})
    assert client.post(f"/profiles/{profile.pk}/", changed).status_code == 302
    second = newest_version(profile)
    assert (second.number, second.content["order"]["accession_number"]) == (2, ["ZOR-9", "OBR-18"])
    page = client.get(f"/profiles/{profile.pk}/versions/2/").content.decode()
    assert "Số phiếu (Accession Number)" in page
    assert "ZOR-9, OBR-18" in page
    assert client.post(f"/profiles/{profile.pk}/versions/1/restore/").status_code == 302
    assert newest_version(profile).content == first.content
    assert client.post(f"/profiles/{profile.pk}/", changed).status_code == 409


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("order.accession_number", "OBR-18, OBX"),
        ("order.service_code", "-"),
        ("patient.identifiers", "PID"),
        ("words.order_controls", "MOI"),
        ("words.order_controls", "MOI = QQ"),
        ("words.pregnancy", "CO = 9"),
        ("undeclared_charset", "klingon"),
        ("message_types", "orders"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_saved(path: str, text: str) -> None:
    profile = a_profile()
    answer = client_as(Role.ADMINISTRATOR).post(
        f"/profiles/{profile.pk}/", as_form({}, **{path: text, "based_on": "1"})
    )
    assert answer.status_code == 422
    assert f'aria-describedby="{path}-error"' in answer.content.decode()
    assert ProfileVersion.objects.count() == 1


def test_the_bench_reads_by_the_form_and_writes_nothing() -> None:
    profile = a_profile()
    raw = order_message(more="ZOR|Z-77").decode()
    form = as_form({}, **{"order.accession_number": "ZOR-1", "raw": raw})
    page = client_as(Role.ADMINISTRATOR).post(f"/profiles/{profile.pk}/try/", form).content.decode()
    assert "ZOR-1" in page
    assert "Z-77" in page
    assert "MSA|AA|M1" in page
    assert "Nhận chỉ định" in page
    assert not InboundMessage.objects.exists()
    assert newest_version(profile).number == 1


@pytest.mark.parametrize(
    "raw", ["", "hello", "MSH|^~\\&|", "\x0bMSH|^~\\&|A|B|||||ORU^R01|1|P|2.5\x1c\r", "MSH|^~\\&|" + "|" * 40 + "\nPID"]
)
def test_the_bench_answers_whatever_is_pasted(raw: str) -> None:
    profile = a_profile()
    answer = client_as(Role.ADMINISTRATOR).post(f"/profiles/{profile.pk}/try/", as_form({}, raw=raw))
    assert answer.status_code == 200


def test_the_bench_says_what_is_wrong_in_the_form() -> None:
    profile = a_profile()
    form = as_form({}, **{"order.priority": "X", "raw": order_message().decode()})
    page = client_as(Role.ADMINISTRATOR).post(f"/profiles/{profile.pk}/try/", form).content.decode()
    assert "<code>order.priority</code>" in page


def test_a_profile_is_exported_and_imported() -> None:
    profile = a_profile({"description": "tiếng Việt"})
    client = client_as(Role.ADMINISTRATOR)
    exported = client.get(f"/profiles/{profile.pk}/export/")
    assert exported.headers["Content-Disposition"] == 'attachment; filename="his-a.json"'
    data = json.loads(exported.content)
    data["code"] = "his-b"
    file = SimpleUploadedFile("his-b.json", json.dumps(data).encode())
    assert client.post("/profiles/import/", {"file": file}).status_code == 302
    assert newest_version(SenderProfile.objects.get(code="his-b")).content == {"description": "tiếng Việt"}
    for wrong in (b"", b"{", b"[]", b'{"format": "quang-hl7-profile"}', b"\xff"):
        assert client.post("/profiles/import/", {"file": SimpleUploadedFile("x.json", wrong)}).status_code == 302
    assert client.post("/profiles/import/").status_code == 302
    assert SenderProfile.objects.count() == 2


def test_a_sender_is_registered_and_changed() -> None:
    profile = a_profile()
    client = client_as(Role.ADMINISTRATOR)
    data = {**SENDER, "networks": "10.1.2.0/24\r\n10.9.9.9", "profile": str(profile.pk)}
    assert client.post("/profiles/senders/new/", data).status_code == 302
    sender = Sender.objects.get()
    assert (sender.networks, sender.profile_id) == (["10.1.2.0/24", "10.9.9.9/32"], profile.pk)
    assert client.get(f"/profiles/senders/{sender.pk}/").status_code == 200
    assert "10.9.9.9/32" in client.get("/profiles/").content.decode()
    off = {name: value for name, value in data.items() if name != "active"}
    assert client.post(f"/profiles/senders/{sender.pk}/", off).status_code == 302
    sender.refresh_from_db()
    assert not sender.active


@pytest.mark.parametrize(
    ("field", "value"),
    [("identity", "HIS"), ("name", ""), ("networks", "10.0.0.300"), ("charset", "x")],
)
def test_a_wrong_sender_is_named_beside_its_field(field: str, value: str) -> None:
    answer = client_as(Role.ADMINISTRATOR).post("/profiles/senders/new/", {**SENDER, field: value})
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.content.decode()
    assert not Sender.objects.exists()


def test_what_does_not_exist_is_not_found() -> None:
    client = client_as(Role.ADMINISTRATOR)
    for address in ("9/", "9/versions/1/", "senders/9/", "9/export/"):
        assert client.get(f"/profiles/{address}").status_code == 404
