"""Accounts from a file: CSV with one line of names; looked at first, then taken over wholly or not at all (P17).

What the hospital's systems say of its staff (MFN) makes such a file: :func:`staff_without_account`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from ris_core.accounts.models import Role, User
from ris_core.accounts.services import Account, FirstPassword, check_account, open_account
from ris_core.audit.services import Actor
from ris_core.catalogue.models import Department, Staff
from ris_core.csv_files import WrongLine, read_table, written
from ris_core.errors import InvalidValue, QuangError
from ris_core.names import folded

COLUMNS: Final = ("username", "full_name", "role", "title", "department", "email", "staff_code", "expires_on")
NEEDED: Final = frozenset({"username", "full_name", "role"})
MOST_BYTES: Final = 1024 * 1024
MOST_LINES: Final = 2000
OPENED_AT_ONCE: Final = 100
"""A hash takes a tenth of a second, on a busy machine a third: passwords that are shown once must come before the
front door gives up (60 s)."""
_DAYS: Final = ("%d/%m/%Y", "%Y-%m-%d")
_ROLE_OF_STAFF: Final = {Staff.Kind.TECHNOLOGIST: Role.TECHNOLOGIST, Staff.Kind.PHYSICIAN: Role.CLINICIAN}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: accounts that would be opened, names that are in use already and stay as they are, and what
    is wrong; nothing is taken over while something is."""

    accounts: tuple[Account, ...]
    known: tuple[str, ...]
    wrong: tuple[WrongLine, ...]


def read_accounts(content: bytes) -> Reading:
    """Look at a file. Columns are found by their names in any order; separators are comma, semicolon or tab.

    :raises InvalidValue: field ``file``: no such file, too large, or without a column that is needed
    """
    columns, lines = read_table(content, most_bytes=MOST_BYTES, most_lines=MOST_LINES)
    if not NEEDED <= set(columns) <= set(COLUMNS) or len(columns) != len(set(columns)):
        raise InvalidValue(f"the first line names the columns: {', '.join(COLUMNS)}", field="file")
    taken = {name.lower() for name in User.objects.values_list("username", flat=True)}
    accounts: list[Account] = []
    known: list[str] = []
    wrong: list[WrongLine] = []
    seen: set[str] = set()
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        said = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
        name = said.get("username", "").lower()
        if name in taken:
            known.append(said["username"])
            continue
        try:
            if name in seen:
                raise InvalidValue("this name stands in a line above", field="username")
            account = _account(said)
            check_account(account)
        except InvalidValue as error:
            wrong.append(WrongLine(number, str(error.field or ""), error.detail))
            continue
        seen.add(name)
        accounts.append(account)
    return Reading(tuple(accounts), tuple(known), tuple(wrong))


def import_accounts(content: bytes, actor: Actor) -> list[tuple[User, str]]:
    """Open the accounts of a file that are not there yet, :data:`OPENED_AT_ONCE` at most; each with its first
    password, which is kept nowhere. The others are opened when the file is taken again.

    :raises InvalidValue: as :func:`read_accounts`, or field ``line``: a line is wrong by now
    """
    reading = read_accounts(content)
    if reading.wrong:
        raise InvalidValue("a line of the file is wrong", field="line")
    accounts = reading.accounts[:OPENED_AT_ONCE]
    passwords = [FirstPassword.made() for _ in accounts]  # long before the transaction: others write meanwhile
    try:
        with transaction.atomic():
            return [open_account(each, actor, first) for each, first in zip(accounts, passwords, strict=True)]
    except QuangError as error:
        raise InvalidValue(error.detail, field="line") from error


def staff_without_account() -> str:
    """CSV of the hospital's staff in use who have no account yet, as :func:`read_accounts` takes it: names and
    numbers from the master data, with a user name and a role to start from."""
    having = set(User.objects.exclude(staff_code="").values_list("staff_code", flat=True))
    departments = dict(Department.objects.filter(active=True).values_list("code", "name"))
    rows: list[tuple[str, ...]] = []
    for person in Staff.objects.filter(active=True).order_by("department_code", "name", "pk"):
        if person.code not in having:
            department = departments.get(person.department_code, person.department_code)
            role = _ROLE_OF_STAFF.get(Staff.Kind(person.kind), Role.RECEPTION)
            rows.append((user_name_from(person.code), person.name, role, person.title, department, "", person.code, ""))
    return written(COLUMNS, rows)


def _account(said: Mapping[str, str]) -> Account:
    return Account(
        username=said.get("username", ""),
        full_name=said.get("full_name", ""),
        role=said.get("role", "").upper(),
        title=said.get("title", ""),
        department=said.get("department", ""),
        email=said.get("email", ""),
        staff_code=said.get("staff_code", ""),
        expires_at=_end_of(said.get("expires_on", "")),
    )


def _end_of(text: str) -> datetime | None:
    """The end of the last day, on the site's clock."""
    if not text:
        return None
    for form in _DAYS:
        try:
            day: date = datetime.strptime(text, form).date()  # noqa: DTZ007 - a day, not a moment
        except ValueError:
            continue
        return datetime.combine(day, time.max, ZoneInfo(settings.QUANG.site.time_zone))
    raise InvalidValue("a day is written 31/12/2026", field="expires_on")


def user_name_from(code: str) -> str:
    """A user name to start from: letters and digits of the code."""
    name = re.sub(r"[^a-z0-9]+", "_", folded(code)).strip("_")
    return name if len(name) >= 3 else f"nv_{name}"
