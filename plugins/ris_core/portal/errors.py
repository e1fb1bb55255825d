"""Why the portal does not open, and what a slip or a share cannot be."""

from __future__ import annotations

from ris_core.errors import InvalidValue, NotPermitted, QuangError


class PortalRefused(NotPermitted):
    """No such code, or over, withdrawn, locked, another birth date, a wrong one-time code, or the visit is over: nobody
    is told which."""

    code = "QUANG-6601"


class PortalTriedTooOften(QuangError):
    """Too many wrong codes from one address, or in all; later again."""

    code = "QUANG-6602"


class PortalInvalid(InvalidValue):
    """What is wanted of the portal cannot be; ``field`` names it."""

    code = "QUANG-6603"
