"""Security keys and passkeys as second factor (WebAuthn Level 2): added, used, removed by their owner (Q6).

A key proves both that it is there and that its owner is (PIN, fingerprint): user verification is always required. What
the browser says is checked by fido2; a challenge is the caller's to keep, and to forget with its first answer.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from fido2.cose import CoseKey
from fido2.rpid import verify_rp_id
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ris_core.accounts.models import User
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.second_factors.models import OneTimePassword, RecoveryCode, SecurityKey
from ris_core.second_factors.services import CodeRefused, make_recovery_codes
from ris_core.settings import Settings

MOST_KEYS: Final = 10
_MALFORMED: Final = (
    ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError, NotImplementedError, struct.error,
    UnsupportedAlgorithm,
)  # fmt: skip
"""What fido2 raises of answers that are none."""

Options = dict[str, Any]
State = dict[str, Any]
"""The challenge of one question, for its first answer."""


def are_possible() -> bool:
    """Whether browsers take keys here: for a host with a name, not for an address in numbers."""
    try:
        ip_address(host())
    except ValueError:
        return True
    return False


def host() -> str:
    """The host that keys are for (the relying party's ID)."""
    settings: Settings = django_settings.QUANG
    return settings.access.webauthn_host or urlsplit(settings.public_url).hostname or ""


def begin_adding(user: User) -> tuple[Options, State]:
    """What the browser is asked so that ``user`` gets another key."""
    options, state = _server().register_begin(
        PublicKeyCredentialUserEntity(
            id=salted_hmac("quang.webauthn.user", str(user.pk), algorithm="sha256").digest(),
            name=user.username,
            display_name=user.full_name,
        ),
        credentials=_credentials(user),
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options.public_key), dict(state)


@transaction.atomic
def add(user: User, state: State, answer: Mapping[str, Any], name: str, actor: Actor) -> list[str]:
    """A key counts from now on. Returns recovery codes when it is the first second factor, else none.

    :raises CodeRefused: the answer proves no key of now and here
    :raises InvalidValue: no name, or too many keys
    """
    User.objects.select_for_update().get(pk=user.pk)
    if not name.strip():
        raise InvalidValue("give the key a name", field="name")
    if SecurityKey.objects.filter(user=user).count() >= MOST_KEYS:
        raise InvalidValue(f"at most {MOST_KEYS} keys", field="name")
    try:
        data = _server().register_complete(state, answer)
        credential = data.credential_data
        if credential is None or credential.public_key.get(3) not in CoseKey.supported_algorithms():
            raise ValueError("no key that can be checked")
    except _MALFORMED as error:
        raise CodeRefused(f"the security key is not taken: {type(error).__name__}", field="credential") from error
    digest = hashlib.sha256(credential.credential_id).hexdigest()
    if SecurityKey.objects.filter(digest=digest).exists():
        raise CodeRefused("the security key is known already", field="credential")
    key = SecurityKey.objects.create(
        user=user, name=name.strip()[:64], digest=digest, credential=bytes(credential), uses=data.counter
    )
    record(actor, "user.security_key_added", subject=f"user:{user.pk}", key=key.pk)
    return make_recovery_codes(user.pk) if not RecoveryCode.objects.filter(user=user, used_at=None).exists() else []


def begin_using(user: User) -> tuple[Options, State]:
    """What the browser is asked so that ``user`` proves to have one of their keys."""
    options, state = _server().authenticate_begin(
        credentials=_credentials(user), user_verification=UserVerificationRequirement.REQUIRED
    )
    return dict(options.public_key), dict(state)


def use(user: User, state: State, answer: Mapping[str, Any], actor: Actor) -> None:
    """Take the answer of one of the user's keys.

    :raises CodeRefused: it proves none, or the key's counter shows that there are two of it
    """
    with transaction.atomic():
        keys = {key.digest: key for key in SecurityKey.objects.select_for_update().filter(user=user)}
        try:
            credentials = [AttestedCredentialData(bytes(key.credential)) for key in keys.values()]
            used = _server().authenticate_complete(state, credentials, answer)
            counter = AuthenticationResponse.from_dict(answer).response.authenticator_data.counter
        except _MALFORMED as error:
            why = type(error).__name__
        else:
            key = keys[hashlib.sha256(used.credential_id).hexdigest()]
            if not (counter or key.uses) or counter > key.uses:  # WebAuthn §6.1.1; 0: the key does not count
                key.uses, key.used_at = counter, timezone.now()
                key.save(update_fields=["uses", "used_at"])
                return
            why = "counter"
        record(actor, "user.second_factor_failed", subject=f"user:{user.pk}", success=False, reason=why, key=True)
    raise CodeRefused("the security key is not taken", field="credential")


@transaction.atomic
def remove_key(user: User, key_id: int, actor: Actor) -> None:
    """The owner takes one of their keys away; recovery codes go with the last second factor.

    :raises NotFound: they have no such key
    """
    if not SecurityKey.objects.filter(pk=key_id, user=user).delete()[0]:
        raise NotFound("there is no such security key", field="key")
    paired = OneTimePassword.objects.filter(user=user, confirmed_at__isnull=False)
    if not SecurityKey.objects.filter(user=user).exists() and not paired.exists():
        RecoveryCode.objects.filter(user=user).delete()
    record(actor, "user.security_key_removed", subject=f"user:{user.pk}", key=key_id)


def _server() -> Fido2Server:
    site: Settings = django_settings.QUANG
    return Fido2Server(PublicKeyCredentialRpEntity(id=host(), name=site.site.name), verify_origin=_is_ours)


def _is_ours(origin: str) -> bool:
    """Whether a page of ``origin`` may ask for our keys: ours, by TLS; no other host below the same domain."""
    site: Settings = django_settings.QUANG
    ours = {host(), urlsplit(site.public_url).hostname}
    return verify_rp_id(host(), origin) and urlsplit(origin).hostname in ours


def _credentials(user: User) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(bytes(key.credential)) for key in SecurityKey.objects.filter(user=user)]
