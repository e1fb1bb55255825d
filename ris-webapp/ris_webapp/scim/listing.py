"""Lists: one comparison as filter (RFC 7644 §3.4.2.2), pages by index (§3.4.2.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from ris_core.access.errors import RequestUnreadable
from ris_webapp.scim.answers import FilterRefused

LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MOST: Final = 200
_FILTER: Final = re.compile(
    r'\s*(?:urn:[\w:.]+:)?(?P<name>[A-Za-z]+)\s+eq\s+"(?P<value>(?:[^"\\]|\\.)*)"\s*', re.IGNORECASE
)


def listed(
    request: HttpRequest,
    rows: QuerySet[Any],
    filters: Mapping[str, Callable[[str], Q]],
    shown: Callable[[Any], dict[str, Any]],
) -> dict[str, Any]:
    """A page of ``rows``.

    :param filters: conditions by the attribute's name in small letters
    :raises FilterRefused: another filter than one of these with ``eq``
    :raises RequestUnreadable: an index or a count that is none
    """
    if text := request.GET.get("filter", ""):
        rows = rows.filter(_condition(text, filters))
    start = max(1, _number(request, "startIndex", 1))
    count = min(MOST, max(0, _number(request, "count", 100)))
    total = rows.count()
    found = list(rows.order_by("pk")[start - 1 : start - 1 + count])
    body: dict[str, Any] = {
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": len(found),
        "Resources": [shown(row) for row in found],
    }  # fmt: skip
    return body


def without(request: HttpRequest, resource: dict[str, Any]) -> dict[str, Any]:
    """``resource`` as ``excludedAttributes`` wants it (§3.9)."""
    left_out = {name.strip().lower() for name in request.GET.get("excludedAttributes", "").split(",")}
    return {name: value for name, value in resource.items() if name.lower() not in left_out or name in _ALWAYS}


def key_of(text: str) -> int:
    """A key as an address or a reference has it; 0, which nothing has, for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


_ALWAYS: Final = frozenset({"id", "schemas"})


def _condition(text: str, filters: Mapping[str, Callable[[str], Q]]) -> Q:
    found = _FILTER.fullmatch(text[:512])
    if found is None or found["name"].lower() not in filters:
        raise FilterRefused(f'a filter is one comparison with eq: {", ".join(filters)} eq "…"')
    return filters[found["name"].lower()](re.sub(r"\\(.)", r"\1", found["value"]))


def _number(request: HttpRequest, name: str, usual: int) -> int:
    text = request.GET.get(name, str(usual))
    if not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise RequestUnreadable(f"{name} is a number", field=name)
    return int(text)
