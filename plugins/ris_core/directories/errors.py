"""What a directory (LDAP, Active Directory) may say beyond "that is they"."""

from __future__ import annotations

from ris_core.errors import NotPermitted, QuangError


class DirectoryUnavailable(QuangError):
    """A directory cannot be reached, cannot prove who it is, or did not answer in time; try again later."""

    code = "QUANG-1401"


class DirectoryRefused(NotPermitted):
    """The person is known, but the directory gives them no role here, has closed their account, or their name here
    belongs to another account."""

    code = "QUANG-1402"


class NameUnknown(QuangError):
    """The directory has nobody of that name."""

    code = "QUANG-1403"


class PasswordRefused(QuangError):
    """The directory does not take that password."""

    code = "QUANG-1404"
