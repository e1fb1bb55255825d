"""A disc made by the suite, its viewer opened from the unpacked folder without any network (R13)."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from PIL import Image, ImageStat
from playwright.sync_api import Browser, Page, expect
from pydicom.fileset import FileSet

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, Visitor
from ris_testing.outside_images import unpacked_iso
from ris_testing.ready_exams import ready_exam
from ris_testing.ris_user import RisUser

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_MS = 90_000
_PAINTED = (
    "() => { const image = document.getElementById('picture'); return image.complete && image.naturalWidth > 0; }"
)


def goes_on(page: Page, path: str, *, from_byte: int) -> bytes:
    """What a browser asks for whose download broke off, through the front door: the rest of the very same file."""
    address = page.url.partition("/exports/")[0] + path
    etag = page.request.head(address).headers["etag"]
    answer = page.request.get(address, headers={"Range": f"bytes={from_byte}-", "If-Range": etag})
    assert answer.status == 206
    other = page.request.get(address, headers={"Range": f"bytes={from_byte}-", "If-Range": '"another"'})
    assert (other.status, len(other.body())) == (200, from_byte + len(answer.body()))
    return answer.body()


def test_a_disc_is_made_and_its_viewer_runs_from_the_folder(
    suite: RunningSuite, browser: Browser, radiologist: Visitor, tmp_path: Path
) -> None:
    login = next(user for user in suite.demo_logins()["logins"] if user["username"] == "bacsi")
    exam = ready_exam(suite, RisUser(suite.public_url, login["username"], login["password"]), images=3)
    page = radiologist.open(f"/exports/new/?exam={exam.number}")
    page.set_default_timeout(PATIENCE_MS)
    expect(page.locator(".export-size").first).to_contain_text("≈")
    radiologist.photograph("export-new")
    assert radiologist.barriers() == []
    page.check("[name=form][value=DISC]")
    page.click("form.form-card button.primary")
    download = page.locator("tbody tr").first.locator("a[download]")  # not of an earlier export
    expect(download).to_be_visible(timeout=PATIENCE_MS)
    radiologist.photograph("exports")
    assert radiologist.barriers() == []
    with page.expect_download() as taking:
        download.click()
    iso = tmp_path / "disc.iso"
    taking.value.save_as(iso)
    assert radiologist.complaints == []
    rest = goes_on(page, str(download.get_attribute("href")), from_byte=100_000)
    assert rest == iso.read_bytes()[100_000:]

    disc = unpacked_iso(iso, tmp_path / "disc")
    files = list(FileSet(disc / "DICOMDIR"))
    assert len(files) == 3
    assert {pydicom.dcmread(file.path, stop_before_pixels=True).StudyInstanceUID for file in files} == {exam.study_uid}
    context = browser.new_context(viewport=DESK, offline=True)
    seen = Visitor(context.new_page(), f"file://{disc}")
    complaints: list[str] = []
    seen.page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    seen.page.on("pageerror", lambda error: complaints.append(str(error)))
    seen.page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
    try:
        seen.open("/index.htm").wait_for_function(_PAINTED)
        expect(seen.page.locator("#notice")).to_contain_text("KHÔNG dùng để chẩn đoán")
        expect(seen.page.locator("#names")).to_contain_text(exam.order.patient_id)
        expect(seen.page.locator("#place")).to_contain_text("1/3")
        shown = Image.open(disc / str(seen.page.get_attribute("#picture", "src")))
        assert ImageStat.Stat(shown.convert("L")).stddev[0] > 20, "the picture shows something"
        seen.photograph("disc-viewer")
        before = seen.page.get_attribute("#picture", "src")
        seen.page.keyboard.press("ArrowDown")
        expect(seen.page.locator("#place")).to_contain_text("2/3")
        assert seen.page.get_attribute("#picture", "src") != before
        seen.page.get_by_role("button", name="Phổi").click()
        seen.page.wait_for_function(_PAINTED)
        seen.page.get_by_role("button", name="English").click()
        expect(seen.page.locator("#notice")).to_contain_text("NOT for diagnosis")
        seen.photograph("disc-viewer-lung-english")
        assert complaints == []
        assert seen.barriers() == []  # axe itself asks for the style sheet, which the page allows nobody
    finally:
        context.close()
