"""The outbox: results owed to receivers, delivered in version order, repeated until acknowledged."""

from __future__ import annotations

from ris_core.audit.services import Actor
from ris_core.delivery.models import Delivery
from ris_core.reports.models import ReportVersion


def owe_version(version: ReportVersion) -> list[Delivery]:
    """Write one delivery for every active receiver that wants results of this order, in the caller's transaction.

    An older version that a receiver can never have seen (no attempt reached it) is superseded.
    """
    raise NotImplementedError


def deliver(delivery_id: int) -> None:
    """Try once to deliver: compose at the first time, send, read the acknowledgement, record what came of it."""
    raise NotImplementedError


def replay(delivery_id: int, actor: Actor) -> None:
    """A person sends again what is dead, waiting or already acknowledged: same message, attempts counted anew.

    :raises NotFound: no such delivery
    :raises TransitionRefused: it is being sent right now, dismissed or superseded
    """
    raise NotImplementedError


def dismiss(delivery_id: int, reason: str, actor: Actor) -> None:
    """A person decides that this version is no longer owed to this receiver; newer versions go on.

    :raises InvalidValue: no reason
    :raises TransitionRefused: it is being sent right now, acknowledged or superseded
    """
    raise NotImplementedError
