"""Why a share does not open, and what cannot be shared."""

from __future__ import annotations

from ris_core.errors import NotPermitted, QuangError


class ShareRefused(NotPermitted):
    """No such share, or over, revoked, used up, locked, bound to another device, or a wrong password or code: nobody is
    told which."""

    code = "QUANG-6301"


class ShareTriedTooOften(QuangError):
    """Too many wrong links, passwords or codes from one address; later again."""

    code = "QUANG-6302"


class ShareInvalid(QuangError):
    """What is wanted of a share cannot be; ``field`` names it."""

    code = "QUANG-6303"
