"""A receiver at the door: link, password or code, device; and what has been opened, at each look.

Whoever does not get in learns nothing: not whether there is such a share, nor why it does not open. Only who holds a
link that would open is asked for what else it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from ris_core.audit.models import ActorKind, AuditEvent
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.letters.codes import good_code
from ris_core.sharing.codes import send_code
from ris_core.sharing.errors import ShareRefused, ShareTriedTooOften
from ris_core.sharing.lineage import line_of
from ris_core.sharing.models import Lock, Share, ShareOpening
from ris_core.sharing.rules import LOCKED, LOOKS, WRONG_TRIES, ShareState
from ris_core.sharing.secrets import code_digest, digest_of, is_key, new_key
from ris_core.sharing.services import share_state
from ris_core.sharing.withholding import shown_rows

MOST_REFUSALS: Final = 20
REFUSALS_WITHIN: Final = timedelta(minutes=10)
_REFUSED: Final = "share.refused"
_NOBODY: Final = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """What somebody shows who would open a link."""

    secret: str
    answer: str = ""
    """Password or code."""
    device: str = ""
    """The key that this browser was given when it opened the link before."""
    address: str = ""
    browser: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """The link would open; more is asked for."""

    lock: Lock


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody is in."""

    opening: ShareOpening
    key: str
    """For the browser to keep: with it the pages of the share open."""
    device: str
    """The same for as long as the share lasts."""


def open_share(knock: Knock) -> Opened | Asked:
    """Open a share, or say what else is asked for. Counts a view; written down whatever comes of it.

    :raises ShareRefused: it does not open
    :raises ShareTriedTooOften: nothing is looked at: this address has been refused too often
    """
    _refuse_guessing(knock.address)
    with transaction.atomic():
        outcome = _outcome(knock)
    if isinstance(outcome, str):
        record(_nobody(knock.address), _REFUSED, success=False, reason=outcome)
        raise ShareRefused("the share does not open")
    return outcome


def opened_with(key: str, handle: str) -> ShareOpening:
    """What a browser has opened before, while it may still be looked at.

    :raises ShareRefused: nothing, or no longer
    """
    now = timezone.now()
    found = (
        ShareOpening.objects.select_related("share")
        .filter(digest=digest_of(key), share__handle=handle, until__gt=now)
        .first()
        if is_key(key)
        else None
    )
    if found is None or share_state(found.share, now) not in (ShareState.OPEN, ShareState.USED_UP):
        raise ShareRefused("the share is not open here")
    return found


def visitor(share: Share, address: str) -> Actor:
    """Who looks, as the audit trail names them."""
    return Actor(f"share:{share.pk}", address=address, kind=ActorKind.RECEIVER)


def _outcome(knock: Knock) -> Opened | Asked | str:
    """The opening, what is asked for, or why not: for the audit trail."""
    if not is_key(knock.secret):
        return "no link"
    share = Share.objects.select_for_update().filter(digest=digest_of(knock.secret)).first()
    if share is None:
        return "unknown link"
    _lock_above(share)
    now = timezone.now()
    state = share_state(share, now)
    if state is not ShareState.OPEN:
        return f"share {share.pk} is {state}"
    if share.locked_until is not None and share.locked_until > now:
        return f"share {share.pk} is locked"
    device = digest_of(knock.device) if is_key(knock.device) else ""
    if share.device and not share.may_pass_on and share.device != device:
        return f"share {share.pk} is open on another device"
    if share.lock != Lock.NONE:
        if not knock.answer:
            return _ask(share, knock)
        if not _answers(share, knock.answer):
            share.wrong_tries += 1
            if share.wrong_tries >= WRONG_TRIES:
                share.wrong_tries, share.locked_until = 0, now + LOCKED
            share.save(update_fields=["wrong_tries", "locked_until"])
            return f"share {share.pk}: wrong {share.lock.lower()}"
    return _open(share, knock)


def _lock_above(share: Share) -> None:
    """What it was passed on from, each locked after what came of it: openings of several links count one by one."""
    while share.parent_id is not None:
        share.parent = Share.objects.select_for_update().get(pk=share.parent_id)
        share = share.parent


def _ask(share: Share, knock: Knock) -> Asked | str:
    if share.lock == Lock.CODE and not send_code(share, visitor(share, knock.address)):
        return f"share {share.pk}: too many codes"
    return Asked(Lock(share.lock))


def _answers(share: Share, answer: str) -> bool:
    if share.lock == Lock.PASSWORD:
        return check_password(answer, share.password)
    now = timezone.now()
    unused = share.codes.filter(used_at__isnull=True).order_by("-sent_at", "-pk")
    if not good_code(unused.values_list("digest", "sent_at")[:1], code_digest(share.pk, answer.strip()), now):
        return False
    unused.update(used_at=now)
    return True


def _open(share: Share, knock: Knock) -> Opened:
    now = timezone.now()
    key = new_key()
    device = knock.device if is_key(knock.device) else new_key()
    share.views_used += 1
    share.wrong_tries = 0
    if not share.device:
        share.device = digest_of(device)
    share.save(update_fields=["views_used", "wrong_tries", "device"])
    for each in line_of(share)[1:]:
        Share.objects.filter(pk=each.pk).update(views_used=F("views_used") + 1)
    opening = ShareOpening.objects.create(
        share=share,
        digest=digest_of(key),
        opened_at=now,
        until=min(now + LOOKS, *(each.expires_at for each in line_of(share))),
        address=knock.address[:64],
        browser=knock.browser[:200],
    )
    for patient_id in sorted({row.procedure.patient_id for row in shown_rows(share)}):
        record(
            visitor(share, knock.address),
            "share.opened",
            subject=f"share:{share.pk}",
            patient_id=patient_id,
            opening=opening.pk,
        )
    announce("share", share.pk)
    return Opened(opening, key, device)


def _refuse_guessing(address: str) -> None:
    since = timezone.now() - REFUSALS_WITHIN
    refused = AuditEvent.objects.filter(at__gte=since, action=_REFUSED, address=address, actor=_NOBODY)
    if refused.count() >= MOST_REFUSALS:
        raise ShareTriedTooOften("too many refusals; later again")


def _nobody(address: str) -> Actor:
    return Actor(_NOBODY, address=address)
