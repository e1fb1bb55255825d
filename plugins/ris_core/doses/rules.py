"""Which exams are looked through for radiation. Pure."""

from __future__ import annotations

from typing import Final

IRRADIATING: Final = frozenset({"CT", "CR", "DX", "DR", "MG", "XA", "RF", "PX", "IO", "PT", "NM", "BMD"})
"""Modalities that use radiation; of the others nothing is looked for."""
