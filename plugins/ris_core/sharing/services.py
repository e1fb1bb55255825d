"""Shares made, prolonged, limited, given a new link, revoked (R10).

One transaction each, with its audit event. Who calls decides whether the actor may share these exams.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from ris_core.access.ended_grants import end_grants
from ris_core.access.tokens import share_grant
from ris_core.audit.models import ActorKind
from ris_core.audit.services import Actor, record
from ris_core.changes.services import announce
from ris_core.errors import NotFound, NotPermitted, TransitionRefused
from ris_core.jobs.services import enqueue
from ris_core.letters.numbers import phone_number
from ris_core.orders.models import RequestedProcedure
from ris_core.outbox.entries import OutboxState
from ris_core.outbox.rules import OWED
from ris_core.sharing.errors import ShareInvalid
from ris_core.sharing.lineage import below, line_of, locked, root_of
from ris_core.sharing.models import CopyingState, Lock, Share, ShareCopying, SharedExam
from ris_core.sharing.rules import (
    MOST_VIEWS,
    ShareState,
    Terms,
    channel_of,
    check_expiry,
    check_pictures_only,
    names_patient,
    state_of,
)
from ris_core.sharing.secrets import digest_of, new_handle, new_key
from ris_core.sharing.withholding import confidential_among, may_be_asked, withheld_among

COPY_JOB: Final = "copy_for_share"
"""Makes the copies of an anonymous share; its subject is the share."""
REMOVE_JOB: Final = "remove_share_copies"
"""Removes the copies of an anonymous share that has ended; its subject is the share."""
COPIES_CHANNEL: Final = "share_copies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What can be changed of a share that has been given away."""

    comment: str
    with_report: bool
    may_download: bool
    may_pass_on: bool
    views_allowed: int | None
    watermark: bool
    pictures_only: bool


@transaction.atomic
def make_share(terms: Terms, actor: Actor) -> tuple[Share, str]:
    """A new share, and the secret of its link: shown or sent now, and kept nowhere.

    :raises ShareInvalid: ``field`` names what cannot be so
    """
    if actor.user_id is None and actor.kind is not ActorKind.PATIENT:
        raise NotPermitted("exams are shared by somebody who has logged in")
    now = timezone.now()
    check_expiry(terms.expires_at, now, settings.QUANG.sharing.longest_days)
    exams = list(
        RequestedProcedure.objects.select_related("patient", "request")
        .filter(pk__in=terms.exam_ids)
        .order_by("-scheduled_at", "pk")
    )
    if len(exams) != len(set(terms.exam_ids)):
        raise ShareInvalid("there is no such exam", field="exams")
    if terms.anonymous:
        _refuse_naming(terms.comment, exams)
    secret = new_key()
    code_to = phone_number(terms.code_to) if "@" not in terms.code_to else terms.code_to
    share = Share.objects.create(
        handle=new_handle(),
        digest=digest_of(secret),
        receiver=terms.receiver.strip(),
        comment=terms.comment.strip(),
        lock=Lock.PASSWORD if terms.password else Lock.CODE if code_to else Lock.NONE,
        password=make_password(terms.password) if terms.password else "",
        code_channel=channel_of(code_to, field="code_to") if code_to else "",
        code_address=code_to,
        anonymous=terms.anonymous,
        with_report=terms.with_report and not terms.anonymous,
        may_download=terms.may_download,
        may_pass_on=terms.may_pass_on,
        views_allowed=terms.views_allowed,
        watermark=terms.watermark or settings.QUANG.sharing.watermark == "always",
        pictures_only=terms.pictures_only,
        created_by_id=actor.user_id,
        created_at=now,
        expires_at=terms.expires_at,
    )
    confidential = confidential_among(exam.patient_id for exam in exams)
    SharedExam.objects.bulk_create(
        SharedExam(
            share=share,
            procedure=exam,
            patient=exam.patient,
            birth_date=exam.patient.birth_date,
            confidential_known=exam.patient_id in confidential,
        )
        for exam in exams
    )
    if share.anonymous:
        enqueue(COPY_JOB, share.pk, channel=COPIES_CHANNEL)
    facts: dict[str, Any] = {
        "anonymous": share.anonymous,
        "exams": [exam.pk for exam in exams],
        "until": share.expires_at.isoformat(),
        "lock": share.lock,
        "watermark": share.watermark,
        "pictures_only": share.pictures_only,
    }
    for patient_id in dict.fromkeys(exam.patient_id for exam in exams):
        record(actor, "share.made", subject=_subject(share), patient_id=patient_id, **facts)
    announce("share", share.pk)
    return share, secret


