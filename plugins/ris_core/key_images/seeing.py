"""Whose key images a reader sees."""

from __future__ import annotations

from django.db.models import QuerySet

from ris_core.key_images.models import KeyImage
from ris_core.second_readings.blinding import is_closed


def seen_by(user_id: int | None, procedure_id: int) -> QuerySet[KeyImage]:
    """The exam's key images, taken away ones too, that a reader may see: of an exam read blinded only their own."""
    images = KeyImage.objects.filter(procedure_id=procedure_id)
    return images.filter(chosen_by_id=user_id) if is_closed(procedure_id) else images


def chosen_of(procedure_id: int, user_id: int | None) -> QuerySet[KeyImage]:
    """What ``user_id`` sees of the key images that would go with a report approved now, in their order, without their
    pictures."""
    return seen_by(user_id, procedure_id).filter(removed_at__isnull=True).order_by("position", "pk").defer("picture")
