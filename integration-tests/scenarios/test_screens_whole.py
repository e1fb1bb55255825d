"""Every screen that can be reached: opened as its users do, in both languages, light and dark, desk and tablet.

Nothing is listed here: the rail is followed, and from each screen one link of every address that was not seen yet. A
new screen is therefore looked at as soon as something leads to it.
"""

from __future__ import annotations

from collections import deque
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import ViewportSize

from ris_testing.backends import RunningSuite
from ris_testing.browser import DESK, TABLET, Language, Scheme, Visitor, chromium, visitor
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.modality import acquire, study_of
from ris_testing.orders import an_order
from ris_testing.performing import scanner
from ris_testing.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.once, pytest.mark.timeout(600)]

NOT_PAGES = ("api", "fhir", "viewer_launch")
"""Answers to programs, and addresses that only a token opens."""
RAIL_LEADS_TO_AT_LEAST = 20
LINKS = "Array.from(document.querySelectorAll('a[href]:not([download])'), link => link.href)"
OUT_OF_REACH = """async () => {
  const scrolls = (each) => /auto|scroll/.test(getComputedStyle(each).overflow);
  const kept = "textarea, select, [role=listbox]";
  const all = [...document.querySelectorAll("main, main *")];
  const scrollers = all.filter((each) => !each.matches(kept) && scrolls(each));
  const reached = "a, button, input, select, textarea, summary, iframe, audio, video, [tabindex], [contenteditable]";
  for (const each of document.querySelectorAll(`main :is(${reached})`))
    if (!scrollers.some((one) => each.contains(one))) each.replaceWith(each.textContent ?? "");
    else each.removeAttribute("tabindex");
  for (const each of scrollers) {
    const content = document.createElement("div");
    content.style.cssText = "width: 5000px; height: 5000px; flex: none";
    each.append(content);
  }
  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
  return scrollers
    .filter((each) => each.isConnected && each.checkVisibility())
    .filter((each) => each.scrollHeight > each.clientHeight) // its script may have filled it anew meanwhile
    .filter((each) => each.tabIndex !== 0 && !each.querySelector("[tabindex='0']"))
    .map((each) => `no key reaches what scrolls: ${each.tagName} .${each.className}`);
}"""
"""What nobody could scroll by keyboard if it were long and held nothing to be reached: a page is spoiled by asking."""
TOO_WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def _view_of(url: str, public_url: str) -> str:
    """The name of the screen behind an address of this suite; empty when there is none."""
    if not url.startswith(public_url + "/"):
        return ""
    try:
        found = resolve(urlsplit(url).path)
    except Resolver404:
        return ""
    return "" if found.namespace in NOT_PAGES else found.view_name


def _is_page(seen: Visitor, url: str) -> bool:
    """Whether an address shows something to this user, and is not a file to keep."""
    answer = seen.page.request.get(url)
    headers = answer.headers
    return (
        answer.ok and headers.get("content-type", "").startswith("text/html") and "content-disposition" not in headers
    )


def _faults(seen: Visitor) -> list[str]:
    """What is wrong with the page as it is now."""
    faults = seen.barriers() + seen.complaints
    seen.complaints.clear()
    if seen.page.evaluate(TOO_WIDE):
        faults.append("wider than the screen")
    if seen.page.locator("h1").count() != 1:
        faults.append("has not one heading")
    return faults


def _walk(seen: Visitor, beginnings: list[str], pictures: str) -> dict[str, list[str]]:
    """Opens one page of each screen that links lead to; the faults of each, by the name of its view."""
    found: dict[str, list[str]] = {}
    ahead = deque(seen.public_url + path for path in beginnings)
    known = {_view_of(url, seen.public_url) for url in ahead}
    while ahead:
        url = ahead.popleft()
        name = _view_of(url, seen.public_url)
        if not _is_page(seen, url):
            continue
        seen.open(url.removeprefix(seen.public_url))
        found[name] = _faults(seen)
        seen.photograph(f"{pictures}-{name.replace(':', '-')}")
        for link in seen.page.evaluate(LINKS):
            view = _view_of(link, seen.public_url)
            if view and view not in known:
                known.add(view)
                ahead.append(link)
        found[name] += seen.page.evaluate(OUT_OF_REACH)
    return found


@pytest.fixture(scope="module")
def beginnings(suite: RunningSuite) -> list[str]:
    """The lists, as they show an exam with images, its order and patient, and images that wait for a person."""
    order = an_order()
    answer = place_order(order.message(), host=suite.mllp.host, port=suite.mllp.port)
    assert acknowledgement_code(answer) == "AA"
    device = scanner(suite)
    (item,) = device.find_worklist(AccessionNumber=order.accession_number)
    device.store(acquire(item, images=2))
    device.store(study_of(images=2, PatientID="", PatientName="KHÔNG RÕ"))
    wait_until(lambda: int(suite.python(WAITING)) > 0, "images wait in the queue")
    exam_id = suite.python(EXAM.format(accession=order.accession_number))
    return [
        f"/?q={order.accession_number}",
        f"/patients/?q={order.patient_id}",
        f"/orders/procedures/{exam_id}/",
        f"/exams/{exam_id}/slip/",
        "/messages/?box=all",
    ]


EXAM = """
from ris_core.orders.models import RequestedProcedure
print(RequestedProcedure.objects.get(request__accession_number={accession!r}).pk)
"""
WAITING = "from ris_core.studies.models import Study; print(Study.objects.filter(state='UNMATCHED').count())"


@pytest.mark.parametrize(
    ("username", "language", "scheme", "size"),
    [
        ("quantri", "vi", "light", DESK),
        ("quantri", "en", "dark", TABLET),
        ("bacsi", "vi", "dark", DESK),
        ("ktv", "en", "light", TABLET),
    ],
)
def test_every_screen_can_be_used_by_everyone(
    suite: RunningSuite, beginnings: list[str], username: str, language: Language, scheme: Scheme, size: ViewportSize
) -> None:
    with chromium() as browser, visitor(browser, suite, username, size=size, scheme=scheme, language=language) as seen:
        found = _walk(seen, beginnings, f"{username}-{language}-{scheme}")
    assert {name: faults for name, faults in found.items() if faults} == {}
    if username == "quantri":
        assert len(found) >= RAIL_LEADS_TO_AT_LEAST
