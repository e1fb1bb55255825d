"""The left rail: the screens that exist, in the order in which they are shown; one line to add one."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ris_core.accounts.rules import Function, may


@dataclass(frozen=True, slots=True)
class RailEntry:
    """A screen in the rail; ``url_name`` also tells which entry is the present one (by its namespace)."""

    url_name: str
    icon: str
    label: str
    function: Function

    @property
    def address(self) -> str:
        return reverse(self.url_name)

    @property
    def namespace(self) -> str:
        return self.url_name.partition(":")[0]


RAIL = (RailEntry("worklist:worklist", "layout-list", _("Danh sách ca"), Function.VIEW_WORKLIST),)


def rail_for(role: str) -> list[RailEntry]:
    """The entries that ``role`` may open."""
    return [entry for entry in RAIL if may(role, entry.function)]
