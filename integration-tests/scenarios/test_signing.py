"""Signing in a browser: a key is added, a report signed where it is read, a batch signed while its worker is killed,
and the signed file checked by somebody without a login."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from ris_testing.backends import Part, RunningSuite
from ris_testing.browser import TABLET, Visitor, chromium, visitor
from ris_testing.certificate_authority import CertificateAuthority
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import Modality, acquire
from ris_testing.orders import an_order
from ris_testing.ris_user import log_in
from ris_testing.signing import PASSPHRASE, verdicts_of_others

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

BATCH = 24
PATIENCE_SECONDS = 240.0

MORE_REPORTS = """
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import Reading, ReportVersion
exam = RequestedProcedure.objects.get(pk={exam})
for number in range({count}):
    version = ReportVersion.objects.get(reading__procedure={exam})
    reading = version.reading
    copy = RequestedProcedure.objects.get(pk={exam})
    copy.pk, copy._state.adding = None, True
    copy.study_instance_uid = f"{{exam.study_instance_uid}}.{{number + 1}}"[:64]
    for name in ("placer_order_number", "filler_order_number", "requested_procedure_id"):
        setattr(copy, name, f"{{getattr(exam, name)}}{{number:03}}"[-16:])
    copy.save()
    reading.pk, reading.procedure, reading._state.adding = None, copy, True
    reading.save()
    version.pk, version.reading, version._state.adding = None, reading, True
    version.save()
"""

COUNTS = """
import json
from django.db.models import Count
from ris_core.jobs.models import Job
from ris_core.signatures.models import Signature, SignedFile
print(json.dumps({
    "states": dict(Signature.objects.values_list("state").annotate(Count("id"))),
    "versions": Signature.objects.values("version").distinct().count(),
    "files": SignedFile.objects.count(),
    "dead": Job.objects.filter(state="DEAD", kind="sign_report").count(),
    "stored": SignedFile.objects.exclude(orthanc_instance_id="").count(),
}))
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def own(new_suite: Callable[[Mapping[str, str]], RunningSuite]) -> RunningSuite:
    """The worker is killed here."""
    return new_suite({"QUANG_WORKER__LEASE_SECONDS": "3"})


def a_reported_exam(suite: RunningSuite) -> int:
    order = an_order()
    assert acknowledgement_code(place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    modality = Modality("CT1", suite.dicom.host, suite.dicom.port)
    [scheduled] = modality.find_worklist(PatientID=order.patient_id, AccessionNumber=order.accession_number)
    modality.store(acquire(scheduled, images=3))
    api = log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST")
    exam = api.wait_for_exam(order.accession_number)
    api.wait_for_images(exam, 3)
    api.report(exam, findings="Nhu mô não hai bên cân đối.", conclusion="Hiện không thấy hình ảnh xuất huyết nội sọ.")
    return exam


def counts(suite: RunningSuite) -> dict[str, Any]:
    done = suite.run_manage("shell", "-c", COUNTS)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_signed_where_it_is_read_and_in_a_batch_whose_worker_is_killed(
    own: RunningSuite, browser: Browser, tmp_path: Path
) -> None:
    exam = a_reported_exam(own)
    authority = CertificateAuthority("http://127.0.0.1:9")
    container = tmp_path / "bacsi.p12"
    container.write_bytes(authority.issue("BS. Trần Minh Quân").pkcs12(PASSPHRASE))

    with visitor(browser, own, "bacsi") as radiologist:
        page = radiologist.open(f"/exams/{exam}/")
        page.keyboard.press("k")
        expect(page.locator(".toast")).to_contain_text("mở khoá")  # there is no key yet
        radiologist.complaints.clear()  # that it was refused
        page = radiologist.open("/signing/keys/")
        radiologist.photograph("signing-keys-empty")
        page.set_input_files("[name=container]", container)
        page.fill("[name=secret]", PASSPHRASE)
        page.click("form.form-card button.primary")
        page.wait_for_url("**/signing/")
        assert radiologist.barriers() == []

        page = radiologist.open(f"/exams/{exam}/")
        page.keyboard.press("k")
        expect(page.locator("#report-head .sign-state .state")).to_have_text("Đã ký số", timeout=60_000)
        radiologist.photograph("signing-on-reading-page")
        signed = page.request.get(own.public_url + str(page.get_attribute("#report-head .sign-state a", "href"))).body()

        made = own.run_manage("shell", "-c", MORE_REPORTS.format(exam=exam, count=BATCH))
        assert made.returncode == 0, made.stderr
        page = radiologist.open("/signing/")
        expect(page.locator(".queue-row")).to_have_count(BATCH)
        radiologist.photograph("signing-to-sign")
        page.check("#check-all")
        page.click("#queue-form button.primary")
        for _ in range(2):
            restarts = own.restarts(Part.WORKER)
            expect(page.locator(".signing-batch progress").first).to_be_visible()
            own.kill(Part.WORKER)
            own.wait_restarted(Part.WORKER, restarts)
        radiologist.photograph("signing-batch")
        expect(page.locator(".signing-batch .state").first).to_have_text("Xong", timeout=PATIENCE_SECONDS * 1000)
        radiologist.open("/signing/?box=signed")
        radiologist.photograph("signing-signed")
        assert radiologist.barriers() == []
        assert radiologist.complaints == []

    found = counts(own)
    assert found["states"] == {"SIGNED": BATCH + 1}
    assert (found["versions"], found["files"], found["dead"]) == (BATCH + 1, 2 * (BATCH + 1), 0)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not counts(own)["stored"]:  # the one that has images
        assert time.monotonic() < deadline, "the signed report was not stored with the images"
        time.sleep(0.5)

    (verdict,) = verdicts_of_others(signed, tmp_path, authority.root.pem)
    assert (verdict.valid, verdict.poppler) == (True, "Signature is Valid.")
    (tmp_path / "ca.pem").write_bytes(authority.root.pem)
    an_administrator_trusts(own, browser, tmp_path / "ca.pem")
    anybody_checks(own, browser, signed, tmp_path)


def an_administrator_trusts(suite: RunningSuite, browser: Browser, certificate: Path) -> None:
    with visitor(browser, suite, "quantri", scheme="dark", language="en") as administrator:
        page = administrator.open("/admin/signing/")
        page.set_input_files("[name=certificate]", certificate)
        page.click(".add-authority button")
        expect(page.locator(".table-card tbody")).to_contain_text("Quang Test Root CA")
        administrator.photograph("signing-policy-dark-english")
        assert administrator.barriers() == []
        assert administrator.complaints == []


def anybody_checks(suite: RunningSuite, browser: Browser, signed: bytes, folder: Path) -> None:
    (folder / "ket-qua.pdf").write_bytes(signed)
    context = browser.new_context(viewport=TABLET, locale="vi-VN")
    stranger = Visitor(context.new_page(), suite.public_url)
    page = stranger.open("/verify/")
    page.set_input_files("[name=file]", folder / "ket-qua.pdf")
    page.click("form.form-card button.primary")
    expect(page.locator(".verify-signature").first).to_contain_text("BS. Trần Minh Quân")
    expect(page.locator('.verify-signature[data-good="yes"]')).to_have_count(2)
    expect(page.locator(".verify-standing")).to_have_text("Bản đang có hiệu lực trong sổ của bệnh viện.")
    stranger.photograph("verify")
    assert stranger.barriers() == []
    context.close()