@transaction.atomic
def extend_share(share_id: int, expires_at: datetime, actor: Actor) -> Share:
    """Let it last longer or shorter; one that was over opens again.

    :raises NotFound: no such share
    :raises TransitionRefused: it is revoked
    :raises ShareInvalid: field ``expires_at``
    """
    share = _not_revoked(share_id)
    if share.parent is not None and expires_at > root_of(share).expires_at:
        raise ShareInvalid("it ends no later than the share that was passed on", field="expires_at")
    if share.anonymous and root_of(share).expires_at <= timezone.now():
        raise ShareInvalid("its copies are being removed; share anew", field="expires_at")
    check_expiry(expires_at, timezone.now(), settings.QUANG.sharing.longest_days)
    former, share.expires_at = share.expires_at, expires_at
    fields = ["expires_at"]
    if expires_at < former:
        fields.append(_narrow(share))
    share.save(update_fields=fields)
    _tell(share, actor, "extended", until=expires_at.isoformat(), former=former.isoformat())
    return share


@transaction.atomic
def limit_share(share_id: int, limits: Limits, actor: Actor) -> Share:
    """Change what its receiver may do; who is looking now must open it again when that has become less.

    :raises NotFound: no such share
    :raises TransitionRefused: it is revoked
    :raises ShareInvalid: field ``views_allowed``
    """
    share = _not_revoked(share_id)
    if limits.views_allowed is not None and not 1 <= limits.views_allowed <= MOST_VIEWS:
        raise ShareInvalid(f"it may be opened 1 to {MOST_VIEWS} times", field="views_allowed")
    limits = replace(limits, watermark=limits.watermark or settings.QUANG.sharing.watermark == "always")
    check_pictures_only(limits.pictures_only, limits.watermark, limits.may_download)
    if share.parent is not None:
        limits = replace(
            limits,
            with_report=limits.with_report and share.parent.with_report,
            may_download=limits.may_download and share.parent.may_download,
            may_pass_on=limits.may_pass_on and share.parent.may_pass_on,
            watermark=False,
            pictures_only=False,
        )
    if share.anonymous:
        limits = replace(limits, with_report=False)
        _refuse_naming(
            limits.comment,
            [each.procedure for each in share.exams.select_related("procedure__patient", "procedure__request")],
        )
    less = [
        name
        for name in ("with_report", "may_download", "may_pass_on")
        if getattr(share, name) and not getattr(limits, name)
    ]
    less += [name for name in ("watermark", "pictures_only") if getattr(limits, name) and not getattr(share, name)]
    share.comment = limits.comment.strip()
    share.with_report, share.may_download = limits.with_report, limits.may_download
    share.may_pass_on, share.views_allowed = limits.may_pass_on, limits.views_allowed
    share.watermark, share.pictures_only = limits.watermark, limits.pictures_only
    if less:
        for each in below(share):
            each.with_report &= share.with_report
            each.may_download &= share.may_download
            each.save(update_fields=["with_report", "may_download"])
        if "may_pass_on" in less:
            _end_below(share, actor)
        _narrow(share)
    share.save()
    marking = {"watermark": share.watermark, "pictures_only": share.pictures_only}
    _tell(share, actor, "limited", less=less, views_allowed=limits.views_allowed, **marking)
    return share


@transaction.atomic
def renew_link(share_id: int, actor: Actor) -> tuple[Share, str]:
    """Another link for the same share, on any device; the former one, what it has opened and what it was passed on as
    works no more.

    :raises NotFound: no such share
    :raises TransitionRefused: it is revoked, or its anonymous copies are not ready to be looked at
    """
    share = _not_revoked(share_id)
    if share.anonymous and not ShareCopying.objects.filter(share=root_of(share), state=CopyingState.READY).exists():
        raise TransitionRefused("its copies are not ready", field="share")
    secret = new_key()
    share.digest, share.device = digest_of(secret), ""
    share.wrong_tries, share.locked_until = 0, None
    _take_back_letters(share)
    _end_below(share, actor)
    _narrow(share)
    share.save()
    _tell(share, actor, "link_renewed")
    return share, secret


@transaction.atomic
def revoke_share(share_id: int, actor: Actor) -> Share:
    """Shut it for good: the link opens nothing, pages and viewers that are open load nothing more.

    :raises NotFound: no such share
    :raises TransitionRefused: it is revoked already
    """
    share = _not_revoked(share_id)
    share.revoked_at, share.revoked_by_id = timezone.now(), actor.user_id
    _take_back_letters(share)
    _end_below(share, actor)
    share.save(update_fields=["revoked_at", "revoked_by", _narrow(share)])
    if share.anonymous and share.parent_id is None:
        enqueue(REMOVE_JOB, share.pk, channel=COPIES_CHANNEL)
    _tell(share, actor, "revoked")
    return share


