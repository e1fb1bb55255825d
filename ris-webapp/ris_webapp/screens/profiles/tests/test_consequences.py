"""A profile that gives numbers another meaning: what it means for what is stored is told, and has to be confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from ris_core.accounts.models import Role
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import SYSTEM
from ris_core.intake.identifier_meaning import MeaningOf, changed_meanings
from ris_core.intake.models import Sender, SenderProfile
from ris_core.intake.profile import DEFAULT_PROFILE, profile_from
from ris_core.intake.profiles import SenderRegistration, create_profile, exported, newest_version, register_sender
from ris_core.intake.senders import forget_senders
from ris_core.intake.services import apply_message
from ris_core.intake.tests.messages import order_message
from ris_core.messages.services import Received, receive
from ris_webapp.screens.profiles.editing import shown
from ris_webapp.tests.people import client_as

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_kept_in_memory() -> Iterator[None]:
    forget_senders()
    yield
    forget_senders()


@pytest.fixture
def profile() -> SenderProfile:
    """A profile whose sender has placed one order."""
    made = create_profile("his-a", "HIS A", {}, SYSTEM)
    register_sender(SenderRegistration(identity="HIS|BVX", name="HIS", profile_id=made.pk), SYSTEM)
    forget_senders()
    receive([Received(order_message(), "peer", timezone.now())], apply_message)
    return made


@pytest.fixture
def client() -> Client:
    return client_as(Role.ADMINISTRATOR)


def _save(client: Client, profile: SenderProfile, **more: str) -> Any:
    form = {**shown(newest_version(profile).content).values, "based_on": str(newest_version(profile).number), **more}
    return client.post(f"/profiles/{profile.pk}/", form)


@pytest.mark.parametrize(
    ("content", "meanings"),
    [
        ({"patient": {"default_issuer": "BVY"}}, {MeaningOf.PATIENTS}),
        ({"patient": {"identifiers": [{"place": "PID-2"}]}}, {MeaningOf.PATIENTS}),
        ({"words": {"issuers": {"BV": "BVX"}}}, {MeaningOf.PATIENTS, MeaningOf.VISITS}),
        ({"order": {"placer_order_number": ["ZOR-1"]}}, {MeaningOf.ORDERS}),
        ({"order": {"accession_number": ["ZOR-1"]}}, {MeaningOf.EXAMS}),
        ({"visit": {"visit_number": ["PV1-50"]}}, {MeaningOf.VISITS}),
        ({"order": {"priority": ["ZOR-1"]}, "words": {"rooms": {"A": "B"}}, "description": "x"}, set()),
    ],
)
def test_which_edits_change_what_a_number_means(content: dict[str, Any], meanings: set[MeaningOf]) -> None:
    assert set(changed_meanings(DEFAULT_PROFILE, profile_from(content))) == meanings


def test_such_an_edit_is_saved_only_when_it_is_confirmed(client: Client, profile: SenderProfile) -> None:
    change = {"patient.default_issuer": "BVY", "order.accession_number": "ZOR-9"}
    answer = _save(client, profile, **change)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "người bệnh đã lưu (1)" in page
    assert "ca chưa xong (1)" in page
    assert "ZOR-9" in page, "what was typed is still there"
    assert newest_version(profile).number == 1
    assert _save(client, profile, confirmed="on", **change).status_code == 302
    assert newest_version(profile).number == 2
    assert AuditEvent.objects.filter(action="profile.version_saved").latest("pk").details["confirmed"] is True
    page = client.get(f"/profiles/{profile.pk}/").content.decode()
    assert "2 chỗ khác bản trước" in page


def test_going_back_asks_too(client: Client, profile: SenderProfile) -> None:
    _save(client, profile, confirmed="on", **{"order.placer_order_number": "ZOR-1"})
    answer = client.post(f"/profiles/{profile.pk}/versions/1/restore/")
    assert answer.status_code == 409
    assert "chỉ định chưa xong (1)" in answer.content.decode()
    assert client.post(f"/profiles/{profile.pk}/versions/1/restore/", {"confirmed": "on"}).status_code == 302


def test_a_file_asks_too(client: Client, profile: SenderProfile) -> None:
    data = exported(profile) | {"content": {"patient": {"default_issuer": "BVY"}}}
    for number, more in ((1, {}), (2, {"confirmed": "on"})):
        file = SimpleUploadedFile("his-a.json", json.dumps(data).encode())
        client.post("/profiles/import/", {"file": file, **more})
        assert newest_version(profile).number == number


def test_another_profile_for_a_sender_asks_too(client: Client, profile: SenderProfile) -> None:
    other = create_profile("his-b", "HIS B", {"patient": {"default_issuer": "BVY"}}, SYSTEM)
    sender = Sender.objects.get()
    form = {"identity": "HIS|BVX", "name": "HIS", "active": "on", "profile": str(other.pk)}
    answer = client.post(f"/profiles/senders/{sender.pk}/", form)
    assert answer.status_code == 409
    assert "người bệnh đã lưu (1)" in answer.content.decode()
    assert client.post(f"/profiles/senders/{sender.pk}/", {**form, "confirmed": "on"}).status_code == 302
    sender.refresh_from_db()
    assert sender.profile_id == other.pk


def test_registering_a_sender_that_has_sent_unregistered_asks_too(client: Client) -> None:
    """It has been read by the default profile until now."""
    receive([Received(order_message(), "peer", timezone.now())], apply_message)
    other = create_profile("his-b", "HIS B", {"patient": {"default_issuer": "BVY"}}, SYSTEM)
    form = {"identity": "HIS|BVX", "name": "HIS", "active": "on", "profile": str(other.pk)}
    assert client.post("/profiles/senders/new/", form).status_code == 409
    assert not Sender.objects.exists()
    assert client.post("/profiles/senders/new/", {**form, "confirmed": "on"}).status_code == 302


def test_what_nobody_has_sent_by_needs_no_confirmation(client: Client, profile: SenderProfile) -> None:
    unused = create_profile("new", "New", {}, SYSTEM)
    assert _save(client, unused, **{"patient.default_issuer": "BVY"}).status_code == 302
    assert _save(client, profile, **{"order.priority": "ZOR-1"}).status_code == 302
