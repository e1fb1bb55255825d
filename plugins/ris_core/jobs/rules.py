"""When a failed job is tried again, decided without database or clock."""

from __future__ import annotations

from ris_core.errors import QuangError

JITTER = 0.2
"""Delays are spread by ± this fraction, so that what failed together does not come back together."""


class NotWorthRepeating(QuangError):
    """Raised by a job's handler: it can never succeed as things are; the job is dead at once, for a person to see."""

    code = "QUANG-5201"


class TimeLimitExceeded(QuangError):
    """A job ran longer than its kind may."""

    code = "QUANG-5202"


class UnknownJobKind(QuangError):
    """A job of a kind that this version of the worker does not know."""

    code = "QUANG-5203"


def retry_delay_seconds(attempt: int, *, first_seconds: float, longest_seconds: float, chance: float) -> float:
    """How long to wait after failed ``attempt`` (1, 2, …): doubling from ``first_seconds`` up to ``longest_seconds``.

    :param chance: a random number from 0 to 1 that places the delay within the jitter
    """
    doubled = first_seconds * 2.0 ** min(max(attempt, 1) - 1, 32)
    return min(longest_seconds, doubled) * (1.0 - JITTER + 2.0 * JITTER * chance)