@transaction.atomic
def let_go(share_id: int, exam_id: int, actor: Actor) -> None:
    """An exam whose patient has become confidential since is shown again, by the share and all that it was passed on
    as; who calls decides whether the actor may.

    :raises NotFound: no such share, or exam of it
    :raises TransitionRefused: the share is revoked; the exam is not withheld for this, or the site never lets it go
    """
    wanted = Share.objects.filter(pk=share_id).first()
    share = _not_revoked(root_of(wanted).pk if wanted else share_id)
    row = share.exams.select_related("procedure__patient").filter(procedure_id=exam_id).first()
    if row is None:
        raise NotFound("the share has no such exam", field="exam")
    if not any(may_be_asked(why) for _row, why in withheld_among([row])):
        raise TransitionRefused("it cannot be let go; share it anew", field="exam")
    row.confidential_known, row.withheld_at = True, None
    row.save(update_fields=["confidential_known", "withheld_at"])
    SharedExam.objects.filter(share__in=below(share), procedure=exam_id).update(
        confidential_known=True, withheld_at=None
    )
    record(actor, "share.let_go", subject=_subject(share), patient_id=row.patient_id, exam=exam_id)
    announce("share", share.pk)


def _refuse_naming(comment: str, exams: Iterable[RequestedProcedure]) -> None:
    """:raises ShareInvalid: field ``comment``: it says whose the anonymous images are"""
    for exam in exams:
        patient = exam.patient
        numbers = [patient.phone, exam.request.accession_number, *(each.value for each in patient.identifiers.all())]
        if names_patient(comment, patient.full_name, patient.birth_date, numbers):
            raise ShareInvalid("the comment names the patient", field="comment")


def share_state(share: Share, now: datetime | None = None) -> ShareState:
    """How it stands for somebody who would open it: no better than any share that it was passed on from."""
    at = now or timezone.now()
    states = [
        state_of(
            at,
            expires_at=each.expires_at,
            revoked=each.revoked_at is not None,
            views_used=each.views_used,
            views_allowed=each.views_allowed,
        )
        for each in line_of(share)
    ]
    return next(
        (state for state in (ShareState.REVOKED, ShareState.OVER, ShareState.USED_UP) if state in states),
        ShareState.OPEN,
    )


def _narrow(share: Share) -> str:
    """End what it has opened so far, and what it was passed on as: viewers within seconds, pages at once. The name of
    the field that is to be saved."""
    for each in below(share):
        _narrow_one(each)
        each.save(update_fields=["revision"])
    _narrow_one(share)
    return "revision"


def _narrow_one(share: Share) -> None:
    end_grants([share_grant(share.pk, share.revision)])
    share.openings.update(until=timezone.now())
    share.revision += 1


def _end_below(share: Share, actor: Actor) -> None:
    """What it was passed on as is revoked."""
    for each in below(share):
        if each.revoked_at is None:
            each.revoked_at, each.revoked_by_id = timezone.now(), actor.user_id
            each.save(update_fields=["revoked_at", "revoked_by"])
            _take_back_letters(each)
            _tell(each, actor, "revoked", with_share=share.pk)


def _take_back_letters(share: Share) -> None:
    """What has not been handed over names a link that works no more, and is not sent again by anybody either."""
    owed = share.messages.filter(state__in=(*OWED, OutboxState.DEAD))
    owed.update(state=OutboxState.DISMISSED, dismissed_reason="the link works no more", sealed=b"", message=b"")


def _not_revoked(share_id: int) -> Share:
    share = Share.objects.filter(pk=share_id).first()
    if share is None:
        raise NotFound("there is no such share", field="share")
    share = locked(Share.objects.filter(pk__in=[share_id, *(each.pk for each in below(share))]))[-1]
    if share.revoked_at is not None:
        raise TransitionRefused("the share is revoked", field="share")
    return share


def _tell(share: Share, actor: Actor, what: str, **facts: Any) -> None:
    patients = share.exams.values_list("patient_id", flat=True)
    for patient_id in sorted(set(patients)):
        record(actor, f"share.{what}", subject=_subject(share), patient_id=patient_id, **facts)
    announce("share", share.pk)


def _subject(share: Share) -> str:
    return f"share:{share.pk}"
