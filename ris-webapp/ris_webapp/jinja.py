"""The Jinja2 environment of all screens: escaping on, undefined names refused, translations, words for values."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.names import display_name
from ris_webapp.feed import POSITION
from ris_webapp.rail import administration_for, place_in_rail, rail_for
from ris_webapp.role_words import FUNCTION_WORDS, role_name
from ris_webapp.state_styles import STYLES
from ris_webapp.words import WORDS


def environment(**options: Any) -> Environment:
    """The environment that Django's Jinja2 backend uses; also what printed pages may use."""
    options["undefined"] = StrictUndefined
    options.setdefault("autoescape", True)
    env = Environment(**options, extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext=translation.gettext,
        ngettext=translation.ngettext,
        newstyle=True,
        pgettext=translation.pgettext,
        npgettext=translation.npgettext,
    )
    env.globals.update(
        url=_url, asset=asset, icon=icon, word=word, vocabulary=vocabulary, style=style, Function=Function
    )
    env.filters.update(
        moment=moment,
        clock=clock,
        day=day,
        dicom_date=dicom_date,
        dicom_time=dicom_time,
        duration=duration,
        grouped=grouped,
        byte_size=byte_size,
        person=display_name,
        compared=compared,
    )
    return env


def page_context(request: HttpRequest) -> dict[str, Any]:
    """What every page knows: the user, what they may do, the rail, messages to show once."""
    user = getattr(request, "user", None)  # none yet, when an early middleware failed
    if not isinstance(user, User):
        user = None
    match = request.resolver_match

    def allowed(function: Function) -> bool:
        return user is not None and may(user.role, function)

    return {
        "user": user,
        "may": allowed,
        "site": settings.QUANG.site,
        "rail": rail_for(user.role) if user else [],
        "administration": administration_for(user.role) if user else [],
        "here": place_in_rail(match.namespace) if match else "",
        "language": translation.get_language(),
        "notices": get_messages(request),
        "live_position": request.META.get(POSITION),
    }


def _url(name: str, *args: Any, **kwargs: Any) -> str:
    return reverse(name, args=args or None, kwargs=kwargs or None)


@cache
def _manifest() -> dict[str, str]:
    """Names of built files, read once: like the files themselves (whitenoise), they are those at the start."""
    try:
        built: dict[str, str] = json.loads((Path(settings.STATIC_ROOT) / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return built


def asset(name: str) -> str:
    """The address of a built file: ``asset("shell.js")`` is ``/static/shell-1A2B3C4D.js``.

    Where ``npm run build`` has not run it is the plain name, which no server has: pages come unstyled.
    """
    return f"{settings.STATIC_URL}{_manifest().get(name, name)}"


@cache
def icon(name: str, size: int = 18) -> Markup:
    """An icon of the sprite (``frontend/icons.mjs`` lists them); decoration, hidden from screen readers."""
    return Markup('<svg class="icon" width="{}" height="{}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        size, size, asset("icons.svg"), name
    )


def word(kind: str, value: str) -> str:
    """A domain value in the user's words: ``word("exam_state", "READY_TO_READ")`` is ``Chờ đọc``."""
    if kind == "role":
        return role_name(value)
    return str((FUNCTION_WORDS if kind == "function" else WORDS[kind]).get(value, value))


def vocabulary(kind: str) -> dict[str, str]:
    """All values of a kind in the user's words, for pages that show many of them."""
    return {value: str(text) for value, text in WORDS[kind].items()}


def style(kind: str, value: str) -> str:
    """The colour class of a state: ``style("exam_state", "FINAL")`` is ``final``."""
    return STYLES[kind].get(value, "quiet")


def moment(at: datetime | None) -> str:
    """Date and time in the site's zone: ``21/11/2026 14:05``; empty for none."""
    return timezone.localtime(at).strftime("%d/%m/%Y %H:%M") if at else ""


def clock(at: datetime | None) -> str:
    """The time of a moment today, date and time of any other day without its year."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    return local.strftime("%H:%M" if local.date() == timezone.localdate() else "%d/%m %H:%M")


def day(at: datetime | None) -> str:
    """The date in the site's zone: ``21/11/2026``; empty for none."""
    return timezone.localtime(at).strftime("%d/%m/%Y") if at else ""


def dicom_time(value: str) -> str:
    """A DICOM TM as ``08:15:00``; as it is when it is none."""
    digits = value.partition(".")[0]
    return ":".join((digits[:2], digits[2:4], digits[4:6])) if len(digits) == 6 and digits.isdecimal() else value


def dicom_date(value: str) -> str:
    """A DICOM date (``19801121``, also ``198011`` or ``1980``) as people write it: ``21/11/1980``."""
    if not value.isdigit() or len(value) not in (4, 6, 8):
        return value
    return "/".join(part for part in (value[6:8], value[4:6], value[:4]) if part)


def compared(value: str, field: str) -> str:
    """A value of a comparison by its DICOM keyword as people read it: names and dates not as DICOM writes them."""
    if field == "PatientName":
        return display_name(value)
    if field == "PatientBirthDate":
        return dicom_date(value)
    return word("sex", value) if field == "PatientSex" else value


def duration(minutes: int) -> str:
    """A waiting time: ``45 ph``, ``3 g 20``, ``2 ng``."""
    if minutes < 60:
        return gettext("%(minutes)s ph") % {"minutes": minutes}
    if minutes < 48 * 60:
        return gettext("%(hours)s g %(minutes)02d") % {"hours": minutes // 60, "minutes": minutes % 60}
    return gettext("%(days)s ngày") % {"days": minutes // (24 * 60)}


def byte_size(count: int) -> str:
    """Bytes as people read sizes of files: ``1,2 GB`` or ``1.2 GB``."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    text = f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
    return text if translation.get_language() == "en" else text.replace(".", ",")


def grouped(number: int) -> str:
    """A number with its thousands apart, as the language writes it: ``12.345`` or ``12,345``."""
    text = f"{number:,}"
    return text if translation.get_language() == "en" else text.replace(",", ".")
