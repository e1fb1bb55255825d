"""Step 5 in a browser: the result link and the HIS's launch open exactly one order, the report beside the images."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from ris_testing.adt import adt, mrg, pid
from ris_testing.backends import RunningSuite
from ris_testing.five_steps import FiveSteps
from ris_testing.his import SimulatedHis, acknowledgement_code, place_order
from ris_testing.orders import unique
from ris_testing.waiting import wait_until

pytestmark = pytest.mark.integration

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "his-integration.md"


@pytest.fixture(scope="module")
def played(suite: RunningSuite) -> FiveSteps:
    """An order that went all the way: its images are linked, its result is with the HIS."""
    with SimulatedHis(host=suite.listen_host) as his:
        suite.manage("seed_demo", "--his-host", suite.reachable_host, "--his-port", str(his.port))
        steps = FiveSteps(suite, his)
        for _ in steps.play():
            pass
    return steps


def example(language: str) -> str:
    """The how-to's example in ``python`` or ``sh``, as the reader of that page copies it."""
    found = re.search(rf"```{language}\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"the how-to has no example in {language}"
    return found[1]


def launch_address(language: str, suite: RunningSuite, accession_number: str) -> str:
    program = [sys.executable, "-c"] if language == "python" else ["sh", "-c"]
    arguments = [suite.public_url, suite.secret("launch_secret_HIS"), "HIS", "bs.hung", accession_number]
    name = [] if language == "python" else ["launch.sh"]
    command = [*program, example(language), *name, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()


@pytest.mark.parametrize("language", ["python", "sh"])
def test_the_documented_example_launches_the_viewer_once(suite: RunningSuite, played: FiveSteps, language: str) -> None:
    address = launch_address(language, suite, played.order.accession_number)
    browser = requests.Session()
    first = browser.get(address, timeout=20, allow_redirects=False)
    assert first.status_code == 302
    assert played.study_uid in first.headers["Location"]
    headers = {"Accept": "application/dicom+json"}
    images = f"{suite.public_url}/dicom-web/studies"
    assert browser.get(f"{images}/{played.study_uid}/series", headers=headers, timeout=20).status_code == 200
    assert browser.get(f"{images}/1.2.3.4/series", headers=headers, timeout=20).status_code in (401, 403)
    again = requests.get(address, timeout=20, allow_redirects=False)
    assert again.status_code == 403
    assert "QUANG-3106" in again.text


def test_a_result_link_shows_images_and_report_and_nothing_of_the_ris(
    suite: RunningSuite, browser: Browser, played: FiveSteps
) -> None:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(played.viewer_link)
    expect(page.locator("canvas").first).to_be_visible(timeout=60_000)
    report = page.get_by_role("link", name="Kết quả")
    address = report.get_attribute("href")
    pdf = context.request.get(f"{suite.public_url}{address}")
    assert pdf.body().startswith(b"%PDF-")
    assert requests.get(f"{suite.public_url}{address}", timeout=20).status_code == 403
    page.goto(suite.public_url + "/")
    page.wait_for_url("**/login/**")
    context.close()


def test_a_wrong_link_says_what_to_do_in_both_languages(suite: RunningSuite, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    answer = page.goto(f"{suite.public_url}/open/q1.result.wrong")
    assert answer is not None
    assert (answer.status, answer.headers["referrer-policy"]) == (403, "no-referrer")
    expect(page.locator("h1")).to_have_text("Đường dẫn không đúng")
    context.add_cookies([{"name": "quang_language", "value": "en", "url": suite.public_url}])
    page.reload()
    expect(page.locator("h1")).to_have_text("This link is not right")
    expect(page.locator("code")).to_have_text("QUANG-3101")
    context.close()


def test_open_viewers_load_nothing_more_once_the_patients_record_is_merged(
    suite: RunningSuite, played: FiveSteps
) -> None:
    """Engine and gateway refuse the next image; whoever still may look opens it again (P6)."""
    linked, launched = requests.Session(), requests.Session()
    linked.get(played.viewer_link, timeout=20, allow_redirects=False)
    address = launch_address("python", suite, played.order.accession_number)
    launched.get(address, timeout=20, allow_redirects=False)

    def answers() -> list[int]:
        series = f"{suite.public_url}/dicom-web/studies/{played.study_uid}/series"
        headers = {"Accept": "application/dicom+json"}
        return [each.get(series, headers=headers, timeout=20).status_code for each in (linked, launched)]

    assert answers() == [200, 200]
    survivor = replace(played.order, patient_id=unique("BN"))
    for message in (adt("A28", pid(survivor)), adt("A40", pid(survivor), mrg(played.order))):
        assert acknowledgement_code(place_order(message, host=suite.mllp.host, port=suite.mllp.port)) == "AA"
    wait_until(lambda: answers() == [403, 403], "open viewers are refused")
    assert linked.get(played.viewer_link, timeout=20, allow_redirects=False).status_code == 302
    assert answers() == [200, 403]
