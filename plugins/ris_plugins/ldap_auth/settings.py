"""Settings of the access to Orthanc: the section ``[access]``, and the tokens' files in the secrets directory.

What the plugin does now: it filters requests. Accounts live in the RIS; directory (LDAP) sign-in is not implemented, so
there is nothing to configure for it.
"""

from __future__ import annotations

from typing import Final

from ris_core.settings import Access

GRANTS_A_REQUEST: Final = 32
"""Viewer cookies looked at in one request; more are ignored."""
GRANTS_REMEMBERED: Final = 2048
"""Verified tokens kept in memory, so that each is verified once and not for every image."""

__all__ = ["GRANTS_A_REQUEST", "GRANTS_REMEMBERED", "Access"]
