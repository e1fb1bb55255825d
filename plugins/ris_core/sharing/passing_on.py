"""A receiver passes a share on: a further link under narrower terms, under the same share (R10).

Only of a share that may be passed on, and a few times in a row; what the receiver may not do, whom they pass it on to
may not either. The sharer sees all of it as a tree, and ends any branch.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import record
from ris_core.changes.services import announce
from ris_core.sharing.errors import ShareRefused
from ris_core.sharing.lineage import line_of, views_left
from ris_core.sharing.models import Lock, Share, SharedExam, ShareOpening
from ris_core.sharing.opening import visitor
from ris_core.sharing.rules import MOST_FURTHER, MOST_PASSES, Further, Room, ShareState, check_further
from ris_core.sharing.secrets import digest_of, new_handle, new_key
from ris_core.sharing.services import share_state
from ris_core.sharing.withholding import shown_rows


def room_in(share: Share) -> Room | None:
    """What may be passed on of a share; none: nothing."""
    rank = len(line_of(share))
    if not share.may_pass_on or rank > MOST_PASSES:
        return None
    return Room(
        min(each.expires_at for each in line_of(share)),
        views_left(share),
        share.may_download,
        rank < MOST_PASSES,
        share.lock != Lock.NONE,
        MOST_FURTHER - share.passed_on.count(),
    )


@transaction.atomic
def pass_on(opening: ShareOpening, wanted: Further, address: str) -> tuple[Share, str]:
    """Another share of what the visitor sees, and the secret of its link: shown now, and kept nowhere.

    :raises ShareRefused: it may not be passed on, or is no longer open
    :raises ShareInvalid: ``field`` names what goes further than the share
    """
    parent = Share.objects.select_for_update(of=("self",)).get(pk=opening.share_id)
    now, room = timezone.now(), room_in(parent)
    is_in = ShareOpening.objects.filter(pk=opening.pk, until__gt=now).exists()
    if room is None or not is_in or share_state(parent, now) not in (ShareState.OPEN, ShareState.USED_UP):
        raise ShareRefused("it may not be passed on")
    rows = shown_rows(parent)
    if not rows:
        raise ShareRefused("nothing of it is shown")
    check_further(wanted, room, now)
    secret = new_key()
    share = Share.objects.create(
        handle=new_handle(),
        digest=digest_of(secret),
        parent=parent,
        receiver=wanted.receiver.strip(),
        comment=wanted.comment.strip(),
        lock=Lock.PASSWORD if wanted.password else Lock.NONE,
        password=make_password(wanted.password) if wanted.password else "",
        anonymous=parent.anonymous,
        with_report=parent.with_report,
        may_download=wanted.may_download,
        may_pass_on=wanted.may_pass_on,
        views_allowed=wanted.views_allowed if wanted.views_allowed is not None else room.views,
        created_by_id=parent.created_by_id,
        created_at=now,
        expires_at=wanted.expires_at,
    )
    for row in rows:
        kept = {"birth_date": row.birth_date, "confidential_known": row.confidential_known}
        SharedExam.objects.create(share=share, procedure=row.procedure, patient_id=row.patient_id, **kept)
    facts: dict[str, Any] = {"passed_on_as": share.pk, "until": share.expires_at.isoformat(), "lock": share.lock}
    for patient_id in sorted({row.patient_id for row in rows}):
        record(
            visitor(parent, address), "share.passed_on", subject=f"share:{parent.pk}", patient_id=patient_id, **facts
        )
    announce("share", parent.pk)
    return share, secret
