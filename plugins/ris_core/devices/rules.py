"""A registered device as the worklist and the mapping decide by it: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ris_core.devices.character_sets import ASCII, UNICODE
from ris_core.devices.quirks import Quirks, WorklistFilter


@dataclass(frozen=True, slots=True)
class RegisteredDevice:
    """What the registry says of one AE title."""

    ae_title: str
    modalities: tuple[str, ...] = ()
    may_query_worklist: bool = True
    may_store: bool = True
    active: bool = True
    character_set: str = UNICODE
    quirks: Quirks = field(default_factory=Quirks)
    worklist_filter: WorklistFilter = field(default_factory=WorklistFilter)
    group_ae_titles: tuple[str, ...] = ()
    """Active devices of its groups, itself not among them; known only when its filter asks for them."""

    @property
    def written_set(self) -> str:
        """The character set that it is really answered in."""
        return ASCII if self.quirks.wants_ascii else self.character_set

    def in_utf_8_or_ascii(self) -> RegisteredDevice:
        """The device as it is answered by who writes UTF-8 only: in ASCII where it reads another set.

        The bytes of ASCII mean the same in every set.
        """
        return self if self.written_set == UNICODE else replace(self, character_set=ASCII)
