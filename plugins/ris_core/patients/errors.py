"""What can be wrong with patients beyond a wrong value."""

from __future__ import annotations

from ris_core.errors import QuangError


class MergeRefused(QuangError):
    """Two patient records cannot be merged or separated as asked: the same record, or a ring of merges."""

    code = "QUANG-1201"


class UnknownPatient(QuangError):
    """A change of a patient or visit that was never received."""

    code = "QUANG-1202"


class IdentifierTaken(QuangError):
    """The identifier belongs to another patient; merging the two is a decision of its own."""

    code = "QUANG-1203"
