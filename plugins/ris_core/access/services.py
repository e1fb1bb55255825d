"""Accept a launch by a HIS: verified, and once only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from ris_core.access.launch import LaunchRequest, receiver_of, verify_launch
from ris_core.access.launch_token import issuer_of_token, verify_token
from ris_core.access.models import UsedLaunchNonce
from ris_core.access.signing import TokenRefused
from ris_core.delivery.models import Receiver, ResultFormat
from ris_core.errors import SettingsInvalid


def accept_launch(params: Mapping[str, str], now: datetime | None = None) -> LaunchRequest:
    """What a HIS vouches for in the query of ``/launch``, or in its ``launch`` parameter alone (SMART-like, beside
    ``iss``, which must be the same); a second use of the same link is refused.

    The secret is in the file ``launch_secret_<receiver code>`` of the secrets directory.

    :raises TokenRefused: unknown receiver, wrong signature, out of time, or used before
    """
    at = now or timezone.now()
    token = params.get("launch", "")
    issuer = issuer_of_token(token) if token else ""
    if token and (params.keys() - {"launch", "iss"} or params.get("iss", issuer).rstrip("/") != issuer.rstrip("/")):
        raise TokenRefused("launch has missing or unknown keys")
    receiver = _code_of(issuer) if token else receiver_of(params)
    try:
        launch_secrets = settings.QUANG.secret_lines(f"launch_secret_{receiver}")
    except SettingsInvalid as error:
        raise TokenRefused("there is no launch secret for this receiver", field="receiver") from error
    skew_seconds = settings.QUANG.access.launch_skew_seconds

    def verified(secret: str) -> LaunchRequest:
        if token:
            public_url = settings.QUANG.public_url
            return verify_token(secret, token, at, skew_seconds, receiver=receiver, audience=public_url)
        return verify_launch(secret, params, at, skew_seconds)

    launch = _by_one_of(launch_secrets, verified)
    if not used_first(receiver, launch.nonce, launch.expires_at + timedelta(seconds=skew_seconds), at):
        raise TokenRefused("launch has been used before", field="nonce")
    return launch


def used_first(receiver: str, nonce: str, expires_at: datetime, now: datetime) -> bool:
    """Note that what works once has been used; False: it was before.

    :param expires_at: nobody takes it any more from then on, so it need not be remembered longer
    """
    UsedLaunchNonce.objects.filter(expires_at__lt=now).delete()
    try:
        with transaction.atomic():
            UsedLaunchNonce.objects.create(receiver=receiver, nonce=nonce, expires_at=expires_at)
    except IntegrityError:
        return False
    return True


def _by_one_of(keys: tuple[str, ...], verified: Callable[[str], LaunchRequest]) -> LaunchRequest:
    """Verified by the present secret, else by one that is being exchanged; refused as by the last."""
    for key in keys[:-1]:
        with suppress(TokenRefused):
            return verified(key)
    return verified(keys[-1])


def _code_of(issuer: str) -> str:
    """The receiver that ``iss`` means: by its code, or by the address of its FHIR server, as SMART has it."""
    if "://" not in issuer:
        return receiver_of({"receiver": issuer})
    base = issuer.rstrip("/")
    codes = Receiver.objects.filter(format=ResultFormat.FHIR, active=True, url__in=(base, f"{base}/"))
    found = list(codes.values_list("code", flat=True)[:2])
    if len(found) != 1:
        raise TokenRefused("launch names no receiver", field="receiver")
    return found[0]
