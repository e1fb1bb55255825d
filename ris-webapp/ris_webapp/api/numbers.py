"""Orders by their numbers: each is looked up by itself, by its own index.

As alternatives over several tables, or beside the sender of nearly all orders, a database reads every order instead.
"""

from __future__ import annotations

from typing import Final

from ris_core.access.errors import RequestUnreadable
from ris_core.orders.models import RequestedProcedure

MOST_ALIKE: Final = 1000
"""Orders that may have one number; a sender that gives all the same has no number."""


def keys_of_orders(value: object, *fields: str) -> list[int]:
    """The keys of the orders of which one of ``fields`` is ``value``, whoever sent them.

    :raises RequestUnreadable: more than :data:`MOST_ALIKE` have it
    """
    found: set[int] = set()
    for field in fields:
        alike = RequestedProcedure.objects.filter(**{field: value})
        found.update(alike.values_list("pk", flat=True).distinct()[: MOST_ALIKE + 1])
    if len(found) > MOST_ALIKE:
        raise RequestUnreadable(f"more than {MOST_ALIKE} orders have this number; ask by another")
    return sorted(found)
