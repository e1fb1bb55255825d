"""Signing on the screen: keys, batches, one key on the reading page, and the check for anybody."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest
from django.test import Client

from ris_core.accounts.models import User
from ris_core.audit.models import AuditEvent
from ris_core.audit.services import Actor
from ris_core.delivery.models import Delivery
from ris_core.signatures.models import Signature, SignedFile, SigningBatch, SigningCredential, UnlockedCredential
from ris_core.signatures.rules import Level
from ris_core.signatures.services import ask_for_many
from ris_core.signatures.signing import after_sign_died
from ris_testing.certificate_authority import KeyAndCertificate
from ris_testing.exams import a_reader, a_receiver, an_exam, approved
from ris_testing.signing import PASSPHRASE, a_credential, a_site_that_signs, signed_now, work
from ris_testing.trust_services import TrustServices, trust_services
from ris_webapp.api.limits import MinuteLimit
from ris_webapp.screens.signing import checking

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrustServices]:
    with trust_services(tmp_path_factory.mktemp("trust")) as started:
        yield started


@pytest.fixture(scope="module")
def owner(services: TrustServices) -> KeyAndCertificate:
    return services.authority.issue("BS. Trần Minh Quân")


@pytest.fixture
def reader() -> Actor:
    return a_reader()


@pytest.fixture
def client(reader: Actor) -> Client:
    logged_in = Client()
    logged_in.force_login(User.objects.get(username=reader.name))
    return logged_in


def test_a_key_is_added_signs_a_batch_and_is_locked_at_logout(
    client: Client, reader: Actor, owner: KeyAndCertificate
) -> None:
    file = BytesIO(owner.pkcs12(PASSPHRASE))
    file.name = "toi.p12"
    wrong = client.post("/signing/keys/", {"kind": "PKCS12", "container": file, "secret": "sai"})
    assert wrong.status_code == 422
    assert "QUANG-5503" in wrong.content.decode()
    file.seek(0)
    assert client.post("/signing/keys/", {"kind": "PKCS12", "container": file, "secret": PASSPHRASE}).status_code == 302
    assert SigningCredential.objects.get().holder == "BS. Trần Minh Quân"

    versions = [approved(an_exam(), reader) for _ in range(3)]
    page = client.get("/signing/").content.decode()
    assert all(version.reading.procedure.request.accession_number in page for version in versions)
    client.post("/signing/sign/", {"version": [version.pk for version in versions]})
    batch = SigningBatch.objects.get()
    client.post(f"/signing/batches/{batch.pk}/pause/")
    first, second, third = Signature.objects.order_by("pk")
    work(first.pk)
    first.refresh_from_db()
    assert first.state == "QUEUED"  # paused
    client.post(f"/signing/batches/{batch.pk}/resume/")
    work(first.pk)
    work(second.pk)
    client.post(f"/signing/batches/{batch.pk}/cancel/")
    work(third.pk)
    assert list(Signature.objects.order_by("pk").values_list("state", flat=True)) == ["SIGNED", "SIGNED", "CANCELLED"]
    assert "PDF" in client.get("/signing/?box=signed").content.decode()
    assert client.get(f"/signing/files/{first.pk}/pdf").content.startswith(b"%PDF")
    assert client.get(f"/signing/files/{first.pk}/xml").status_code == 200

    client.post("/logout/")
    assert not UnlockedCredential.objects.exists()


def test_a_batch_is_done_when_its_last_has_ended_also_badly(reader: Actor, owner: KeyAndCertificate) -> None:
    credential = a_credential(reader, owner)
    versions = [approved(an_exam(), reader) for _ in range(2)]
    asked = ask_for_many([version.pk for version in versions], credential.pk, reader)
    first, second = asked.batch.signatures.order_by("pk")
    work(first.pk)
    after_sign_died(str(second.pk), "QUANG-5506 the time-stamping authority does not answer")
    asked.batch.refresh_from_db()
    second.refresh_from_db()
    assert (asked.batch.state, second.state, second.problem_code) == ("DONE", "FAILED", "QUANG-5506")


def test_one_key_on_the_reading_page_signs(client: Client, reader: Actor, owner: KeyAndCertificate) -> None:
    exam = an_exam()
    version = approved(exam, reader)
    address = f"/exams/{exam.pk}/sign"
    refused = client.post(address, {}, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (409, "QUANG-5502")
    a_credential(reader, owner)
    assert client.post(address, {}, content_type="application/json").json() == {"state": "QUEUED"}
    work(version.signatures.get().pk)
    status = client.get(f"/exams/{exam.pk}/status").json()
    assert "Đã ký số" in status["head"]
    assert status["shows"]["sign"] is False


def test_a_signature_is_withdrawn_on_the_screen_and_who_was_told_is_shown(
    client: Client, reader: Actor, owner: KeyAndCertificate
) -> None:
    a_receiver(signed_only=True)
    exam = an_exam()
    signature = signed_now(approved(exam, reader), a_credential(reader, owner), reader)
    Delivery.objects.update(state="ACKNOWLEDGED", possibly_seen=True)
    client.post(f"/signing/{signature.pk}/withdraw/", {"reason": ""})
    signature.refresh_from_db()
    assert signature.state == "SIGNED"
    client.post(f"/signing/{signature.pk}/withdraw/", {"reason": "Ký nhầm người bệnh"})
    page = client.get(f"/exams/{exam.pk}/return/").content.decode()
    assert "Huỷ chữ ký bản 1" in page
    assert "Ký nhầm người bệnh" in page


def test_who_may_not_sign_is_refused(reader: Actor) -> None:
    technologist = Client()
    technologist.force_login(User.objects.create(username="ktv_a", full_name="KTV", role="TECHNOLOGIST"))
    for address in ("/signing/", "/signing/keys/"):
        assert technologist.get(address).status_code == 403
    assert technologist.post("/signing/sign/", {"version": [1]}).status_code == 403
    assert technologist.get("/admin/signing/").status_code == 403


def test_one_cannot_use_or_see_anothers_key(client: Client, owner: KeyAndCertificate) -> None:
    theirs = a_credential(a_reader(), owner)
    assert client.post(f"/signing/keys/{theirs.pk}/lock/").status_code == 404
    assert "<table" not in client.get("/signing/keys/").content.decode()
    assert UnlockedCredential.objects.filter(credential=theirs).exists()


def test_anybody_checks_a_file_and_nothing_of_it_is_kept(
    services: TrustServices, reader: Actor, owner: KeyAndCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_site_that_signs(services, Level.B_T)
    signature = signed_now(approved(an_exam(), reader), a_credential(reader, owner), reader)
    content = bytes(SignedFile.objects.get(signature=signature, kind="PDF").content)
    anybody = Client()
    assert anybody.get("/verify/").status_code == 200

    def hand_in(data: bytes) -> tuple[int, str]:
        file = BytesIO(data)
        file.name = "ket-qua.pdf"
        response = anybody.post("/verify/", {"file": file})
        return response.status_code, response.content.decode()

    status, page = hand_in(content)
    assert status == 200
    assert "BS. Trần Minh Quân" in page
    assert 'data-good="no"' not in page
    assert signature.version.content_sha256 in page
    status, page = hand_in(b"%PDF-1.7 nothing")
    assert (status, "QUANG-5511" in page) == (422, True)
    events = AuditEvent.objects.filter(action="signed_file.checked")
    assert [event.success for event in events.order_by("pk")] == [True, False]
    assert all(event.patient_id is None and "ket-qua" not in str(event.details) for event in events)

    monkeypatch.setattr(checking, "check_file", lambda _: pytest.fail("checked in spite of the limit"))
    monkeypatch.setattr(checking, "_LIMIT", Reached())
    assert hand_in(content)[0] == 429


class Reached(MinuteLimit):
    def take(self, name: str, most: int) -> None:
        super().take(name, 0)


def test_an_administrator_sets_level_and_trust(services: TrustServices) -> None:
    administrator = Client()
    administrator.force_login(User.objects.create(username="qt_a", full_name="Quản trị", role="ADMINISTRATOR"))
    refused = administrator.post("/admin/signing/", {"level": "B-LT", "tsa_url": services.tsa_url, "visible": "on"})
    assert refused.status_code == 422
    certificate = BytesIO(services.authority.root.pem)
    certificate.name = "ca.pem"
    administrator.post("/admin/signing/authorities/add/", {"certificate": certificate})
    assert "Quang Test Root CA" in administrator.get("/admin/signing/").content.decode()
    saved = administrator.post("/admin/signing/", {"level": "B-LT", "tsa_url": services.tsa_url, "visible": "on"})
    assert saved.status_code == 302
