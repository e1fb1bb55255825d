"""The list of exams with 1,000,000 exams and 200 users, through the front door of a suite on PostgreSQL.

Each user opens the list, narrows it, scrolls on, searches by every criterion, and thinks in between.
``QUANG_BENCH_EXAMS`` and ``QUANG_BENCH_USERS`` make it smaller. Half the pages are searches.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from benchmarks.table import Context, Row, no_more_than
from ris_suite import layout
from ris_testing.backends import RunningSuite
from ris_testing.processes import start_processes
from ris_testing.ris_user import RisUser

EXAMS: Final = int(os.environ.get("QUANG_BENCH_EXAMS", "1000000"))
USERS: Final = int(os.environ.get("QUANG_BENCH_USERS", "200"))
PAGES_OF_A_USER: Final = 16
WARM_UP_PAGES: Final = 2
THINK_SECONDS: Final = (4.0, 12.0)
PROMISED_P95_MS: Final = 300.0

SEED = f"""
import sys
sys.path.insert(0, {str(layout.REPOSITORY / "integration-tests")!r})
from benchmarks.million_exams import seed_exams
seed_exams({EXAMS})
"""
_MORE = re.compile(r'hx-get="([^"]+after=[^"]+)"')

LISTS: Final = (
    "/",
    "/?state=ready",
    "/?state=ready&modality=CT",
    "/?when=today",
    "/?when=month",
    "/?when=all",
    "/?when=all&state=final&modality=MR",
    "/?mine=1",
    "/?sort=patient",
    "/?when=all&sort=-service",
    "more",
)
LIST_WEIGHTS: Final = (30, 14, 8, 8, 4, 4, 4, 6, 4, 4, 14)


@dataclass
class Timings:
    """Milliseconds of each page by its kind; ``failures`` are answers other than 200."""

    lists: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    by_address: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def run(context: Context) -> list[Row]:
    """p95 of list pages and of searches."""
    suite = start_processes(context.folder / "suite", "postgresql", {}, demo=True)
    try:
        began = time.perf_counter()
        suite.python(SEED, timeout_seconds=1800)
        print(f"{EXAMS:,} exams written in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        timings = _work(suite)
    finally:
        suite.down()
    if timings.failures:
        raise RuntimeError(f"{len(timings.failures)} pages failed, the first: {timings.failures[0]}")
    for took, address in sorted(timings.by_address, reverse=True)[:8]:
        print(f"{took:6.0f} ms  {address}", file=sys.stderr)
    size = f"{EXAMS:,} exams, {USERS} users, PostgreSQL"
    return [
        no_more_than(f"exam {kind} p95, {size}", _percentile(taken, 95), PROMISED_P95_MS, "ms", _note(taken))
        for kind, taken in (("list", timings.lists), ("search", timings.searches))
    ]


def _note(taken: list[float]) -> str:
    return f"p50 {statistics.median(taken):.0f} ms, p99 {_percentile(taken, 99):.0f} ms, {len(taken)} pages"


def _work(suite: RunningSuite) -> Timings:
    logins = [login for login in suite.demo_logins()["logins"] if login["role"] != "ADMINISTRATOR"]
    accounts = [RisUser(suite.public_url, login["username"], login["password"]) for login in logins]
    with ThreadPoolExecutor(max_workers=USERS) as users:
        visits = list(users.map(lambda number: _visit(accounts[number % len(accounts)], number), range(USERS)))
    return Timings(
        lists=[took for visit in visits for took in visit.lists],
        searches=[took for visit in visits for took in visit.searches],
        by_address=[taken for visit in visits for taken in visit.by_address],
        failures=[failure for visit in visits for failure in visit.failures],
    )


def _visit(user: RisUser, number: int) -> Timings:
    chance = random.Random(number)
    parts = urlsplit(user.public_url)
    cookie = "; ".join(f"{name}={value}" for name, value in user.session.cookies.items())
    timings, address, searching = Timings(), "/", False
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    time.sleep(chance.uniform(0, THINK_SECONDS[1]))
    for visit in range(PAGES_OF_A_USER + WARM_UP_PAGES):
        began = time.perf_counter()
        connection.request("GET", address, headers={"Cookie": cookie})
        answer = connection.getresponse()
        text = answer.read().decode()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            timings.failures.append(f"{address}: {answer.status}")
        elif visit >= WARM_UP_PAGES:
            (timings.searches if searching else timings.lists).append(took)
            timings.by_address.append((took, address))
        searching = visit % 2 == 0
        address = _search(chance) if searching else _list(chance, text)
        time.sleep(chance.uniform(*THINK_SECONDS))
    connection.close()
    return timings


def _list(chance: random.Random, page: str) -> str:
    """Where a user goes in the list: mostly back to it or to a filter, often on."""
    wanted = chance.choices(LISTS, weights=LIST_WEIGHTS)[0]
    if wanted != "more":
        return wanted
    more = _MORE.search(page)
    return "/" + more.group(1).replace("&amp;", "&") if more else "/"


def _search(chance: random.Random) -> str:
    """What a user looks for: people and numbers mostly, then everything else that can be chosen."""
    number = chance.randrange(EXAMS)
    name = chance.choice(("nguyễn văn an", "tran thi lan", "le hung", "yến", "minh phạm", "nguyen", "dao thi nguyen"))
    return chance.choices(
        (
            f"/?q={quote(name)}",
            f"/?q={quote(name)}&state=ready",
            f"/?q=BN{number // 2:08d}",
            f"/?q=A{number:09d}",
            f"/?q=0{79000000000 + 2 * (number // 4)}",
            f"/?q={number:09d}",
            f"/?report={quote(chance.choice(('xuất huyết', 'thoát vị', 'nốt mờ bờ tua gai', 'nang than phai')))}",
            f"/?region={chance.choice(('HEAD', 'CHEST', 'LSPINE'))}&modality={chance.choice(('CT', 'DX'))}",
            f"/?department={quote(chance.choice(('nhi', 'cấp cứu', 'ung bướu')))}&service={quote('sọ não')}",
            f"/?device={chance.choice(('CT1', 'MR1'))}&q={quote(name)}",
            "/?q=khongcoai",
        ),
        weights=(24, 6, 14, 14, 8, 4, 10, 6, 6, 4, 4),
    )[0]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
