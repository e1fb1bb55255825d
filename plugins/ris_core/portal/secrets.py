"""What is kept of the portal's codes, and the names of exams in its addresses: keyed, so that nothing follows."""

from __future__ import annotations

import hmac
from typing import Final

from ris_core.portal.models import PortalVisit
from ris_core.sealing.keys import derived_key, sealing_keys

_HANDLE_CHARACTERS: Final = 20


def slip_digest(code: str) -> str:
    """HMAC-SHA256 of a code; the 45 bits of one would be guessed from a hash without a key."""
    return hmac.digest(derived_key("portal slips"), code.encode(), "sha256").hex()


def slip_digests(code: str) -> list[str]:
    """The same under each key of the site, for slips that were printed before it was exchanged."""
    return [hmac.digest(key.derived("portal slips"), code.encode(), "sha256").hex() for key in sealing_keys()]


def entry_code_digest(visit_id: int, code: str) -> str:
    return hmac.digest(derived_key("portal entry codes"), f"{visit_id}:{code}".encode(), "sha256").hex()


def handle_in(visit: PortalVisit, kind: str, key: int) -> str:
    """How something is named in this visit's addresses: another visit's names for it say nothing."""
    name = f"{visit.digest}:{kind}:{key}".encode()
    return hmac.digest(derived_key("portal addresses"), name, "sha256").hex()[:_HANDLE_CHARACTERS]
