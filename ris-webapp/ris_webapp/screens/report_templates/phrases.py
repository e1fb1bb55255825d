"""Phrases and macros of a person, of the hospital and those that come with the suite; words of the spelling check."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.errors import InvalidValue, NotPermitted
from ris_core.reports.content import STANDARD_SECTIONS
from ris_core.reports.models import Phrase, SpellingWord
from ris_core.reports.phrases import remove_word, save_phrase, set_phrase_active
from ris_core.reports.ready_phrases import load_phrases, missing_phrases
from ris_webapp.client import actor_of
from ris_webapp.permission import UserRequest, requires
from ris_webapp.screens.report_templates.forms import PhraseForm, sentence_of


@requires(Function.READ_EXAM, Function.MANAGE_TEMPLATES)
@require_http_methods(["GET", "POST"])
def phrases(request: UserRequest) -> HttpResponse:
    """Own phrases and the hospital's; ``?edit=`` puts one into the form, ``?copy=`` one that becomes one's own."""
    form = PhraseForm(request.POST) if request.method == "POST" else PhraseForm(initial=_edited(request))
    facts = form.entered() if form.is_bound else None
    if facts:
        _refuse_shared(request, facts.shared or _is_shared(form.cleaned_data["phrase_id"]))
        try:
            phrase = save_phrase(form.cleaned_data["phrase_id"], facts, actor_of(request))
            messages.success(request, _("Đã lưu cụm từ .%(name)s") % {"name": phrase.abbreviation})
            return HttpResponseRedirect(reverse("report_templates:phrases"))
        except InvalidValue as error:
            form.refuse(error)
    rows = Phrase.objects.filter(Q(owner=request.user) | Q(owner__isnull=True)).order_by(
        "-active", "abbreviation", "pk"
    )
    context = {
        "form": form,
        "rows": rows,
        "standard": STANDARD_SECTIONS,
        "words": SpellingWord.objects.order_by("word"),
        "missing": missing_phrases() if may(request.user.role, Function.MANAGE_TEMPLATES) else [],
    }
    return render(request, "report_templates/phrases.html", context, status=422 if form.errors else 200)


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def take_ready(request: UserRequest) -> HttpResponse:
    """Add the phrases that come with the suite, for the whole hospital."""
    added = load_phrases(actor_of(request))
    text = ngettext("Đã thêm %(count)s cụm từ có sẵn.", "Đã thêm %(count)s cụm từ có sẵn.", added)
    messages.success(request, text % {"count": added})
    return HttpResponseRedirect(reverse("report_templates:phrases"))


@requires(Function.READ_EXAM, Function.MANAGE_TEMPLATES)
@require_POST
def set_active(request: UserRequest, phrase_id: int) -> HttpResponse:
    """Offer a phrase no longer, or again."""
    _refuse_shared(request, _is_shared(phrase_id))
    try:
        set_phrase_active(phrase_id, request.POST.get("active") == "1", actor_of(request))
    except InvalidValue as error:
        messages.error(request, sentence_of(error))
    return HttpResponseRedirect(reverse("report_templates:phrases"))


@requires(Function.MANAGE_TEMPLATES)
@require_POST
def remove(request: UserRequest, word_id: int) -> HttpResponse:
    """Have the spelling check mark a word again."""
    remove_word(word_id, actor_of(request))
    return HttpResponseRedirect(reverse("report_templates:phrases") + "#words")


def _is_shared(phrase_id: int | None) -> bool:
    return Phrase.objects.filter(pk=phrase_id or 0, owner__isnull=True).exists()


def _refuse_shared(request: UserRequest, shared: bool) -> None:
    """:raises NotPermitted: the hospital's phrases are changed by those who may change templates"""
    if shared and not may(request.user.role, Function.MANAGE_TEMPLATES):
        raise NotPermitted("the hospital's phrases are not this role's to change", field="shared")


def _edited(request: UserRequest) -> dict[str, object]:
    copied = "copy" in request.GET
    number = request.GET.get("copy" if copied else "edit", "")
    phrase = Phrase.objects.filter(
        Q(owner=request.user) | Q(owner__isnull=True), pk=int(number) if number.isdecimal() and len(number) < 10 else 0
    ).first()
    if phrase is None:
        return {}
    return {
        "phrase_id": None if copied else phrase.pk,
        "abbreviation": phrase.abbreviation,
        "text": phrase.text,
        "modality": phrase.modality,
        "service_code": phrase.service_code,
        "shared": phrase.owner_id is None and not copied,
        "replaces": phrase.replaces,
        **phrase.sections,
    }
