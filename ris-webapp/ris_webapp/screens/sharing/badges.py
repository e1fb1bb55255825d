"""What waits for a person among one's shares."""

from __future__ import annotations

from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.sharing.models import SharedExam


def withheld_count(user: User) -> int:
    """How many exams of one's own shares are withheld; for the rail."""
    own = SharedExam.objects.filter(share__created_by=user, share__parent__isnull=True, withheld_at__isnull=False)
    return own.filter(share__revoked_at__isnull=True, share__expires_at__gt=timezone.now()).count()
