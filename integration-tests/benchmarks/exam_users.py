"""Users of a hospital with very many exams: those who look through the lists and those who write reports."""

from __future__ import annotations

import gzip
import http.client
import json
import random
import re
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from ris_testing.ris_user import RisUser

PAGES_OF_A_USER: Final = 4
WARM_UP_PAGES: Final = 1
THINK_SECONDS: Final = (10.0, 30.0)
"""Between two pages. A radiologist reads some 120 exams a day and looks at the list between two of them, every four
minutes; a technologist or a clerk looks every minute. Here everybody looks three to twelve times as often, and half of
what they ask for are searches."""
SAVES_OF_A_WRITER: Final = 30
TYPING_SECONDS: Final = (1.5, 6.0)
"""The editor saves 0.7 s after the last key and at the latest after 1.5 s of typing; people stop to look."""

_YEAR: Final = 5_000

_MORE = re.compile(r'hx-get="([^"]+after=[^"]+)"')

LISTS: Final = (
    "/",
    "/?state=ready",
    "/?state=ready&modality=CT",
    "/?state=ready&class=I",
    "/?when=today",
    "/?when=month",
    "/?when=all",
    "/?when=all&state=final&modality=MR",
    "/?when=all&late=1",
    "/?mine=1",
    "/?sort=patient",
    "/?when=all&sort=-service",
    "more",
)
LIST_WEIGHTS: Final = (30, 14, 8, 4, 8, 4, 4, 4, 4, 6, 4, 4, 14)

SENTENCES: Final = (
    "Nhu mô phổi hai bên không thấy tổn thương khu trú.",
    "Không thấy hạch lớn trung thất.",
    "Khoang màng phổi hai bên không có dịch.",
    "Bóng tim không to, quai động mạch chủ không giãn.",
    "Gan không to, bờ đều, không thấy khối khu trú.",
)


@dataclass
class Timings:
    """Milliseconds of each page by its kind; ``failures`` are answers other than 200."""

    lists: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    saves: list[float] = field(default_factory=list)
    by_address: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, other: Timings) -> None:
        """Take another user's in."""
        self.lists += other.lists
        self.searches += other.searches
        self.saves += other.saves
        self.by_address += other.by_address
        self.failures += other.failures


class _Browser:
    """A user's connection, kept open as browsers do."""

    def __init__(self, user: RisUser) -> None:
        parts = urlsplit(user.public_url)
        self._origin = user.public_url
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._cookie = "; ".join(f"{name}={value}" for name, value in user.session.cookies.items())

    def ask(self, address: str, body: dict[str, object] | None = None, csrf: str = "") -> tuple[float, int, str]:
        """Milliseconds until the whole answer is here (compressed, as browsers ask for it), status and text."""
        headers = {"Cookie": self._cookie, "Accept-Encoding": "gzip"}
        if body is not None:
            headers |= {"Content-Type": "application/json", "X-CSRFToken": csrf, "Referer": self._origin + "/"}
        began = time.perf_counter()
        self._connection.request(
            "GET" if body is None else "POST", address, None if body is None else json.dumps(body), headers
        )
        answer = self._connection.getresponse()
        content = answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        return took, answer.status, content.decode()

    def close(self) -> None:
        self._connection.close()


def warm_up(user: RisUser, exams: int) -> None:
    """One user opens every list and searches by every criterion, as others have done since the database started."""
    chance, browser = random.Random(0), _Browser(user)
    for address in (*LISTS, *(_search(chance, exams) for _ in range(50))):
        if address != "more":
            browser.ask(address)
    browser.close()


def look_through(user: RisUser, number: int, exams: int) -> Timings:
    """Open the list, narrow it, scroll on, search by every criterion, and think in between; half are searches."""
    chance, browser, timings = random.Random(number), _Browser(user), Timings()
    address, searching = "/", False
    time.sleep(chance.uniform(0, THINK_SECONDS[1]))
    for visit in range(PAGES_OF_A_USER + WARM_UP_PAGES):
        took, status, text = browser.ask(address)
        if status != 200:
            timings.failures.append(f"{address}: {status}")
        elif visit >= WARM_UP_PAGES:
            (timings.searches if searching else timings.lists).append(took)
            timings.by_address.append((took, address))
        searching = visit % 2 == 0
        address = _search(chance, exams) if searching else _list(chance, text)
        time.sleep(chance.uniform(*THINK_SECONDS))
    browser.close()
    return timings


