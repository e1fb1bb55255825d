"""How many results wait for a person: the number in the rail."""

from __future__ import annotations

from ris_core.delivery.models import Delivery, DeliveryState


def dead_count() -> int:
    """Deliveries that the worker has given up."""
    return Delivery.objects.filter(state=DeliveryState.DEAD).count()
