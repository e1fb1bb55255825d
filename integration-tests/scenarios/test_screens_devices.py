"""The device registry in a browser: a stranger tries and is registered, and why an order is not on a device."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, TABLET, chromium, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import DimseFailure, Modality, study_of
from ris_testing.orders import an_order, unique

pytestmark = [pytest.mark.integration, pytest.mark.once]

PATIENCE_SECONDS = 60.0


def refused(suite: RunningSuite, title: str) -> None:
    """Somebody with this title asks and stores, and may do neither."""
    stranger = Modality(title, suite.dicom.host, suite.dicom.port, called=suite.ae_title)
    with pytest.raises(DimseFailure):
        stranger.find_worklist()
    with pytest.raises(DimseFailure):
        stranger.store(study_of(modality="US", images=1))


def test_a_stranger_is_seen_registered_and_told_why_an_order_is_not_there(suite: RunningSuite) -> None:
    title = unique("U")[:16]
    refused(suite, title)
    order = an_order()
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"
    with (
        chromium() as browser,
        visitor(browser, suite, "quantri") as admin,
    ):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not admin.open("/devices/").locator(f'a[href*="ae_title={title}"]').count():
            assert time.monotonic() < deadline, "the stranger is shown"
            time.sleep(0.5)
        assert admin.barriers() == []
        admin.photograph("devices-list")
        page = admin.page
        page.locator(f'a[href*="ae_title={title}"]').first.click()
        expect(page.locator('[name="ae_title"]')).to_have_value(title)
        page.fill("[name=name]", "Máy siêu âm tầng 2")
        page.fill("[name=limit]", "0")
        page.click("button.primary")
        expect(page.locator("#limit-error")).to_be_visible()
        assert admin.barriers() == []
        admin.photograph("devices-form")
        page.fill("[name=limit]", "50")
        page.fill("[name=modality]", "US")
        page.click("button.primary")
        expect(page.locator("h1")).to_have_text(title)
        assert admin.barriers() == []
        admin.photograph("devices-device")
        page.locator("[data-echo] button").click()
        expect(page.locator("[data-echo] .state.emergency")).to_be_visible(timeout=30_000)
        admin.photograph("devices-echo")
    with chromium() as browser, visitor(browser, suite, "ktv", size=TABLET, scheme="dark") as technologist:
        page = technologist.open(f"/devices/why/?device={title}")
        page.fill(".why-form [name=q]", order.accession_number)
        page.click(".why-form button.primary")
        expect(page.locator(".state.emergency").first).to_be_visible()
        assert page.locator('tr[data-verdict="FAIL"]').count() == 2, "another device's, of another modality"
        assert technologist.barriers() == []
        technologist.photograph("devices-why")
        technologist.open("/devices/?q=CT1").click("tbody a")
        for tab in ("worklist", "queries", "images"):
            page.click(f'a[href="?tab={tab}"]')
            page.wait_for_load_state()
            assert technologist.barriers() == []
            technologist.photograph(f"devices-{tab}")
        assert technologist.complaints == []
    with chromium() as browser, visitor(browser, suite, "quantri", size=DESK, language="en") as admin:
        admin.open("/devices/")
        admin.photograph("devices-english")
        assert admin.complaints == []
