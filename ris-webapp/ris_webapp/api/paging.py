"""Pages of a list by the key of the last entry: each entry comes once, however much is added meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest

_Row = TypeVar("_Row", bound=Model)
_Out = TypeVar("_Out")

LARGEST_KEY = 2**63 - 1


def page(
    request: HttpRequest, rows: QuerySet[_Row], after: int, limit: int, shown: Callable[[_Row], _Out]
) -> tuple[list[_Out], str | None]:
    """At most ``limit`` of ``rows`` whose key follows ``after``, and the address of what follows them."""
    most = min(limit, settings.QUANG.api.max_page)
    found, more = after_key(rows, after, most)
    following = None
    if more:
        query = request.GET.copy()
        query["after"], query["limit"] = str(found[-1].pk), str(most)
        following = f"{request.path}?{query.urlencode()}"
    return [shown(row) for row in found], following


def after_key(rows: QuerySet[_Row], after: int, most: int) -> tuple[list[_Row], bool]:
    """At most ``most`` of ``rows`` whose key follows ``after``, and whether there are more.

    Their keys first: a database that sorts for want of an index then sorts numbers, and joins a page of rows only.
    """
    sought = rows.filter(pk__gt=after).order_by("pk").prefetch_related(None).values_list("pk", flat=True)
    keys = list(sought.distinct()[: most + 1]) if most else []
    found = list(rows.filter(pk__in=keys[:most]).order_by("pk").distinct()) if keys else []
    return found, len(keys) > most
