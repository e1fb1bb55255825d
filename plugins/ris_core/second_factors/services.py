"""Second factors: an app is paired, its codes are checked, it is taken away (Q6)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, NotPermitted, TransitionRefused
from ris_core.sealing.values import opened, seal
from ris_core.second_factors.models import OneTimePassword, RecoveryCode, SecurityKey
from ris_core.second_factors.rules import (
    RECOVERY_CODES,
    SECRET_BYTES,
    accepted_step,
    digest_of_recovery_code,
    new_recovery_code,
)

MOST_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)


class CodeRefused(NotPermitted):
    """The one-time code is wrong, was used before, or too many wrong ones were typed."""

    code = "QUANG-1405"


@transaction.atomic
def begin_pairing(user_id: int, shown: str = "") -> tuple[bytes, str]:
    """A secret for an app that is not paired yet, and its digest; the same for the login that was shown it, so that a
    reload does not change the picture, and another for any other login: who has seen a secret before its owner pairs
    it would have the owner's codes.

    :param shown: digest of the secret that this login was shown before
    :raises TransitionRefused: one is paired already
    """
    waiting = OneTimePassword.objects.select_for_update().filter(user_id=user_id).first()
    if waiting is not None and waiting.confirmed_at is not None:
        raise TransitionRefused("an app is paired already: take it away first", field="code")
    if waiting is not None:
        secret = opened(bytes(waiting.sealed_secret), _purpose(user_id))
        if hmac.compare_digest(_digest(secret), shown):
            return secret, shown
    secret = secrets.token_bytes(SECRET_BYTES)
    OneTimePassword.objects.update_or_create(
        user_id=user_id, defaults={"sealed_secret": seal(secret, _purpose(user_id)), "failures": 0, "last_step": 0}
    )
    return secret, _digest(secret)


def confirm_pairing(user_id: int, typed: str, actor: Actor) -> list[str]:
    """The app shows the right code: from now on it is asked for. Returns recovery codes, kept nowhere in clear.

    :raises CodeRefused: it shows another
    :raises NotFound: nothing is being paired
    """
    with transaction.atomic():
        waiting = OneTimePassword.objects.select_for_update().filter(user_id=user_id, confirmed_at=None).first()
        if waiting is None:
            raise NotFound("no app is being paired", field="code")
        if _takes(waiting, typed):
            waiting.confirmed_at = timezone.now()
            waiting.save(update_fields=["confirmed_at"])
            codes = make_recovery_codes(user_id)
            record(actor, "user.second_factor_added", subject=f"user:{user_id}")
            return codes
    raise CodeRefused("the code is not the one that the app shows now", field="code")


def make_recovery_codes(user_id: int) -> list[str]:
    """New ones, kept nowhere in clear; those before count no more."""
    codes = [new_recovery_code() for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user_id=user_id).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user_id=user_id, digest=digest_of_recovery_code(code)) for code in codes
    )
    return codes


def check_code(user: User, typed: str, actor: Actor) -> None:
    """Take a code of the app, or a recovery code; each counts once.

    :raises CodeRefused: it is none, was used, or five wrong ones were typed within 15 minutes
    """
    with transaction.atomic():
        paired = OneTimePassword.objects.select_for_update().filter(user=user, confirmed_at__isnull=False).first()
        if paired is None or not _is_locked(paired):
            if paired is not None and _takes(paired, typed):
                return
            recovery = RecoveryCode.objects.select_for_update().filter(
                user=user, digest=digest_of_recovery_code(typed), used_at=None
            )
            if recovery.update(used_at=timezone.now()):
                left = RecoveryCode.objects.filter(user=user, used_at=None).count()
                record(actor, "user.recovery_code_used", subject=f"user:{user.pk}", left=left)
                OneTimePassword.objects.filter(user=user).update(failures=0)
                return
        record(actor, "user.second_factor_failed", subject=f"user:{user.pk}", success=False)
    raise CodeRefused("the code is wrong, was used, or too many wrong ones were typed", field="code")


@transaction.atomic
def remove(user_id: int, reason: str, actor: Actor) -> None:
    """Take somebody's app and security keys away: they are lost. Their codes do not count any more.

    :raises InvalidValue: no reason
    :raises NotFound: there is none
    """
    if not reason.strip():
        raise InvalidValue("say why the second factor is taken away", field="reason")
    apps = OneTimePassword.objects.filter(user_id=user_id).delete()[0]
    keys = SecurityKey.objects.filter(user_id=user_id).delete()[0]
    if not apps + keys:
        raise NotFound("there is no second factor", field="user")
    RecoveryCode.objects.filter(user_id=user_id).delete()
    record(actor, "user.second_factor_removed", subject=f"user:{user_id}", reason=reason.strip()[:255], keys=keys)


@transaction.atomic
def remove_app(user_id: int, actor: Actor) -> None:
    """The owner takes their app away; recovery codes go with the last second factor."""
    OneTimePassword.objects.filter(user_id=user_id).delete()
    if not SecurityKey.objects.filter(user_id=user_id).exists():
        RecoveryCode.objects.filter(user_id=user_id).delete()
    record(actor, "user.second_factor_removed", subject=f"user:{user_id}", reason="owner")


def recovery_codes_left(user_id: int) -> int:
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()


def _takes(app: OneTimePassword, typed: str) -> bool:
    """Whether the app shows ``typed``; counts the failure if not."""
    secret = opened(bytes(app.sealed_secret), _purpose(app.user_id))
    step = accepted_step(secret, typed, time.time(), app.last_step)
    if step is None:
        again = app.failed_at is not None and timezone.now() - app.failed_at < LOCKED_FOR
        app.failures, app.failed_at = (app.failures + 1 if again else 1), timezone.now()
    else:
        app.failures, app.last_step = 0, step
    app.save(update_fields=["failures", "failed_at", "last_step"])
    return step is not None


def _is_locked(app: OneTimePassword) -> bool:
    return app.failures >= MOST_FAILURES and app.failed_at is not None and timezone.now() - app.failed_at < LOCKED_FOR


def _digest(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def _purpose(user_id: int) -> str:
    return f"user {user_id} one-time passwords"
