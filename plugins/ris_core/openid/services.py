"""Logging in at an OpenID provider: begun, finished, ended by the provider (Q1, Q6; ADR 36).

The account follows what the provider says as with a directory (:mod:`ris_core.directories.vouching`).
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from ris_core.access.models import UserSession
from ris_core.accounts.models import User
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.directories.errors import DirectoryRefused
from ris_core.directories.rules import role_of
from ris_core.directories.vouching import admit
from ris_core.errors import NotFound
from ris_core.openid.connections import HttpProvider, OpenProvider
from ris_core.openid.errors import LoginNotProved, LogoutNotProved
from ris_core.openid.models import ProviderLogin, ProviderLogout
from ris_core.openid.rules import (
    CLOCKS_APART_SECONDS,
    gave_second_factor,
    login_address,
    logout_address,
    person_of,
    subject_of,
    why_no_login,
    why_no_logout,
)
from ris_core.openid.settings import OpenidProvider
from ris_core.openid.tokens import NotSigned, signed_claims
from ris_core.settings import Settings
from ris_core.signatures.locking import lock_all_of

Opening = Callable[[OpenidProvider, Settings], OpenProvider]
LOGOUTS_KEPT: Final = timedelta(days=1)
"""Longer than any token lives: none is taken twice."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was begun in a browser, which keeps this until it comes back."""

    provider: str
    state: str
    nonce: str
    verifier: str
    after: str
    """Where it goes on to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Somebody for whom a provider has just vouched."""

    user: User
    provider: str
    subject: str
    sid: str
    id_token: str
    issued_at: int
    second_factor: bool
    """The provider asked for one that counts here."""


def provider_named(name: str) -> OpenidProvider:
    """:raises NotFound: the settings have none of that name"""
    settings: Settings = django_settings.QUANG
    for provider in settings.openid:
        if provider.name == name:
            return provider
    raise NotFound("there is no such OpenID provider", field="provider")


def begin(
    provider: OpenidProvider, return_to: str, after: str, opening: Opening = HttpProvider.from_settings
) -> tuple[Begun, str]:
    """A login at ``provider``, and where the browser goes for it.

    :param return_to: our address that the provider sends it back to
    :raises ProviderUnavailable: it does not answer as it should
    """
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    endpoint = opening(provider, django_settings.QUANG).metadata().authorization_endpoint
    address = login_address(endpoint, provider, return_to=return_to, state=state, nonce=nonce, verifier=verifier)
    return Begun(provider.name, state, nonce, verifier, after), address


def finish(
    begun: Begun | None,
    provider: OpenidProvider,
    answer: Mapping[str, str],
    return_to: str,
    address: str = "",
    opening: Opening = HttpProvider.from_settings,
) -> Vouched:
    """Who has logged in, by what the browser brings back.

    :param begun: what this browser kept; none: nothing
    :param answer: parameters of the address that it comes back to
    :param address: of the browser
    :raises LoginNotProved: it proves no login begun here
    :raises DirectoryRefused: they are who they say, and may not come in
    :raises ProviderUnavailable: the provider does not answer as it should
    """
    if begun is None or begun.provider != provider.name:
        raise LoginNotProved("this browser has begun no login there")
    if not hmac.compare_digest(begun.state.encode(), answer.get("state", "").encode()):
        raise LoginNotProved("state")
    peer = opening(provider, django_settings.QUANG)
    if answer.get("iss", "" if peer.metadata().names_itself else provider.issuer) != provider.issuer:
        raise LoginNotProved("iss of the answer")
    if "error" in answer or not answer.get("code"):
        raise LoginNotProved(f"the provider says {answer.get('error', 'nothing')[:64]!r}")
    id_token = peer.id_token(answer["code"][:2048], begun.verifier, return_to)
    try:
        claims = signed_claims(id_token, provider, peer.keys)
    except NotSigned as error:
        raise LoginNotProved(f"signature: {error}") from error
    if wrong := why_no_login(claims, provider, begun.nonce, time.time()):
        raise LoginNotProved(wrong)
    person = person_of(claims, provider)
    actor = Actor(person.name or "anonymous", address=address, kind=ActorKind.ANYBODY)
    user = admit(provider.name, person, role_of(person.groups, provider.roles), actor)
    if not user.is_open_at(timezone.now()):
        raise DirectoryRefused("the account has expired here", field="username")
    sid = claims.get("sid")
    return Vouched(
        user=user,
        provider=provider.name,
        subject=person.subject,
        sid=subject_of(provider.issuer, sid) if sid else "",
        id_token=id_token,
        issued_at=int(claims["iat"]),
        second_factor=gave_second_factor(claims, provider),
    )


