"""Why a login at an OpenID provider comes to nothing."""

from __future__ import annotations

from ris_core.errors import NotPermitted, QuangError


class ProviderUnavailable(QuangError):
    """An OpenID provider cannot be reached, cannot prove who it is, or does not answer as it should; try again
    later."""

    code = "QUANG-1411"


class LoginNotProved(NotPermitted):
    """What came back from an OpenID provider does not prove a login begun here: another browser's, too old, used,
    refused there, or not signed for us."""

    code = "QUANG-1412"


class LogoutNotProved(NotPermitted):
    """A logout token of an OpenID provider is not signed for us, too old, or was used before."""

    code = "QUANG-1413"
