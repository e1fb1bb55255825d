"""The addresses of a page of an outbox: the inbox, sending again, dismissing."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from ris_core.accounts.rules import Function
from ris_core.audit.services import record
from ris_core.errors import InvalidValue, NotFound, TransitionRefused
from ris_core.outbox.sending import Entry
from ris_webapp.client import actor_of
from ris_webapp.numbers import whole_numbers
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.outbox.page import BOX_LABELS, OutboxPage, Wanted, inbox, rows_of, selected
from ris_webapp.searched import note_search
from ris_webapp.words import Text

MOST_AT_ONCE = 1000
"""Entries that one press replays or dismisses; each is a transaction of its own."""


def addresses(page: OutboxPage[Entry]) -> list[URLPattern]:
    """Of one kind of outbox: its own name, ``replay`` and ``dismiss``."""

    @requires(Function.MANAGE_DELIVERIES)
    @require_GET
    def shown(request: UserRequest) -> HttpResponse:
        """The inbox; ``?open=`` shows one entry beside it, with the message and the receiver's answer."""
        wanted = Wanted.of(request.GET.dict())
        note_search(request, f"{name}.searched", wanted.query)
        context = {
            "page": page,
            "words": page.words,
            "inbox": inbox(page, wanted),
            "labels": BOX_LABELS,
            "opened": _opened(page, request, wanted.opened),
        }
        return render(request, "outbox/outbox.html", context)

    @requires(Function.MANAGE_DELIVERIES)
    @require_POST
    def replay(request: UserRequest) -> HttpResponse:
        """Send again: the checked ones, or all that the address's filters show."""
        return _done(page, request, page.words.replaying, lambda key: page.outbox.replay(key, actor_of(request)))

    @requires(Function.MANAGE_DELIVERIES)
    @require_POST
    def dismiss(request: UserRequest) -> HttpResponse:
        """Decide that these are owed no more; a reason is asked for."""
        why = request.POST.get("reason", "").strip()
        return _done(page, request, page.words.dismissed, lambda key: page.outbox.dismiss(key, why, actor_of(request)))

    name = page.namespace
    return [
        path(f"{name}/", shown, name=name),
        path(f"{name}/replay", replay, name="replay"),
        path(f"{name}/dismiss", dismiss, name="dismiss"),
    ]


def _done(page: OutboxPage[Entry], request: HttpRequest, said: Text, act: Callable[[int], None]) -> HttpResponse:
    """``act`` on everything that is chosen; how many it was, and back to the page."""
    wanted = Wanted.of(request.POST.dict())
    done = refused = 0
    for key in _chosen(page, request, wanted):
        try:
            act(key)
            done += 1
        except InvalidValue:
            messages.error(request, _("Cần ghi lý do bỏ qua."))
            break
        except (TransitionRefused, NotFound):
            refused += 1
    if done:
        messages.success(request, said % {"count": done})
    if refused:
        messages.warning(request, page.words.kept % {"count": refused})
    return HttpResponseRedirect(reverse(f"{page.namespace}:{page.namespace}") + wanted.address())


def _chosen(page: OutboxPage[Entry], request: HttpRequest, wanted: Wanted) -> list[int]:
    """The keys that the form names; with ``all``, those of everything that its filters show."""
    found = selected(page, wanted)
    if "all" not in request.POST:
        keys = whole_numbers(request.POST.getlist(page.outbox.name))[:MOST_AT_ONCE]
        found = page.outbox.entries().filter(pk__in=keys).order_by("sequence", "pk")
    return list(found.values_list("pk", flat=True)[:MOST_AT_ONCE])


def _opened(page: OutboxPage[Entry], request: UserRequest, key: int | None) -> dict[str, object] | None:
    """The entry to show in full; reading its message is written down."""
    entry = page.loaded().filter(pk=key).first() if key is not None else None
    if entry is None:
        return None
    name = page.outbox.name
    record(actor_of(request), f"{name}.viewed", subject=f"{name}:{entry.pk}", patient_id=page.patient_id(entry))
    return {"row": rows_of(page, [entry])[0], "detail": page.detail(entry)}
