"""What signing 100 reports costs those who look at worklists: a modality's C-FIND, and the RIS's list of exams.

The same few users and one modality ask at their own pace, once while nothing is signed and once while a radiologist's
batch of 100 is, in turns. The ratio is of the 95th percentiles, over all turns (R16).
"""

from __future__ import annotations

import http.client
import os
import random
import re
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.table import Context, Row, at_most
from ris_suite import layout
from ris_testing.backends import Database
from ris_testing.certificate_authority import CertificateAuthority
from ris_testing.dimse import Association
from ris_testing.his import acknowledgement_code, place_order
from ris_testing.orders import an_order
from ris_testing.processes import ProcessSuite, start_processes
from ris_testing.reports_to_sign import DEVICE, ReportToSign, approve_reports, give_key
from ris_testing.ris_user import RisUser

BATCH: Final = 100
TURNS: Final = int(os.environ.get("QUANG_BENCH_TURNS", "2"))
DATABASES: Final = tuple(os.environ.get("QUANG_BENCH_DATABASES", "postgresql sqlite").split())
LIMIT: Final = 1.2
IDLE_SECONDS: Final = 25.0
LONGEST_BATCH_SECONDS: Final = 180.0
EXAMS: Final = 10_000
ON_WORKLIST: Final = 20
USERS: Final = 3
PAGE_EVERY_SECONDS: Final = 0.35
FIND_EVERY_SECONDS: Final = 0.1
PAGES: Final = ("/", "/?state=ready", "/?when=today", "/?mine=1", "/?state=ready&modality=CT")

SEED = f"""
import sys
sys.path.insert(0, {str(layout.REPOSITORY / "integration-tests")!r})
from benchmarks.many_orders import seed_orders
seed_orders({EXAMS})
"""
_BEFORE: Final = ("render_document", "store_document", "study_arrived", "study_keeps_arriving", "study_stable")
SETTINGS: Final = {"QUANG_MAPPING__SWEEP_INTERVAL_SECONDS": "86400"}
"""The studies of made-up orders are not in the engine: nobody is to look for them meanwhile."""
_PASSPHRASE: Final = "passphrase of the benchmark"
_STATE = re.compile(r'<article class="card signing-batch".*?<b class="number">(\d+)/(\d+)</b>', re.DOTALL)


@dataclass
class Timings:
    """Milliseconds of each question."""

    page: list[float] = field(default_factory=list)
    find: list[float] = field(default_factory=list)


def run(context: Context) -> list[Row]:
    """Two rows a database."""
    return [row for database in DATABASES for row in _measured(context.folder / database, _database(database))]


def _database(name: str) -> Database:
    return "postgresql" if name == "postgresql" else "sqlite"


def _measured(home: Path, database: Database) -> Iterator[Row]:
    suite = start_processes(home, database, SETTINGS, demo=True)
    try:
        reports = prepare(suite)
        idle, signing, took = measure(suite, reports)
    finally:
        suite.down()
    yield from compared(database, idle, signing, took)


def prepare(suite: ProcessSuite) -> list[ReportToSign]:
    """A hospital with orders, a worklist, a key that is unlocked, and what is to be signed in all turns."""
    suite.python(SEED, timeout_seconds=300)
    for _ in range(ON_WORKLIST):
        answer = place_order(an_order().message(), host=suite.mllp.host, port=suite.mllp.port)
        if acknowledgement_code(answer) != "AA":
            raise RuntimeError("an order was not taken")
    key = CertificateAuthority("http://127.0.0.1:9").issue("BS. Trần Minh Quân")
    give_key(suite, key.pkcs12(_PASSPHRASE), _PASSPHRASE)
    reports = approve_reports(suite, BATCH * TURNS)
    _let_rest(suite)
    return reports


def compared(database: str, idle: Timings, signing: Timings, took: list[float]) -> Iterator[Row]:
    """The worklist and the page, with signing beside without."""
    for name, quiet, busy in (
        ("C-FIND worklist", idle.find, signing.find),
        ("RIS worklist page", idle.page, signing.page),
    ):
        note = (
            f"p50 {statistics.median(quiet):.1f} and {statistics.median(busy):.1f} ms, {len(quiet)} and {len(busy)} "
            f"times, {TURNS} turns; a batch took {statistics.mean(took):.0f} s"
        )
        text = f"{name} p95 while {BATCH} reports are signed, {database} (peer: nothing is signed)"
        yield at_most(text, _p95(busy), _p95(quiet), LIMIT, "ms", note)


def _let_rest(suite: ProcessSuite) -> None:
    """Until the worker has stored the reports' pages in their studies."""
    deadline = time.monotonic() + LONGEST_BATCH_SECONDS
    waiting = (
        "from ris_core.jobs.models import Job; "
        f"print(Job.objects.filter(state__in=('QUEUED', 'RUNNING'), kind__in={_BEFORE!r}).count())"
    )
    while suite.python(waiting) != "0":
        if time.monotonic() > deadline:
            raise RuntimeError("the worker does not come to rest")
        time.sleep(3.0)


