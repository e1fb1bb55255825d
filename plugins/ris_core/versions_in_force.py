"""Rules that are changed as a whole: every version is kept, the newest is in force."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from ris_core.audit.services import Actor
from ris_core.errors import EditConflict


class VersionInForce(models.Model):
    """One version of all rules of a kind; none is ever changed."""

    number = models.PositiveIntegerField(unique=True)
    content = models.JSONField()
    note = models.CharField(max_length=255, blank=True)
    """Why it was changed, in the words of who did."""
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        abstract = True

    @classmethod
    def newest_content(cls) -> Any | None:
        """What is in force; none: what comes with the program is."""
        return cls._default_manager.order_by("-number").values_list("content", flat=True).first()

    @classmethod
    def newest_number(cls) -> int:
        """The number of the version in force; 0: what comes with the program is."""
        return cls._default_manager.order_by("-number").values_list("number", flat=True).first() or 0

    @classmethod
    @transaction.atomic
    def put_in_force(cls, content: object, *, over: int, note: str, actor: Actor) -> Self:
        """The next version.

        :param over: the version that it was made from; a newer one in between is not overwritten unseen
        :raises EditConflict: there is a newer version
        """
        changed_meanwhile = EditConflict("somebody has changed these rules meanwhile; look at them again", field="over")
        if cls.newest_number() != over:
            raise changed_meanwhile
        version, made = cls._default_manager.get_or_create(
            number=over + 1,
            defaults={
                "content": content,
                "note": note.strip()[:255],
                "made_at": timezone.now(),
                "made_by_id": actor.user_id,
            },
        )
        if not made:  # in this very moment: the other one was stored after we had looked
            raise changed_meanwhile
        return version
