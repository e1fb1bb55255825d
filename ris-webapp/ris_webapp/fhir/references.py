"""What a reference inside a transaction means: an entry of it, a resource here, or one of another server's."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ris_core.errors import InvalidValue

_RELATIVE: Final = re.compile(r"[A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_RESTFUL: Final = re.compile(r"(?P<root>https?://.+/)[A-Za-z]+/[A-Za-z0-9.-]{1,64}")


@dataclass(frozen=True, slots=True)
class References:
    """References as the entry that is being carried out makes them."""

    become: dict[str, str] = field(default_factory=dict)
    """What entries of the transaction have become here, by their ``fullUrl``; empty for what names no one resource."""
    root: str = ""
    """Of the entry's own ``fullUrl``, when it is a server's: relative references are of that server (R4 2.36.4.1)."""

    def within(self, entry: dict[str, Any]) -> References:
        """The same as ``entry`` makes them."""
        restful = _RESTFUL.fullmatch(str(entry.get("fullUrl", "")))
        return replace(self, root=restful["root"] if restful else "")

    def resolved(self, reference: str) -> str:
        """``Patient/12`` of ours for an entry of the transaction; any other as it is, with its server."""
        if self.root and _RELATIVE.fullmatch(reference):
            reference = self.root + reference
        return self.become.get(reference, reference)

    def remember(self, kind: str, entry: dict[str, Any], key: int, created: bool) -> None:
        """What ``entry`` has become.

        A new resource gets an id of ours, whatever id its sender has for it: a reference by that id alone would lead
        to somebody else here, and leads to nobody.
        """
        sent_id = entry["resource"].get("id")
        if created and sent_id not in (None, str(key)):
            self.become[f"{kind}/{sent_id}"] = ""
        if entry.get("fullUrl"):
            self.become[entry["fullUrl"]] = f"{kind}/{key}"


def refuse_repeated(entries: list[dict[str, Any]]) -> None:
    """Make sure that every ``fullUrl`` names one entry (R4 bdl-7): a reference to two would reach the wrong one.

    :raises InvalidValue: naming the second
    """
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        url = entry.get("fullUrl")
        if url in seen:
            raise InvalidValue("two entries have this fullUrl", field=f"Bundle.entry[{index}].fullUrl")
        if url:
            seen.add(url)
