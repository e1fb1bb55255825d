"""Amounts of radiation, in the units in which they are shown and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a source says of the radiation used on a patient; None where it is silent."""

    dlp_mgy_cm: float | None = None
    """CT dose-length product, of all acquisitions."""
    ctdivol_mgy: float | None = None
    """The greatest mean CTDIvol of one acquisition."""
    dap_gy_cm2: float | None = None
    """Dose-area product, of all planes."""
    reference_point_mgy: float | None = None
    """Dose at the reference point (air kerma)."""
    glandular_mgy: float | None = None
    """Average glandular dose, of both sides."""
    fluoroscopy_seconds: float | None = None
    exposures: int | None = None
    """Irradiation events."""

    @property
    def is_empty(self) -> bool:
        return all(getattr(self, each.name) is None for each in fields(self))


_GREATEST = frozenset({"ctdivol_mgy"})


def together(parts: Iterable[Amounts]) -> Amounts:
    """The amounts of several sources of different irradiation."""
    found: dict[str, float | int] = {}
    for part in parts:
        for each in fields(part):
            value = getattr(part, each.name)
            if value is None:
                continue
            before = found.get(each.name)
            if before is None:
                found[each.name] = value
            else:
                found[each.name] = max(before, value) if each.name in _GREATEST else before + value
    return Amounts(**found)  # type: ignore[arg-type] # by their names