def note_login(key: str, provider: str, subject: str, sid: str, issued_at: int) -> None:
    """The login ``key`` (:func:`ris_core.access.sessions.begin_session`) stands as long as the provider lets it.

    :raises LoginNotProved: the provider has ended it meanwhile
    """
    ProviderLogin.objects.create(session=UserSession.objects.get(key=key), provider=provider, subject=subject, sid=sid)
    since = datetime.fromtimestamp(issued_at, UTC)
    ended = Q(sid="", subject=subject, at__gte=since)
    if sid:  # a login that has ended begins no more: by either clock
        ended |= Q(sid=sid, at__gte=since - timedelta(seconds=CLOCKS_APART_SECONDS))
    if ProviderLogout.objects.filter(ended, provider=provider).exists():
        raise LoginNotProved("the provider has ended this login meanwhile")


def end_by_provider(
    provider: OpenidProvider, token: str, address: str = "", opening: Opening = HttpProvider.from_settings
) -> list[UserSession]:
    """A provider says that somebody has logged out, or may not work on (OpenID Connect Back-Channel Logout 1.0):
    their logins by it end, keys are locked.

    :returns: the logins that have ended
    :raises LogoutNotProved: the token is not the provider's, not of now, or was used before
    :raises ProviderUnavailable: its keys cannot be read
    """
    actor = Actor(f"openid:{provider.name}", address=address)
    try:
        claims = signed_claims(token, provider, opening(provider, django_settings.QUANG).keys)
        wrong = why_no_logout(claims, provider, time.time())
    except NotSigned as error:
        wrong = f"signature: {error}"
    if wrong:
        raise LogoutNotProved(wrong)
    sid = subject_of(provider.issuer, claims["sid"]) if "sid" in claims else ""
    subject = subject_of(provider.issuer, claims["sub"]) if "sub" in claims else ""
    now = timezone.now()
    named = Q(provider=provider.name, sid=sid) if sid else Q(provider=provider.name)
    named &= Q(subject=subject) if subject else Q()
    with transaction.atomic():
        ProviderLogout.objects.filter(at__lt=now - LOGOUTS_KEPT).delete()
        try:
            with transaction.atomic():
                ProviderLogout.objects.create(
                    provider=provider.name, token=subject_of(provider.issuer, claims["jti"]), subject=subject, sid=sid,
                    at=now,
                )  # fmt: skip
        except IntegrityError as error:
            raise LogoutNotProved("jti: used before") from error
        ended = _end(named, actor)
    return ended + _end(named, actor)  # again: of a login made meanwhile, which had not seen this logout


def address_to_log_out(name: str, id_token: str, return_to: str, opening: Opening = HttpProvider.from_settings) -> str:
    """Where somebody who logs out here logs out there too; empty: the provider has no such place.

    :raises NotFound: the settings have no such provider any more
    :raises ProviderUnavailable: it does not answer as it should
    """
    provider = provider_named(name)
    endpoint = opening(provider, django_settings.QUANG).metadata().end_session_endpoint
    return logout_address(endpoint, provider, id_token, return_to) if endpoint else ""


@transaction.atomic
def _end(named: Q, actor: Actor) -> list[UserSession]:
    logins = ProviderLogin.objects.filter(named).values("session_id")
    sessions = list(UserSession.objects.select_for_update().filter(pk__in=logins, ended_at__isnull=True))
    for session in sessions:
        session.ended_at = timezone.now()
        session.save(update_fields=["ended_at"])
        lock_all_of(session.user_id, actor)
        record(actor, "user.session_ended", subject=f"user:{session.user_id}", reason="OpenID provider")
    return sessions
