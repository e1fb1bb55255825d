"""Signing in a browser: where one reads, a hundred in one go with everything that can go wrong on the way, at every
level with time stamps and revocation answers; what a third party sees of it; and that no secret is left anywhere."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ris_suite import home_folder, sandbox
from ris_testing import csc_service, soft_token
from ris_testing.backends import Part, RunningSuite
from ris_testing.browser import TABLET, Visitor, visitor
from ris_testing.certificate_authority import KeyAndCertificate
from ris_testing.processes import ProcessSuite
from ris_testing.reports_to_sign import ReportToSign, approve_reports
from ris_testing.signing import PASSPHRASE, verdicts_of_others
from ris_testing.trust_services import TrustServices, trust_services

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

BATCH = 100
PATIENCE_MS = 300_000
"""For one step, not for a whole batch: signing stands back where processors are short."""
OLD_PIN, NEW_PIN = "PIN-cũ-9713572468", "PIN-mới-8642753197"
TOKEN_PIN = soft_token.PIN

COUNTS = """
import json
from django.db.models import Count
from ris_core.jobs.models import Job
from ris_core.signatures.models import Signature, SignedFile
signed = Signature.objects.filter(state="SIGNED")
print(json.dumps({
    "states": dict(Signature.objects.values_list("state").annotate(Count("id"))),
    "problems": sorted(Signature.objects.filter(state="FAILED").values_list("problem_code", flat=True)),
    "versions": signed.values("version").distinct().count(),
    "files": SignedFile.objects.values("signature", "kind").distinct().count(),
    "all_files": SignedFile.objects.count(),
    "dead": Job.objects.filter(state="DEAD", kind="sign_report").count(),
    "stored": SignedFile.objects.exclude(orthanc_instance_id="").count(),
}))
"""

CORRECT = """
import sys; sys.path.insert(0, {path!r})
from ris_core.accounts.models import User
from ris_core.audit.services import Actor
from ris_core.orders.models import RequestedProcedure
from ris_core.reports.models import VersionStatus
from ris_testing.exams import approved
user = User.objects.get(username="bacsi")
exam = RequestedProcedure.objects.get(pk={exam})
approved(exam, Actor(user.username, user_id=user.pk), status=VersionStatus.CORRECTED, conclusion="Đính chính.")
"""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[TrustServices]:
    with trust_services(tmp_path / "trust") as started:
        yield started


@pytest.fixture
def owner(services: TrustServices) -> KeyAndCertificate:
    return services.authority.issue("BS. Trần Minh Quân")


def counts(suite: RunningSuite) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(suite.python(COUNTS).splitlines()[-1])
    return found


def wait_for_counts(suite: RunningSuite, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not what(found := counts(suite)):
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    return found


def add_container(radiologist: Visitor, container: Path) -> None:
    page = radiologist.open("/signing/keys/")
    radiologist.photograph("signing-keys-empty")
    page.set_input_files("[name=container]", container)
    page.fill("[name=secret]", PASSPHRASE)
    page.click("form.form-card button.primary")
    page.wait_for_url("**/signing/")
    assert radiologist.barriers() == []


def test_signed_where_it_is_read_withdrawn_and_signed_again(
    suite: RunningSuite, browser: Browser, services: TrustServices, owner: KeyAndCertificate, tmp_path: Path
) -> None:
    (report,) = approve_reports(suite, 1)
    container = tmp_path / "bacsi.p12"
    container.write_bytes(owner.pkcs12(PASSPHRASE))
    (tmp_path / "ca.pem").write_bytes(services.authority.root.pem)
    an_administrator_trusts(suite, browser, tmp_path / "ca.pem")

    with visitor(browser, suite, "bacsi") as radiologist:
        page = radiologist.open(f"/exams/{report.exam}/")
        page.keyboard.press("k")
        expect(page.locator(".toast")).to_contain_text("mở khoá")  # there is no key yet
        radiologist.complaints.clear()  # that it was refused
        add_container(radiologist, container)

        first = signed_on_reading_page(radiologist, report)
        radiologist.photograph("signing-on-reading-page")
        wait_for_title(radiologist, report, there=True)
        (verdict,) = verdicts_of_others(first, tmp_path, services.authority.root.pem)
        assert (verdict.valid, verdict.poppler) == (True, "Signature is Valid.")
        anybody_checks(suite, browser, first, tmp_path, "Bản đang có hiệu lực trong sổ của bệnh viện.", "verify")

        page = radiologist.open("/signing/?box=signed")
        row = page.locator(f"#version-{report.version}")
        row.locator("summary").click()
        row.locator("[name=reason]").fill("Ký nhầm người bệnh")
        radiologist.photograph("signing-withdrawing")
        row.locator("form button").click()
        expect(page.locator(".toast")).to_contain_text("Đã huỷ chữ ký")
        wait_for_title(radiologist, report, there=False)
        words = anybody_checks(suite, browser, first, tmp_path, "Chữ ký này đã bị huỷ.", "verify-withdrawn")
        assert "Bác sĩ CĐHA" in words
        assert "Ký nhầm người bệnh" in words

        second = signed_on_reading_page(radiologist, report)
        assert second != first
        anybody_checks(suite, browser, second, tmp_path, "Bản đang có hiệu lực trong sổ của bệnh viện.")
        words = anybody_checks(suite, browser, first, tmp_path, "Kết quả này đã được ký lại; hãy lấy tệp mới.")
        radiologist.open("/signing/?box=signed")
        radiologist.photograph("signing-signed")
        assert radiologist.barriers() == []
        assert radiologist.complaints == []


def signed_on_reading_page(radiologist: Visitor, report: ReportToSign) -> bytes:
    """Sign with one key press; the signed PDF."""
    page = radiologist.open(f"/exams/{report.exam}/")
    page.keyboard.press("k")
    expect(page.locator("#report-head .sign-state .state")).to_have_text("Đã ký số", timeout=PATIENCE_MS)
    address = radiologist.public_url + str(page.get_attribute("#report-head .sign-state a", "href"))
    return page.request.get(address).body()


def wait_for_title(radiologist: Visitor, report: ReportToSign, *, there: bool) -> None:
    """Until a signed document is in the study, or is there no more, as a viewer asks for it."""
    radiologist.open(f"/exams/{report.exam}/")  # lets the browser have the study's images
    address = f"{radiologist.public_url}/dicom-web/studies/{report.study_instance_uid}/metadata"
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while True:
        answer = radiologist.page.request.get(address)
        assert answer.ok, answer.status
        titles = [each.get("00420010", {}).get("Value", [""])[0] for each in answer.json()]
        if any("đã ký số" in title for title in titles) == there:
            return
        assert time.monotonic() < deadline, titles
        time.sleep(0.3)


def an_administrator_trusts(suite: RunningSuite, browser: Browser, certificate: Path) -> None:
    with visitor(browser, suite, "quantri", scheme="dark", language="en") as administrator:
        page = administrator.open("/admin/signing/")
        page.set_input_files("[name=certificate]", certificate)
        page.click(".add-authority button")
        expect(page.locator(".table-card tbody")).to_contain_text("Quang Test Root CA")
        administrator.photograph("signing-policy-dark-english")
        assert administrator.barriers() == []
        assert administrator.complaints == []


def anybody_checks(
    suite: RunningSuite, browser: Browser, signed: bytes, folder: Path, standing: str, photograph: str = ""
) -> str:
    """What the page says to somebody without a login."""
    (folder / "ket-qua.pdf").write_bytes(signed)
    context = browser.new_context(viewport=TABLET, locale="vi-VN")
    stranger = Visitor(context.new_page(), suite.public_url)
    page = stranger.open("/verify/")
    page.set_input_files("[name=file]", folder / "ket-qua.pdf")
    page.click("form.form-card button.primary")
    expect(page.locator(".verify-result")).to_contain_text("BS. Trần Minh Quân")
    expect(page.locator('.verify-signature[data-good="no"]')).to_have_count(0)
    expect(page.locator(".verify-standing")).to_have_text(standing)
    if photograph:
        stranger.photograph(photograph)
        assert stranger.barriers() == []
    words = page.locator(".verify-result").inner_text()
    context.close()
    return words


@pytest.fixture
def own(
    new_suite: Callable[[Mapping[str, str]], RunningSuite], owner: KeyAndCertificate
) -> Iterator[tuple[ProcessSuite, csc_service.CscService]]:
    """A suite whose worker may be killed, with a remote signing service."""
    with csc_service.csc_service(owner, OLD_PIN) as service:
        suite = new_suite(
            {
                "QUANG_WORKER__LEASE_SECONDS": "5",
                "QUANG_SIGNING__CSC_URL": service.url(2),
                "QUANG_SIGNING__CSC_VERSION": "2",
                "QUANG_SIGNING__CSC_CLIENT_ID": csc_service.CLIENT_ID,
                "QUANG_SIGNING__PKCS11_MODULE": soft_token.module(),
                "QUANG_SIGNING__INNER_HOSTS": "127.0.0.1",  # where the tests' authority stamps
            }
        )
        assert isinstance(suite, ProcessSuite)
        (suite.native.settings.home.secrets / "csc_client_secret").write_text(csc_service.CLIENT_SECRET)
        yield suite, service


def wait_for_progress(suite: RunningSuite, page: Page, ended: int | None = None) -> None:
    """Until the newest batch has signed at least ``ended``, or (none) is over, as the page shows it: as long as it gets
    further."""
    seen, deadline = -1, 0.0
    while page.locator(".signing-batch .state").first.inner_text() != "Xong":
        now = int(page.locator(".signing-batch .number").first.inner_text().partition("/")[0])
        if ended is not None and now >= ended:
            return
        if now != seen:
            seen, deadline = now, time.monotonic() + PATIENCE_MS / 1000
        assert time.monotonic() < deadline, counts(suite)
        page.wait_for_timeout(200)
    assert ended is None, "the batch was over sooner"


def test_a_batch_of_a_hundred_with_everything_that_goes_wrong(
    own: tuple[ProcessSuite, csc_service.CscService], browser: Browser, owner: KeyAndCertificate
) -> None:
    suite, service = own
    reports = approve_reports(suite, BATCH)
    with visitor(browser, suite, "bacsi") as radiologist:
        page = radiologist.open("/signing/keys/")
        page.check("[name=kind][value=REMOTE]")
        page.fill("[name=reference]", service.credential_id)
        page.fill("[name=secret]", OLD_PIN)
        page.click("form.form-card button.primary")
        page.wait_for_url("**/signing/")
        signed_on_reading_page(radiologist, reports[0])

        page = radiologist.open("/signing/")
        expect(page.locator(".queue-row")).to_have_count(BATCH - 1)
        radiologist.photograph("signing-to-sign")
        page.check("#check-all")
        page.evaluate(  # as a page that was opened before that one was signed
            "version => document.getElementById('queue-form').insertAdjacentHTML('beforeend', "
            "`<input type=hidden name=version value=${version}>`)",
            reports[0].version,
        )
        page.click("#queue-form button.primary")
        expect(page.locator(".messages, .toast").first).to_contain_text("Đang ký 99 kết quả.")
        expect(page.locator("body")).to_contain_text("1 kết quả không ký nữa")
        page.get_by_role("button", name="Tạm dừng").click()
        expect(page.locator(".signing-batch .state").first).to_have_text("Tạm dừng")
        radiologist.photograph("signing-batch-paused")
        # while it rests, one of the reports is corrected: what was to be signed is in force no more
        suite.python(CORRECT.format(path=str(Path(__file__).parents[1]), exam=reports[1].exam))
        at_rest = counts(suite)["states"].get("SIGNED", 0)
        page.get_by_role("button", name="Ký tiếp").click()

        wait_for_progress(suite, page, at_rest + 8)
        restarts = suite.restarts(Part.WORKER)
        suite.kill(Part.WORKER)
        suite.wait_restarted(Part.WORKER, restarts)
        wait_for_progress(suite, page, at_rest + 30)
        radiologist.photograph("signing-batch")

        service.pin = NEW_PIN  # the signer changes it at the service, and the suite does not know
        expect(page.locator(".signing-key .state")).to_have_text("Đang khoá", timeout=PATIENCE_MS)
        assert service.wrong_pins == 1  # it is never tried twice
        page.fill(".unlock [name=secret]", NEW_PIN)
        page.click(".unlock button")
        wait_for_progress(suite, page)
        expect(page.locator(".signing-batch .number").first).to_have_text("97/99")
        assert service.wrong_pins == 1

        page = radiologist.open("/signing/?box=failed")
        expect(page.locator(".queue-row")).to_have_count(1)
        expect(page.locator(".queue-reason")).to_contain_text("QUANG-5503")
        radiologist.photograph("signing-failed")
        page.check("#check-all")
        page.click("#queue-form button.primary")
        expect(page.locator(".queue-row")).to_have_count(0, timeout=PATIENCE_MS)
        page = radiologist.open("/signing/")
        expect(page.locator(".queue-row")).to_have_count(1)  # the corrected one
        page.check("#check-all")
        page.click("#queue-form button.primary")
        expect(page.locator(".queue-row")).to_have_count(0, timeout=PATIENCE_MS)
        assert radiologist.barriers() == []
        assert radiologist.complaints == []

    found = wait_for_counts(suite, lambda found: found["states"].get("SIGNED") == BATCH)
    assert found["states"] == {"SIGNED": BATCH, "FAILED": 2}  # what failed was signed again, or is not in force
    assert found["problems"] == ["QUANG-5501", "QUANG-5503"]
    assert (found["versions"], found["files"], found["all_files"], found["dead"]) == (BATCH, 2 * BATCH, 2 * BATCH, 0)
    # again: the one that was under way when the worker was killed, and any whose worker got no processor for a lease
    assert 2 * BATCH <= service.signed <= 2 * BATCH + 10
    wait_for_counts(suite, lambda found: found["stored"] == BATCH)
    keys = [owner.key.private_numbers().d.to_bytes(256, "big")]
    assert traces_of(suite, [OLD_PIN, NEW_PIN, csc_service.CLIENT_SECRET], keys) == []


def traces_of(suite: ProcessSuite, secrets: list[str], keys: list[bytes]) -> list[str]:
    """Files of the suite (database, logs, archive, journal) in which a secret can be read, but for the secret files."""
    wanted = [*keys]
    for secret in secrets:
        plain = secret.encode()
        wanted += [plain, json.dumps(secret)[1:-1].encode(), base64.b64encode(plain), plain.hex().encode()]
    home = suite.native.settings.home
    found = []
    for path in home.path.rglob("*"):
        if not path.is_file() or path.is_relative_to(home.secrets):
            continue
        content = path.read_bytes()
        found += [str(path) for each in wanted if each in content]
    return found


@pytest.mark.once
def test_every_level_with_a_token(
    own: tuple[ProcessSuite, csc_service.CscService],
    browser: Browser,
    services: TrustServices,
    owner: KeyAndCertificate,
    tmp_path: Path,
) -> None:
    suite, _ = own
    home = suite.native.settings.home
    # SoftHSM looks for its configuration in the home of the user that it runs for
    soft_token.make_token(home.run / "token", owner, home.run / ".config/softhsm2/softhsm2.conf")
    if (account := sandbox.service_account()) is not None:
        home_folder.give_to(home.run, account)
    (tmp_path / "ca.pem").write_bytes(services.authority.root.pem)
    an_administrator_trusts(suite, browser, tmp_path / "ca.pem")
    reports = approve_reports(suite, 3, "bacsi2")
    with (
        visitor(browser, suite, "bacsi2", scheme="dark", language="en", size=TABLET) as radiologist,
        visitor(browser, suite, "quantri") as administrator,
    ):
        page = radiologist.open("/signing/keys/")
        page.check("[name=kind][value=PKCS11]")
        page.fill("[name=token]", soft_token.TOKEN)
        page.fill("[name=reference]", soft_token.LABEL)
        page.fill("[name=secret]", TOKEN_PIN)
        radiologist.photograph("signing-keys-token-dark-english-tablet")
        page.click("form.form-card button.primary")
        page.wait_for_url("**/signing/")
        for report, level, kinds in (
            (reports[0], "B-T", ["signature"]),
            (reports[1], "B-LT", ["signature"]),
            (reports[2], "B-LTA", ["signature", "time stamp"]),
        ):
            policy = administrator.open("/admin/signing/")
            policy.fill("[name=tsa_url]", services.tsa_url)
            policy.check(f"[name=level][value='{level}']")
            policy.get_by_role("button", name="Lưu").click()
            services.asked.clear()
            page = radiologist.open(f"/exams/{report.exam}/")
            page.keyboard.press("k")
            expect(page.locator("#report-head .sign-state a")).to_be_visible(timeout=PATIENCE_MS)
            href = page.get_attribute("#report-head .sign-state a", "href")
            signed = page.request.get(f"{suite.public_url}{href}").body()
            verdicts = verdicts_of_others(signed, tmp_path, services.authority.root.pem)
            assert [verdict.kind for verdict in verdicts] == kinds
            assert all(verdict.valid for verdict in verdicts)
            assert {"/tsa", "/ocsp"} <= set(services.asked)
            words = anybody_checks(
                suite, browser, signed, tmp_path, "Bản đang có hiệu lực trong sổ của bệnh viện.", f"verify-{level}"
            )
            assert f"PAdES {level}" in words
        assert radiologist.barriers() == []
