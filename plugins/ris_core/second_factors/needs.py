"""Who has a second factor and who must; apart from the codes themselves, because Orthanc asks it too."""

from __future__ import annotations

from django.conf import settings

from ris_core.accounts.models import User
from ris_core.second_factors.models import OneTimePassword, SecurityKey
from ris_core.second_factors.rules import roles_in


def has_second_factor(user: User) -> bool:
    """Whether a code or a security key is asked for after the password."""
    return has_app(user) or SecurityKey.objects.filter(user=user).exists()


def has_app(user: User) -> bool:
    """Whether they have paired an authenticator app."""
    return OneTimePassword.objects.filter(user=user, confirmed_at__isnull=False).exists()


def needs_second_factor(user: User) -> bool:
    """Whether the site wants one of this role."""
    return user.role in roles_in(settings.QUANG.access.second_factor_roles)