def measure(suite: ProcessSuite, reports: list[ReportToSign]) -> tuple[Timings, Timings, list[float]]:
    """Times while nothing is signed and while a batch is, and how long each batch took, in seconds."""
    logins = {login["username"]: login["password"] for login in suite.demo_logins()["logins"]}
    users = [RisUser(suite.public_url, name, logins[name]) for name in ("bacsi2", "ktv", "truongnhom")]
    signer = RisUser(suite.public_url, "bacsi", logins["bacsi"])
    idle, signing, took = Timings(), Timings(), []
    _ask_until(_after(5.0), suite, users, Timings())  # not measured: code and pages are loaded
    for turn in range(TURNS):
        _ask_until(_after(IDLE_SECONDS), suite, users, idle)
        versions = [report.version for report in reports[turn * BATCH : (turn + 1) * BATCH]]
        began = time.monotonic()
        _ask_until(_batch(signer, versions), suite, users, signing)
        took.append(time.monotonic() - began)
        print(f"turn {turn + 1}: {took[-1]:.1f} s", file=sys.stderr, flush=True)
        time.sleep(5.0)  # what is stored in the studies, and told to live screens, comes to rest
    return idle, signing, took


def _after(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


def _batch(signer: RisUser, versions: list[int]) -> Callable[[], None]:
    """Sign ``versions`` as one batch, and come back when all are signed."""

    def sign() -> None:
        form = {"csrfmiddlewaretoken": signer.csrf("/signing/keys/"), "version": versions}
        headers = {"Referer": f"{signer.public_url}/signing/"}
        asked = signer.session.post(
            f"{signer.public_url}/signing/sign/", form, headers=headers, timeout=30, allow_redirects=False
        )
        if asked.status_code != 302:
            raise RuntimeError(f"signing was not taken: {asked.status_code}")
        deadline = time.monotonic() + LONGEST_BATCH_SECONDS
        while True:
            time.sleep(1.0)
            found = _STATE.search(signer.get("/signing/?box=failed").text)
            if found and found[1] == found[2] == str(len(versions)):
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"the batch did not end: {found and found.groups()}")

    return sign


def _ask_until(act: Callable[[], None], suite: ProcessSuite, users: list[RisUser], timings: Timings) -> None:
    """All ask until ``act`` is done; what one of them meets is raised."""
    over, problems = threading.Event(), list[BaseException]()

    def guarded(asking: Callable[..., None], *arguments: object) -> None:
        try:
            asking(*arguments, over, timings)
        except BaseException as problem:  # noqa: BLE001 - raised below, in the caller's thread
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(_look, user, number)) for number, user in enumerate(users)]
    threads.append(threading.Thread(target=guarded, args=(_find, suite)))
    for thread in threads:
        thread.start()
    try:
        act()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    if problems:
        raise problems[0]


def _look(user: RisUser, number: int, over: threading.Event, timings: Timings) -> None:
    chance, visit = random.Random(number), number
    parts = urlsplit(user.public_url)
    cookie = "; ".join(f"{name}={value}" for name, value in user.session.cookies.items())
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    while not over.wait(chance.uniform(0.5, 1.5) * PAGE_EVERY_SECONDS):
        began = time.perf_counter()
        connection.request("GET", PAGES[visit % len(PAGES)], headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        timings.page.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            raise RuntimeError(f"{PAGES[visit % len(PAGES)]}: {answer.status}")
        visit += 1
    connection.close()


def _find(suite: ProcessSuite, over: threading.Event, timings: Timings) -> None:
    chance = random.Random(7)
    with Association(suite.dicom.port, calling=DEVICE) as association:
        while not over.wait(chance.uniform(0.5, 1.5) * FIND_EVERY_SECONDS):
            began = time.perf_counter()
            status, answers = association.find(_QUERY)
            timings.find.append((time.perf_counter() - began) * 1000)
            if status != 0 or len(answers) < ON_WORKLIST:
                raise RuntimeError(f"C-FIND: status {status:04X}, {len(answers)} answers")


def _element(group: int, element: int, representation: bytes, value: bytes = b"") -> bytes:
    padded = value + b" " * (len(value) & 1)
    return (
        group.to_bytes(2, "little") + element.to_bytes(2, "little") + representation
        + len(padded).to_bytes(2, "little") + padded
    )  # fmt: skip


def _query() -> bytes:
    """A device's own worklist of all days, Explicit VR Little Endian."""
    step = b"".join(
        _element(*told)
        for told in (
            (0x0008, 0x0060, b"CS"),
            (0x0040, 0x0001, b"AE", DEVICE.encode()),
            (0x0040, 0x0002, b"DA"),
            (0x0040, 0x0003, b"TM"),
            (0x0040, 0x0009, b"SH"),
        )
    )
    before = ((0x0008, 0x0050, b"SH"), (0x0010, 0x0010, b"PN"), (0x0010, 0x0020, b"LO"), (0x0020, 0x000D, b"UI"))
    item = b"\xfe\xff\x00\xe0" + len(step).to_bytes(4, "little") + step
    sequence = b"\x40\x00\x00\x01SQ\0\0" + len(item).to_bytes(4, "little") + item
    return b"".join(_element(*told) for told in before) + sequence + _element(0x0040, 0x1001, b"SH")


_QUERY: Final = _query()


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[94]
