"""What can be wrong with an order beyond a wrong value."""

from __future__ import annotations

from ris_core.errors import QuangError


class OrderExists(QuangError):
    """The order number, or another number that must be unique, already stands for something else."""

    code = "QUANG-1101"


class UnknownOrder(QuangError):
    """A change or cancellation of an order that was never received."""

    code = "QUANG-1102"


class OrderRefused(QuangError):
    """A rule of this site does not take orders of this kind."""

    code = "QUANG-1103"
