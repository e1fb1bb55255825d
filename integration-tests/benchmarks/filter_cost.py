"""Frames over WADO-RS from Orthanc itself, with the access filter and without: beside each other, in turns.

The peer is the same Orthanc with the same settings and none of our code. A viewer's signed cookie is checked for each
frame; connections stay open, as the front door's do. How long one decision takes is what the host has measured.
"""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydicom.uid import generate_uid

from benchmarks.storage import MR_IMAGE_STORAGE, template
from benchmarks.table import Context, Row, no_more_than
from ris_core.access.signing import Keyring
from ris_core.access.tokens import issue_viewer_token, viewer_cookie_name
from ris_testing.dimse import EXPLICIT, Association
from ris_testing.engine import Engine, make_home, migrate, running_engine
from ris_testing.schedule import BENCH, schedule

LIMIT: Final = 0.9
"""Rate with the filter, of the rate without."""
MOST_MICROSECONDS: Final = 100.0
TURNS: Final = 40
FRAMES: Final = 120
"""In each turn."""
_IMAGES: Final = 20
_ACCEPT: Final = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'


def run(context: Context) -> list[Row]:
    """One viewer, and four at the same time."""
    home = context.folder / "suite"
    environment = make_home(home)
    migrate(environment)
    schedule(environment, devices=[BENCH])
    study, series = str(generate_uid()), str(generate_uid())
    uids = [f"2.25.7{number:06d}".ljust(64, "1") for number in range(_IMAGES)]
    token = issue_viewer_token(
        Keyring.from_text((Path(environment["QUANG_SECRETS_DIR"]) / "viewer_signing_key").read_text()),
        [study], "bench", datetime.now(UTC) + timedelta(hours=1), grant="session:bench",
    )  # fmt: skip
    headers = {"Accept": _ACCEPT, "Cookie": f"{viewer_cookie_name([study])}={token}"}
    paths = [f"/dicom-web/studies/{study}/series/{series}/instances/{uid}/frames/1" for uid in uids]
    with (
        running_engine(context.folder / "bare", python=False, changes={"DicomAlwaysAllowStore": True}) as bare,
        running_engine(home, environment) as suite,
    ):
        image = template(study, series, "BENCH")
        for engine in (bare, suite):
            with Association(engine.dicom_port, calling="BENCH", contexts=((MR_IMAGE_STORAGE, EXPLICIT),)) as sender:
                for uid in uids:
                    assert sender.store(image.encoded(uid), context=1, sop_class=MR_IMAGE_STORAGE, instance=uid) == 0
            rate(engine, paths, headers, 1, 100)  # not measured: caches fill
        before = decisions(suite)
        rows = [_row(suite, bare, paths, headers, viewers) for viewers in (1, 4)]
        after = decisions(suite)
    count = after["calls"] - before["calls"]
    each = (after["seconds"] - before["seconds"]) / count * 1_000_000
    rows.append(no_more_than("access filter, one decision", each, MOST_MICROSECONDS, "µs", f"mean of {count}"))
    return rows


def _row(suite: Engine, bare: Engine, paths: list[str], headers: dict[str, str], viewers: int) -> Row:
    ours: list[float] = []
    peers: list[float] = []
    for turn in range(TURNS):
        order = [(suite, ours), (bare, peers)]
        for engine, rates in order if turn % 2 else order[::-1]:
            rates.append(rate(engine, paths, headers, viewers, FRAMES))
    ratio = statistics.median(mine / other for mine, other in zip(ours, peers, strict=True))
    quartiles = statistics.quantiles([mine / other for mine, other in zip(ours, peers, strict=True)], n=4)
    said = ", ".join(f"{quartile:.2f}" for quartile in quartiles)
    return Row(
        f"WADO-RS frames, viewers: {viewers} (peer: no filter)",
        statistics.median(ours),
        statistics.median(peers),
        ratio,
        f"ratio >= {LIMIT:.2f}",
        ratio >= LIMIT,
        "/s",
        f"{TURNS} turns; quartiles of the pairs {said}",
    )


def rate(engine: Engine, paths: list[str], headers: dict[str, str], viewers: int, frames: int) -> float:
    """Frames a second, of ``viewers`` that share ``frames`` among them.

    :raises AssertionError: one was refused
    """
    refused: list[int] = []

    def load(count: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", engine.http_port, timeout=60)
        for number in range(count):
            connection.request("GET", paths[number % len(paths)], headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                refused.append(answer.status)
            answer.read()
        connection.close()

    threads = [threading.Thread(target=load, args=(frames // viewers,)) for _ in range(viewers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    assert not refused, f"frames were refused: {set(refused)}"
    return frames / seconds


def decisions(engine: Engine) -> Any:
    """What the host has measured of the filter so far."""
    return engine.get("/quang/callbacks")["callbacks"]["http filter"]
