"""Why a program's request is refused before it is looked at."""

from __future__ import annotations

from ris_core.errors import NotPermitted, QuangError


class ApiKeyRefused(NotPermitted):
    """No API key, or one that is unknown, over, withdrawn or used from elsewhere; nobody is told which."""

    code = "QUANG-6101"


class ScopeMissing(NotPermitted):
    """The API key does not have the scope that this request needs."""

    code = "QUANG-6102"


class TooManyRequests(QuangError):
    """More requests in a minute than a key (or an address without a valid one) may make; try again later."""

    code = "QUANG-6103"


class RequestTooLarge(QuangError):
    """The body is longer than ``api.max_body_bytes``."""

    code = "QUANG-6104"


class RequestUnreadable(QuangError):
    """The body or a header cannot be read: no JSON, a wrong media type, characters that no text has."""

    code = "QUANG-6105"


class MethodRefused(QuangError):
    """The address does not take this method."""

    code = "QUANG-6107"
