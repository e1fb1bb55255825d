"""Search: what a parameter asks for, and a page of what is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet
from fhir.resources.R4B.bundle import Bundle

from ris_core.access.errors import RequestUnreadable
from ris_webapp.api.paging import LARGEST_KEY, after_key
from ris_webapp.fhir.outcome import valid

_PREFIXES = {"ge": "gte", "gt": "gt", "le": "lte", "lt": "lt", "sa": "gt", "eb": "lt"}
_DEFAULT_COUNT = 50
_LONGEST_VALUE = 200
_zone = cache(ZoneInfo)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of a resource."""

    name: str
    type: str
    """``token``, ``reference``, ``date``, ``string``."""
    condition: Callable[[str], Q]
    """:raises RequestUnreadable: of a value that it cannot have"""


def found_page(
    kind: str,
    rows: QuerySet[Any],
    parameters: tuple[Parameter, ...],
    sent: Mapping[str, list[str]],
    shown: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    """A Bundle of what ``sent`` asks for, oldest first; ``next`` leads to what follows.

    :raises RequestUnreadable: of a parameter that is not known: to ignore it would answer with others' data
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    count, after = _DEFAULT_COUNT, 0
    for name, values in sent.items():
        for value in values:
            if len(value) > _LONGEST_VALUE or "\0" in value:
                raise RequestUnreadable(f"{name}: at most {_LONGEST_VALUE} characters", field=name)
            if name == "_count":
                count = min(_number(name, value), settings.QUANG.api.max_page)
            elif name == "_after":
                after = _number(name, value)
            elif name == "_format":
                continue
            elif name in by_name:
                rows = rows.filter(any_of(by_name[name], value))
            else:
                raise RequestUnreadable(
                    f"{name[:40]!r} is no search parameter here; there are {', '.join(sorted(by_name))}",
                    field=name[:64],
                )
    found, more = after_key(rows, after, count)
    links = [{"relation": "self", "url": _address(kind, sent)}]
    if more:
        links.append({"relation": "next", "url": _address(kind, {**sent, "_after": [str(found[-1].pk)]})})
    entries = [
        {"fullUrl": full_url(kind, row.pk), "resource": shown(row), "search": {"mode": "match"}} for row in found
    ]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if entries:
        bundle["entry"] = entries
    return valid(Bundle, bundle)


def any_of(parameter: Parameter, value: str) -> Q:
    """Values apart by commas are alternatives."""
    condition = Q()
    for each in value.split(",")[:20]:
        condition |= parameter.condition(each)
    return condition


def token(value: str) -> tuple[str | None, str]:
    """``system|code`` taken apart; no system: any."""
    system, bar, code = value.rpartition("|")
    return (system if bar else None), code


def reference_id(kind: str, value: str) -> int:
    """The id in ``Patient/12``, or in ``12`` alone; 0 for one that is none of ours."""
    text = value.removeprefix(f"{settings.QUANG.public_url.rstrip('/')}/fhir/").removeprefix(f"{kind}/")
    return min(int(text), LARGEST_KEY) if text.isascii() and text.isdigit() and len(text) < 20 else 0


def instants(field: str) -> Callable[[str], Q]:
    """A condition on a moment: ``ge2026-11-01``, ``lt2026-11-22T08:00:00+07:00``; a bare day is the whole day."""

    def condition(value: str) -> Q:
        prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
        if prefix not in (*_PREFIXES, "eq"):
            raise RequestUnreadable(f"{prefix!r} is no prefix of a date here", field=field)
        try:
            at = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError as error:
            raise RequestUnreadable("a date reads 2026-11-22 or 2026-11-22T08:00:00+07:00", field=field) from error
        if not 1900 <= at.year <= 2200:
            raise RequestUnreadable("a year lies between 1900 and 2200", field=field)
        at = at if at.tzinfo else at.replace(tzinfo=_zone(settings.QUANG.site.time_zone))
        if prefix == "eq":
            until = at + (timedelta(seconds=1) if "T" in text else timedelta(days=1))
            return Q(**{f"{field}__gte": at, f"{field}__lt": until})
        return Q(**{f"{field}__{_PREFIXES[prefix]}": at})

    return condition


def full_url(kind: str, key: object) -> str:
    return f"{settings.QUANG.public_url.rstrip('/')}/fhir/{kind}/{key}"


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise RequestUnreadable(f"{name} is a number", field=name)
    return int(value)


def _address(kind: str, sent: Mapping[str, list[str]]) -> str:
    query = urlencode(sent, doseq=True)
    return f"{settings.QUANG.public_url.rstrip('/')}/fhir/{kind}" + (f"?{query}" if query else "")
