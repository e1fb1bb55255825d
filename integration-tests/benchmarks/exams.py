"""A hospital with 1,000,000 exams and 200 users, through the front door of a suite on PostgreSQL.

Most users look through the lists and search, and think in between; every eighth writes a report, which is saved as
they type. Afterwards the statistics of a month are asked for, one after the other. ``QUANG_BENCH_EXAMS`` and
``QUANG_BENCH_USERS`` make it smaller; ``QUANG_BENCH_KEEP`` names a folder in which the suite and its exams stay for the
next run.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from benchmarks.exam_users import Timings, exams_to_read, look_through, warm_up, write_report
from benchmarks.table import Context, Row, no_more_than
from ris_suite import layout
from ris_testing.backends import RunningSuite
from ris_testing.processes import start_processes
from ris_testing.ris_user import RisUser, log_in

EXAMS: Final = int(os.environ.get("QUANG_BENCH_EXAMS", "1000000"))
USERS: Final = int(os.environ.get("QUANG_BENCH_USERS", "200"))
WRITERS: Final = USERS // 8
PROMISED_P95_MS: Final = 300.0
PROMISED_SAVING_P95_MS: Final = 100.0
PROMISED_STATISTICS_MS: Final = 2000.0
STATISTICS: Final = {
    "overview": "/statistics/",
    "turnaround": "/statistics/turnaround/",
    "register": "/statistics/register/",
}
READING_ROLES: Final = ("RESIDENT", "RADIOLOGIST", "SENIOR")
LISTING_ROLES: Final = (*READING_ROLES, "SECRETARY", "TECHNOLOGIST", "RECEPTION", "CLINICIAN")
"""Who have the list of all exams open during the day."""

PARTS: Final = frozenset({"postgres", "orthanc", "web", "events", "nginx"})
"""Without the worker: the exams' images are not in the engine, and it would look for a million studies one by one."""

SEED = f"""
import sys
sys.path.insert(0, {str(layout.REPOSITORY / "integration-tests")!r})
from benchmarks.million_exams import seed_exams
seed_exams({EXAMS})
"""


def run(context: Context) -> list[Row]:
    """p95 of list pages, of searches and of saving drafts; the slowest statistics of a month."""
    kept = os.environ.get("QUANG_BENCH_KEEP")
    home = Path(kept) if kept else context.folder / "suite"
    suite = start_processes(home, "postgresql", {}, demo=True, parts=PARTS)
    try:
        began = time.perf_counter()
        suite.python(SEED, timeout_seconds=1800)
        print(f"{EXAMS:,} exams are there after {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        warm_up(log_in(suite.public_url, suite.demo_logins(), "RADIOLOGIST"), EXAMS)
        timings = _work(suite)
        of_a_month = _statistics(suite)
    finally:
        suite.down()
    if timings.failures:
        raise RuntimeError(f"{len(timings.failures)} pages failed, the first: {timings.failures[0]}")
    for took, address in sorted(timings.by_address, reverse=True)[:8]:
        print(f"{took:6.0f} ms  {address}", file=sys.stderr)
    size = f"{EXAMS:,} exams, {USERS} users, PostgreSQL"
    rows = [
        no_more_than(f"{kind} p95, {size}", _percentile(taken, 95), limit, "ms", _note(taken))
        for kind, taken, limit in (
            ("exam list", timings.lists, PROMISED_P95_MS),
            ("exam search", timings.searches, PROMISED_P95_MS),
            ("draft saved", timings.saves, PROMISED_SAVING_P95_MS),
        )
    ]
    rows += [
        no_more_than(f"statistics of a month, {name}, {EXAMS:,} exams", took, PROMISED_STATISTICS_MS, "ms")
        for name, took in of_a_month.items()
    ]
    return rows


def _note(taken: list[float]) -> str:
    return f"p50 {statistics.median(taken):.0f} ms, p99 {_percentile(taken, 99):.0f} ms, {len(taken)} times"


def _work(suite: RunningSuite) -> Timings:
    """All users at once, each in a thread of their own; the demo's accounts log in before and are shared."""
    logins = [login for login in suite.demo_logins()["logins"] if login["role"] in LISTING_ROLES]
    accounts = {login["username"]: RisUser(suite.public_url, login["username"], login["password"]) for login in logins}
    everybody = list(accounts.values())
    readers = [accounts[login["username"]] for login in logins if login["role"] in READING_ROLES]
    waiting = exams_to_read(readers[0], WRITERS)
    with ThreadPoolExecutor(max_workers=USERS) as users:
        working = [
            users.submit(write_report, readers[number % len(readers)], waiting[number], number)
            if number < WRITERS
            else users.submit(look_through, everybody[number % len(everybody)], number, EXAMS)
            for number in range(USERS)
        ]
    timings = Timings()
    for user in working:
        timings.add(user.result())
    return timings


def _statistics(suite: RunningSuite) -> dict[str, float]:
    """Milliseconds of each page for the last month."""
    user = log_in(suite.public_url, suite.demo_logins(), "ADMINISTRATOR")
    last = datetime.now(UTC).date() - timedelta(days=1)
    period = f"?from={last - timedelta(days=30)}&to={last}"
    taken: dict[str, float] = {}
    for name, address in STATISTICS.items():
        began = time.perf_counter()
        answer = user.get(address + period)
        taken[name] = (time.perf_counter() - began) * 1000
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status_code}")
    return taken


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
