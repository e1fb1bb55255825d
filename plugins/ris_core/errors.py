"""One root for every error the suite raises on purpose.

Each error carries a stable ``code`` that IT can look up and the ``field`` it is about, and is mapped once per edge:
to an HL7 ACK with ERR, to a DIMSE status, or to HTTP problem+json.
"""

from __future__ import annotations


class QuangError(Exception):
    """Root of the suite's own errors.

    :param detail: what is wrong and what to do, in one sentence, without patient data
    :param field: the field that is wrong in the edge's own words (``OBR-4``, ``PatientID``, ``birth_date``)
    """

    code = "QUANG-0000"

    def __init__(self, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class InvalidValue(QuangError):
    """A value that the domain cannot hold."""

    code = "QUANG-1001"


class NotFound(QuangError):
    """Something named does not exist, or not for this caller."""

    code = "QUANG-1002"


class TransitionRefused(QuangError):
    """The state machine has no such transition from the present state."""

    code = "QUANG-1003"


class IdentityConflict(QuangError):
    """The data would put one person's data under another person's name."""

    code = "QUANG-1004"


class NotPermitted(QuangError):
    """The caller may not do this."""

    code = "QUANG-1005"


class EditConflict(QuangError):
    """Somebody else changed the same thing in between."""

    code = "QUANG-1006"


class SettingsInvalid(QuangError):
    """The settings file or an environment variable is wrong."""

    code = "QUANG-2001"


class DatabaseNotMigrated(QuangError):
    """The database's tables are not those this version needs; run ``manage.py migrate``."""

    code = "QUANG-2002"
