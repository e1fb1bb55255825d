"""Shares that were passed on: from whom a share comes, and what has come of it (R10).

A share opens no more than every share above it does; what narrows or ends one narrows or ends all below.
"""

from __future__ import annotations

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from ris_core.sharing.models import Share
from ris_core.sharing.watermark import Marked, code_of, mark_words


def line_of(share: Share) -> list[Share]:
    """The share, whose receiver passed it on, and so on to the first one."""
    line = [share]
    while line[-1].parent is not None:
        line.append(line[-1].parent)
    return line


def root_of(share: Share) -> Share:
    """The first one, which somebody of the hospital, or the patient, has made."""
    return line_of(share)[-1]


def below(share: Share) -> list[Share]:
    """What it was passed on as, and that again; the newest first."""
    found: list[Share] = []
    newest = [share]
    while newest:
        newest = list(Share.objects.filter(parent__in=newest).select_related("parent"))
        found += newest
    return sorted(found, key=lambda each: -each.pk)


def tree_of(share: Share) -> list[tuple[Share, int]]:
    """What it was passed on as, each followed by what came of that, with how often in a row it was passed on."""
    of: dict[int | None, list[Share]] = {}
    for each in sorted(below(share), key=lambda each: each.pk):
        of.setdefault(each.parent_id, []).append(each)

    def branches(parent: Share, rank: int) -> list[tuple[Share, int]]:
        return [pair for each in of.get(parent.pk, ()) for pair in ((each, rank), *branches(each, rank + 1))]

    return branches(share, 1)


def mark_of(share: Share) -> str:
    """The words over all that is seen of it, as the first one's sharer or the site wants them; empty: none."""
    root, site = root_of(share), settings.QUANG.site
    if not root.watermark and settings.QUANG.sharing.watermark != "always":
        return ""
    sharer = root.created_by.full_name if root.created_by is not None else ""
    marked = Marked(
        code=code_of(share.handle),
        day=timezone.localdate(share.created_at),
        receiver=share.receiver,
        sharer=share.parent.receiver if share.parent is not None else sharer,
        site=site.name,
        anonymous=root.anonymous,
    )
    return mark_words(marked, site.language, settings.QUANG.sharing.watermark_text)


def gives_pictures_only(share: Share) -> bool:
    """Whether no stored pixels are given, only pictures made by the server with the words in them."""
    return root_of(share).pictures_only and bool(mark_of(share))


def views_left(share: Share) -> int | None:
    """How often it, or what comes of it, may still be opened; none: as often as one likes."""
    left = [max(0, each.views_allowed - each.views_used) for each in line_of(share) if each.views_allowed is not None]
    return min(left, default=None)


def locked(shares: QuerySet[Share]) -> list[Share]:
    """The newest first: what a share was passed on as comes before it, as in
    :func:`ris_core.sharing.opening.open_share`. In another order two would wait for each other."""
    return list(shares.select_for_update(of=("self",)).order_by("-pk"))
