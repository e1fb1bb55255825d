"""Keys of other systems' programs: made and shown once, recognised, withdrawn.

A key reads ``qk_<prefix>_<secret>``. Only its SHA-256 is kept: who reads the database cannot call the API.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.db import transaction
from django.utils import timezone

from ris_core.access.errors import ApiKeyRefused
from ris_core.access.models import ApiKey
from ris_core.access.scopes import LIMITABLE, Scope
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.sight.services import checked_limits

_FORM = re.compile(r"qk_(?P<prefix>[a-z0-9]{8})_[A-Za-z0-9_-]{43}", re.ASCII)
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_USE_WRITTEN_EVERY = timedelta(minutes=1)
_NO_DIGEST = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRequest:
    """What a new key shall be.

    :raises InvalidValue: naming the field that cannot be so
    """

    name: str
    sender: str
    scopes: frozenset[Scope]
    networks: tuple[str, ...] = field(default=())
    sees_all_senders: bool = False
    expires_at: datetime | None = None
    limits: Mapping[str, Iterable[str]] = field(default_factory=dict)
    """By :data:`ris_core.sight.services.LIMITS`."""

    @property
    def kept_limits(self) -> dict[str, list[str]]:
        """Those with values.

        :raises InvalidValue: naming the limit that cannot be so
        """
        return {name: values for name, values in checked_limits(self.limits).items() if values}

    def __post_init__(self) -> None:
        if not 1 <= len(self.name.strip()) <= 128:
            raise InvalidValue("a key needs a name of at most 128 characters", field="name")
        if not re.fullmatch(r"[^|\s\x00-\x1f][^|\x00-\x1f]*\|[^|\x00-\x1f]*", self.sender) or len(self.sender) > 128:
            raise InvalidValue("a sender is application|facility, as in MSH-3 and MSH-4", field="sender")
        if not self.scopes:
            raise InvalidValue("a key without a scope can do nothing; choose one", field="scopes")
        if self.kept_limits and not self.scopes <= LIMITABLE:
            raise InvalidValue("a key that sees a part only reads: orders, patients, reports, devices", field="scopes")
        for network in self.networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise InvalidValue(
                    "a network is an address or a CIDR block such as 10.1.0.0/16", field="networks"
                ) from error
        if self.expires_at is not None and self.expires_at <= timezone.now():
            raise InvalidValue("the day on which a key ends lies in the future", field="expires_at")


@transaction.atomic
def create_api_key(request: ApiKeyRequest, actor: Actor) -> tuple[ApiKey, str]:
    """A new key, and its text: shown to a person once, and kept nowhere here."""
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    text = f"qk_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        name=request.name.strip(),
        prefix=prefix,
        digest=_digest(text),
        sender=request.sender,
        scopes=sorted(request.scopes),
        networks=list(request.networks),
        sees_all_senders=request.sees_all_senders,
        limits=request.kept_limits,
        created_by_id=actor.user_id,
        created_at=timezone.now(),
        expires_at=request.expires_at,
    )
    record(
        actor, "api_key.created", subject=f"api_key:{key.pk}", prefix=prefix, scopes=key.scopes, sender=key.sender,
        limits=key.limits,
    )  # fmt: skip
    return key, text


@transaction.atomic
def revoke_api_key(key_id: int, actor: Actor) -> ApiKey:
    """Withdraw a key: the next request with it is refused. Keys are never deleted.

    :raises NotFound: no such key
    :raises TransitionRefused: it is withdrawn already
    """
    key = ApiKey.objects.select_for_update(of=("self",)).filter(pk=key_id).first()
    if key is None:
        raise NotFound("there is no such key", field="api_key")
    if key.revoked_at is not None:
        raise TransitionRefused("the key is withdrawn already", field="api_key")
    key.revoked_at, key.revoked_by_id = timezone.now(), actor.user_id
    key.save(update_fields=["revoked_at", "revoked_by"])
    record(actor, "api_key.revoked", subject=f"api_key:{key.pk}", prefix=key.prefix)
    return key


def recognise(text: str, address: str, now: datetime | None = None) -> ApiKey:
    """The key that ``text`` is, used from ``address`` now.

    :raises ApiKeyRefused: unknown, wrong, over, withdrawn or from an address outside its networks: all the same words,
        so that nobody learns which
    """
    at = now or timezone.now()
    form = _FORM.fullmatch(text)
    key = ApiKey.objects.filter(prefix=form["prefix"]).first() if form else None
    known = hmac.compare_digest(_digest(text), key.digest if key else _NO_DIGEST)
    if key is None or not known or not _usable(key, at) or not _within(address, key.networks):
        raise ApiKeyRefused("there is no such API key, or it may not be used now or from here", field="Authorization")
    if key.last_used_at is None or at - key.last_used_at > _USE_WRITTEN_EVERY or key.last_address != address:
        key.last_used_at, key.last_address = at, address[:64]
        key.save(update_fields=["last_used_at", "last_address"])
    return key


def _usable(key: ApiKey, at: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > at)


def _within(address: str, networks: Sequence[str]) -> bool:
    if not networks:
        return True
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    return any(caller in ip_network(network) for network in networks)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
