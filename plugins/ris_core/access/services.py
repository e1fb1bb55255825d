"""Accept a launch by a HIS: verified, and once only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ris_core.access.launch import LaunchRequest, receiver_of, verify_launch
from ris_core.access.models import UsedLaunchNonce
from ris_core.access.signing import TokenRefused
from ris_core.errors import SettingsInvalid


def accept_launch(params: Mapping[str, str], now: datetime | None = None) -> LaunchRequest:
    """What a HIS vouches for in the query of ``/launch``; a second use of the same link is refused.

    The secret is in the file ``launch_secret_<receiver code>`` of the secrets directory.

    :raises TokenRefused: unknown receiver, wrong signature, out of time, or used before
    """
    at = now or timezone.now()
    receiver = receiver_of(params)
    try:
        secret = settings.QUANG.secret(f"launch_secret_{receiver}")
    except SettingsInvalid as error:
        raise TokenRefused("there is no launch secret for this receiver", field="receiver") from error
    skew_seconds = settings.QUANG.access.launch_skew_seconds
    launch = verify_launch(secret, params, at, skew_seconds)
    UsedLaunchNonce.objects.filter(expires_at__lt=at - timedelta(seconds=skew_seconds)).delete()
    try:
        with transaction.atomic():
            UsedLaunchNonce.objects.create(
                receiver=receiver, nonce=launch.nonce, expires_at=launch.expires_at + timedelta(seconds=skew_seconds)
            )
    except IntegrityError as error:
        raise TokenRefused("launch has been used before", field="nonce") from error
    return launch
