"""174 CT slices in the real viewer over a link of 20 Mbit/s: frames as the viewer chooses by itself, beside frames as
they are stored; and the same without a limit, where nothing may be compressed.

A browser of its own for each run, without anything kept. The time goes from the first request for a frame to the last
byte of the last one. The two take turns.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from playwright.sync_api import Browser
from pydicom.uid import generate_uid

from benchmarks.table import Context, Row, at_most
from ris_core.access.signing import Keyring
from ris_core.access.tokens import VIEWER_COOKIE_PATH, issue_viewer_token, viewer_cookie_name
from ris_core.engine.client import Engine
from ris_testing.backends import RunningSuite
from ris_testing.browser import WIDE, chromium
from ris_testing.ct_series import ct_files
from ris_testing.processes import start_processes

SLICES: Final = 174
SLOW_MBIT: Final = 20
LIMIT: Final = 0.45
LIMIT_WITHOUT: Final = 1.15
"""Both do the same then; what is beyond is what the measuring costs."""
TURNS: Final = 2
TURNS_WITHOUT: Final = 6
"""Short ones: what else the machine does is most of their difference."""
_LATENCY_MS: Final = 10
_LONGEST_SECONDS: Final = 180


@dataclass(frozen=True)
class Loaded:
    """One run."""

    seconds: float
    megabytes: float
    compressed: int
    """Frames."""


def run(context: Context) -> list[Row]:
    suite = start_processes(context.folder / "suite", "sqlite", {}, demo=True)
    study_uid = str(generate_uid())
    try:
        with Engine(suite.orthanc_url, suite.secret("service_token_worker"), timeout_seconds=60.0) as engine:
            for file in ct_files(study_uid, SLICES):
                engine.store_instance(file)
        with chromium() as browser:
            load(browser, suite, study_uid, "stored", 0)  # not measured: files are read, code is loaded
            return [
                _row(browser, suite, study_uid, SLOW_MBIT, LIMIT, TURNS),
                _row(browser, suite, study_uid, 0, LIMIT_WITHOUT, TURNS_WITHOUT),
            ]
    finally:
        suite.down()


def _row(browser: Browser, suite: RunningSuite, study_uid: str, mbit: int, limit: float, turns: int) -> Row:
    ours: list[Loaded] = []
    stored: list[Loaded] = []
    for turn in range(turns):
        order = [("stored", stored), ("auto", ours)]
        for choice, runs in order if turn % 2 else order[::-1]:
            runs.append(load(browser, suite, study_uid, choice, mbit))
    pairs = ", ".join(f"{one.seconds / other.seconds:.2f}" for one, other in zip(ours, stored, strict=True))
    note = (
        f"pairs {pairs}; {ours[-1].compressed} of {SLICES} frames compressed, "
        f"{ours[-1].megabytes:.0f} MB beside {stored[-1].megabytes:.0f} MB"
    )
    link = f"{mbit} Mbit/s" if mbit else "no limit"
    return at_most(
        f"viewer, {SLICES} CT slices, {link}: all frames (peer: as stored)",
        statistics.median(run.seconds for run in ours),
        statistics.median(run.seconds for run in stored),
        limit,
        "s",
        note,
    )


def load(browser: Browser, suite: RunningSuite, study_uid: str, choice: str, mbit: float) -> Loaded:
    """Open the study in a fresh browser and wait until every frame is there.

    :param choice: ``auto`` or ``stored``, as a user chooses it
    :param mbit: what the link carries a second; 0: no limit
    :raises NotLoaded: it took too long
    """
    token = issue_viewer_token(
        Keyring.from_text(suite.secret("viewer_signing_key")),
        [study_uid],
        "bs_lan",
        datetime.now(UTC) + timedelta(hours=1),
        grant="session:test",
    )
    visit = browser.new_context(viewport=WIDE, locale="vi-VN")
    name = viewer_cookie_name([study_uid])
    visit.add_cookies([{"name": name, "value": token, "path": VIEWER_COOKIE_PATH, "domain": "127.0.0.1"}])
    visit.add_init_script(f"localStorage.setItem('quang-link-choice', '{choice}')")
    page = visit.new_page()
    network = visit.new_cdp_session(page)
    asked: dict[str, float] = {}
    compressed: set[str] = set()
    done: dict[str, tuple[float, int]] = {}

    def sent(event: dict[str, Any]) -> None:
        if "/frames/" in event["request"]["url"]:
            asked[event["requestId"]] = event["timestamp"]

    def answered(event: dict[str, Any]) -> None:
        if "image/jphc" in str(event["response"]["headers"].get("Content-Type")):
            compressed.add(event["requestId"])

    def finished(event: dict[str, Any]) -> None:
        if event["requestId"] in asked:
            done[event["requestId"]] = event["timestamp"], int(event["encodedDataLength"])

    network.on("Network.requestWillBeSent", sent)
    network.on("Network.responseReceived", answered)
    network.on("Network.loadingFinished", finished)
    network.send("Network.enable")
    if mbit:
        octets = mbit * 1_000_000 / 8
        limits = {"offline": False, "latency": _LATENCY_MS, "downloadThroughput": octets, "uploadThroughput": octets}
        network.send("Network.emulateNetworkConditions", limits)
    try:
        page.goto(f"{suite.public_url}/viewer/viewer?StudyInstanceUIDs={study_uid}&lng=vi")
        deadline = time.monotonic() + _LONGEST_SECONDS
        while page.evaluate(_COMPLETE) < SLICES:
            if time.monotonic() > deadline:
                raise NotLoaded(f"{len(done)} of {SLICES} frames after {_LONGEST_SECONDS} s")
            page.wait_for_timeout(100)
    finally:
        visit.close()
    seconds = max(at for at, _ in done.values()) - min(asked.values())
    return Loaded(seconds, sum(size for _, size in done.values()) / 1e6, len(compressed))


class NotLoaded(Exception):
    """The frames did not come: the time means nothing."""


_COMPLETE: Final = """() => {
    if (!window.cornerstone) return 0;
    const images = [...window.cornerstone.cache._imageCache.values()].map(({ image }) => image).filter(Boolean);
    return images.filter(image => image.imageQualityStatus === 8).length;
}"""
"""Frames that the viewer has at full quality, decoded."""
