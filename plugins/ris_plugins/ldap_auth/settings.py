"""Settings of the access to Orthanc: the section ``[access]``, the tokens' files in the secrets directory, and
``[[directories]]`` whose people's programs log in by Basic where ``access.basic_for_tools`` says so."""

from __future__ import annotations

from typing import Final

from ris_core.access.settings import Access

GRANTS_A_REQUEST: Final = 32
"""Viewer cookies looked at in one request; more are ignored."""
GRANTS_REMEMBERED: Final = 2048
"""Verified tokens kept in memory, so that each is verified once and not for every image."""

__all__ = ["GRANTS_A_REQUEST", "GRANTS_REMEMBERED", "Access"]
