"""The worklist page with 100,000 orders and 50 users, through the front door of a whole suite, on both databases.

Each user does what people do at a list: open it, narrow it, search, scroll on, and think in between. The peer is the
smallest page of the same web app (its login form: no session, no database) asked for in between by the same users,
so that what the machine and the server cost by themselves can be told from what the list costs.
"""

from __future__ import annotations

import http.client
import random
import re
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from benchmarks.table import Context, Row
from ris_suite import layout
from ris_testing.backends import Database, RunningSuite
from ris_testing.processes import start_processes
from ris_testing.ris_user import RisUser

ORDERS: Final = 100_000
USERS: Final = 50
PAGES_OF_A_USER: Final = 24
THINK_SECONDS: Final = (1.5, 4.5)
PROMISED_P95_MS: Final = 150.0
WARM_UP_PAGES: Final = 2
PEER: Final = "/login/"

_MORE = re.compile(r'hx-get="([^"]+after=[^"]+)"')

SEED = f"""
import sys
sys.path.insert(0, {str(layout.REPOSITORY / "integration-tests")!r})
from benchmarks.many_orders import seed_orders
seed_orders({ORDERS})
"""


@dataclass
class Timings:
    """Milliseconds of every page of every user; ``failures`` are answers other than 200."""

    page: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def run(context: Context) -> list[Row]:
    """One row a database."""
    return [row for database in ("sqlite", "postgresql") for row in _measured(context.folder / database, database)]


def _measured(home: Path, database: Database) -> Iterator[Row]:
    suite = start_processes(home, database, {}, demo=True)
    try:
        suite.python(SEED, timeout_seconds=300)
        timings = _work(suite)
    finally:
        suite.down()
    if timings.failures:
        raise RuntimeError(f"{len(timings.failures)} pages failed, the first: {timings.failures[0]}")
    p95, peer = _percentile(timings.page, 95), _percentile(timings.peer, 95)
    note = (
        f"p50 {statistics.median(timings.page):.0f} ms, p99 {_percentile(timings.page, 99):.0f} ms, "
        f"{len(timings.page)} pages"
    )
    name = f"worklist page p95, {ORDERS:,} orders, {USERS} users, {database} (peer: login form)"
    yield Row(name, p95, peer, p95 / peer, f"<= {PROMISED_P95_MS:g} ms", p95 <= PROMISED_P95_MS, "ms", note)


def _work(suite: RunningSuite) -> Timings:
    """All users at once, each in a thread of their own; ends by itself after their last page.

    The demo's accounts log in before, one after the other, and ten users share each: hashing fifty passwords at one
    moment is another matter.
    """
    logins = [login for login in suite.demo_logins()["logins"] if login["role"] != "ADMINISTRATOR"]
    accounts = [RisUser(suite.public_url, login["username"], login["password"]) for login in logins]
    with ThreadPoolExecutor(max_workers=USERS) as users:
        visits = list(users.map(lambda number: _visit(accounts[number % len(accounts)], number), range(USERS)))
    return Timings(
        page=[took for visit in visits for took in visit.page],
        peer=[took for visit in visits for took in visit.peer],
        failures=[failure for visit in visits for failure in visit.failures],
    )


def _visit(user: RisUser, number: int) -> Timings:
    """What one user does: every page a little later than the last one, every eighth time the peer's page."""
    chance = random.Random(number)
    parts = urlsplit(user.public_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    cookie = "; ".join(f"{name}={value}" for name, value in user.session.cookies.items())
    timings, address = Timings(), "/"
    time.sleep(chance.uniform(0, THINK_SECONDS[1]))
    for visit in range(PAGES_OF_A_USER + WARM_UP_PAGES):
        peer = visit % 8 == 7
        began = time.perf_counter()
        connection.request("GET", PEER if peer else address, headers={} if peer else {"Cookie": cookie})
        answer = connection.getresponse()
        text = answer.read().decode()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            timings.failures.append(f"{address}: {answer.status}")
        elif visit >= WARM_UP_PAGES:
            (timings.peer if peer else timings.page).append(took)
        if not peer:
            address = _next_address(chance, text)
        time.sleep(chance.uniform(*THINK_SECONDS))
    connection.close()
    return timings


def _next_address(chance: random.Random, page: str) -> str:
    """Where a user goes from a page of the list: mostly back to it or to a filter, often on, sometimes to a search."""
    number = chance.randrange(ORDERS)
    more = _MORE.search(page)
    return chance.choices(
        (
            "/",
            "/?state=ready",
            f"/?state=ready&modality={chance.choice(('CT', 'MR', 'DX'))}",
            "/?when=today",
            "/?when=all",
            "/?mine=1",
            "/" + more.group(1).replace("&amp;", "&") if more else "/",
            "/?q=" + quote(chance.choice(("nguyễn văn an", "tran thi lan", "le hung", "yến", "pham minh"))),
            f"/?q=BN{number // 2:08d}",
            f"/?q=A{number:09d}",
        ),
        weights=(30, 14, 8, 8, 4, 6, 14, 8, 4, 4),
    )[0]


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
