"""Markup and formulas in every text of the whole database: shown as text on every page and in every export (Q8)."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from typing import Any, Final
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.http import HttpResponseBase

from ris_core.accounts.models import User
from ris_core.accounts.rules import Function
from ris_webapp.tests.address_table import ADDRESSES
from ris_webapp.tests.people import a_role, a_user, client_as
from ris_webapp.tests.things import Things

pytestmark = [pytest.mark.django_db, pytest.mark.once]

MARKUP: Final = "</script><b onclick=x>'\"{{7*7}}"
FORMULA: Final = "=cmd|' /C calc'!A0"
NOT_WORDS: Final = frozenset(
    {"username", "password", "role", "theme", "language", "images", "origin", "study_instance_uid", "key", "digest",
     "handle", "sha256", "ae_title", "code", "orthanc_id", "message_type", "hash", "subject", "action", "url",
     "echo_result"}
)  # fmt: skip
"""What is checked wherever it comes in, or decides what a row is."""
OURS: Final = frozenset({"ris_core.audit.models"})


def _words(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The fields of a table that hold somebody's words."""
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not field.choices
        and not field.unique
        and not field.primary_key
        and field.name not in NOT_WORDS
        and not field.name.endswith(("_uid", "_state", "_kind", "status", "modality", "modalities"))
    ]


def poison(text: str) -> int:
    """Put ``text`` wherever anybody's words are kept, as far as the database allows; how many columns."""
    poisoned = 0
    for model in apps.get_models():
        if not model.__module__.startswith("ris_core") or model.__module__ in OURS:
            continue
        constrained = {name for each in model._meta.constraints for name in getattr(each, "fields", ())}
        for field in _words(model):
            if field.name in constrained or not model._default_manager.exists():
                continue
            with suppress(DatabaseError), transaction.atomic():  # some rows are never changed: reports, messages
                model._default_manager.update(**{field.name: text[: field.max_length or 2000]})
                poisoned += 1
    return poisoned


def _body(answer: HttpResponseBase) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]


def _pages(things: Things) -> dict[str, HttpResponseBase]:
    user = a_user(a_role(*Function))
    User.objects.filter(pk=user.pk).update(full_name=MARKUP)
    client = client_as(user=user)
    client.raise_request_exception = False
    exam = things.exam.pk
    asked: dict[str, str | int] = {"when": "all", "q": "", "exams": exam, "ids": exam, "of": "register", "box": "all"}
    return {
        address.name: client.get(things.path(address.name), asked)
        for address in ADDRESSES.values()
        if "GET" in address.methods
    }


def test_markup_anywhere_in_the_database_is_text_on_every_page() -> None:
    things = Things()
    assert poison(MARKUP) > 60
    shown = 0
    for name, answer in _pages(things).items():
        body = _body(answer).decode(errors="replace")
        assert answer.status_code < 500 or answer.status_code in (502, 503), (name, answer.status_code)
        if "text/html" not in answer.headers.get("Content-Type", ""):
            continue
        shown += "&lt;/script&gt;" in body or "\\u003c/script\\u003e" in body
        assert "<b onclick" not in body, name
        for script in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', body, re.DOTALL):
            assert "<" not in script, name
    assert shown > 20


def test_formulas_anywhere_in_the_database_are_text_in_every_export() -> None:
    things = Things()
    poison(FORMULA)
    exports = 0
    for name, answer in _pages(things).items():
        kind, body = answer.headers.get("Content-Type", ""), _body(answer)
        if kind.startswith("text/csv"):
            exports += 1
            for row in csv.reader(io.StringIO(body.decode("utf-8-sig"))):
                assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], name
        elif "spreadsheet" in kind:
            exports += 1
            with ZipFile(io.BytesIO(body)) as book:
                for part in book.namelist():
                    assert b"<f>" not in book.read(part), (name, part)
                    assert b"externalLink" not in book.read(part), (name, part)
    assert exports >= 4