def write_report(user: RisUser, exam_id: int, number: int) -> Timings:
    """Claim an exam and type its report, which is saved as one types."""
    chance, browser, timings = random.Random(number), _Browser(user), Timings()
    revision = user.act(exam_id, "claim")["revision"]
    csrf, text = user.status(exam_id)["csrf"], ""
    time.sleep(chance.uniform(0, TYPING_SECONDS[1]))
    for save in range(SAVES_OF_A_WRITER):
        text += " " + chance.choice(SENTENCES)
        section = {"code": "findings", "blocks": [{"type": "text", "text": text}]}
        body: dict[str, object] = {"revision": revision, "content": {"sections": [section]}}
        took, status, answer = browser.ask(f"/exams/{exam_id}/draft", body, csrf)
        if status != 200:
            timings.failures.append(f"draft: {status}")
            break
        revision = json.loads(answer)["revision"]
        if save >= WARM_UP_PAGES:
            timings.saves.append(took)
        time.sleep(chance.uniform(*TYPING_SECONDS))
    browser.close()
    return timings


def exams_to_read(user: RisUser, count: int) -> list[int]:
    """So many exams that wait for a reader."""
    found: list[int] = []
    address = "/?state=ready&sort=newest"
    while len(found) < count:
        answer = user.get(address)
        text = answer.text
        found += [int(key) for key in re.findall(r'data-exam="(\d+)"', text)]
        more = _MORE.search(text)
        if not more:
            raise RuntimeError(f"{address}: {answer.status_code}, {len(found)} exams wait for a reader")
        address = "/" + more.group(1).replace("&amp;", "&")
    return found[:count]


def _list(chance: random.Random, page: str) -> str:
    """Where a user goes in the list: mostly back to it or to a filter, often on."""
    wanted = chance.choices(LISTS, weights=LIST_WEIGHTS)[0]
    if wanted != "more":
        return wanted
    more = _MORE.search(page)
    return "/" + more.group(1).replace("&amp;", "&") if more else "/"


def _search(chance: random.Random, exams: int) -> str:
    """What a user looks for: people and numbers mostly, then everything else that can be chosen."""
    number = chance.randrange(exams)
    name = chance.choice(("nguyễn văn an", "tran thi lan", "le hung", "yến", "minh phạm", "nguyen", "dao thi nguyen"))
    return chance.choices(
        (
            f"/?q={quote(name)}",
            f"/?q={quote(name)}&state=ready",
            f"/?q=BN{number // 2:08d}",
            f"/?q=A{number:09d}",
            f"/?q={_citizen_id(chance, exams)}",
            f"/?q={number:09d}",
            f"/?report={quote(chance.choice(('xuất huyết', 'thoát vị', 'nốt mờ bờ tua gai', 'nang than phai')))}",
            f"/?region={chance.choice(('HEAD', 'CHEST', 'LSPINE'))}&modality={chance.choice(('CT', 'DX'))}",
            f"/?department={quote(chance.choice(('nhi', 'cấp cứu', 'ung bướu')))}&service={quote('sọ não')}",
            f"/?device={chance.choice(('CT1', 'MR1'))}&q={quote(name)}",
            "/?q=khongcoai",
        ),
        weights=(24, 6, 14, 14, 8, 4, 10, 6, 6, 4, 4),
    )[0]


def _citizen_id(chance: random.Random, exams: int) -> str:
    """One that somebody has: every second patient of the year that :mod:`benchmarks.million_exams` multiplies."""
    copies = exams // _YEAR - 1
    patient = 2 * chance.randrange(_YEAR // 4)
    if copies:
        patient = _YEAR // 2 + patient * copies + chance.randrange(copies)
    return f"0{79000000000 + patient}"
