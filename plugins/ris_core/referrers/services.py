"""Say which doctor an account is, and take it back: what the account sees follows at once (F4, R13).

A number is matched whole, with who gave it: names are shared by doctors, numbers of one issuer are not. One number is
one account's at a time.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.services import end_sessions
from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.orders.models import NamedPractitioner
from ris_core.referrers.models import OpenedResult, PractitionerLink
from ris_core.reports.models import ReportVersion

LONGEST_IDENTIFIER = 64
LONGEST_ISSUER = 128
MOST_LINKS = 20
"""Numbers of one account: of several hospitals and systems."""


@transaction.atomic
def link_practitioner(user_id: int, identifier: str, issuer: str, actor: Actor) -> PractitionerLink:
    """The account is the doctor with this number. The same again changes nothing.

    :raises InvalidValue: field ``identifier`` or ``issuer``: empty or too long; ``identifier`` also: it is another
        account's, or there are too many
    :raises NotFound: there is no such account
    """
    identifier, issuer = identifier.strip(), issuer.strip()
    if not 0 < len(identifier) <= LONGEST_IDENTIFIER:
        raise InvalidValue(f"a number has 1 to {LONGEST_IDENTIFIER} characters", field="identifier")
    if not 0 < len(issuer) <= LONGEST_ISSUER:
        raise InvalidValue("say who gave the number, as orders name it", field="issuer")
    if User.objects.select_for_update().filter(pk=user_id).first() is None:
        raise NotFound("there is no such account", field="user")
    known = PractitionerLink.objects.filter(identifier=identifier, issuer=issuer, ended_at__isnull=True).first()
    if known is not None and known.user_id != user_id:
        raise InvalidValue("another account has this number", field="identifier")
    if known is not None:
        return known
    if len(links_of(user_id)) >= MOST_LINKS:
        raise InvalidValue(f"an account has at most {MOST_LINKS} numbers", field="identifier")
    link = PractitionerLink.objects.create(
        user_id=user_id,
        identifier=identifier,
        issuer=issuer,
        linked_by_id=actor.user_id,
        linked_at=timezone.now(),
    )
    record(actor, "practitioner.linked", subject=f"user:{user_id}", identifier=identifier, issuer=issuer)
    return link


@transaction.atomic
def unlink_practitioner(link_id: int, actor: Actor) -> PractitionerLink:
    """The account is no longer this doctor: it sees none of these exams, and viewers that it has open load nothing more
    within seconds, since its sessions end.

    :raises NotFound: there is no such link in force
    """
    link = PractitionerLink.objects.select_for_update().filter(pk=link_id, ended_at__isnull=True).first()
    if link is None:
        raise NotFound("there is no such link in force", field="link")
    link.ended_at, link.ended_by_id = timezone.now(), actor.user_id
    link.save(update_fields=["ended_at", "ended_by"])
    record(
        actor, "practitioner.unlinked", subject=f"user:{link.user_id}", identifier=link.identifier, issuer=link.issuer
    )
    end_sessions(link.user_id, actor)
    return link


def links_of(user_id: int) -> list[PractitionerLink]:
    """The numbers in force of an account."""
    return list(PractitionerLink.objects.filter(user_id=user_id, ended_at__isnull=True).order_by("pk"))


def known_as(identifier: str) -> list[tuple[str, int]]:
    """Who gave this number to a doctor whom orders name, and in how many orders: what an administrator chooses from."""
    counts: dict[str, set[int]] = {}
    for issuer, request_id in NamedPractitioner.objects.filter(identifier=identifier.strip()).values_list(
        "issuer", "request_id"
    )[:10_000]:
        counts.setdefault(issuer, set()).add(request_id)
    return sorted((issuer, len(requests)) for issuer, requests in counts.items())


def note_opened(user: User, version: ReportVersion) -> None:
    """It is no longer new to the doctor."""
    OpenedResult.objects.get_or_create(user=user, version=version, defaults={"opened_at": timezone.now()})
