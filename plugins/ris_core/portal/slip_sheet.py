"""The slip as it is printed: how to look up results, by QR code or by typing; in Vietnamese with English below."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ris_core.portal.rules import shown_slip_code
from ris_core.print_layouts.codes import qr_code
from ris_core.print_layouts.slip_heads import SlipHead

_FOLDER: Final = Path(__file__).parent / "printed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlipFacts:
    """Everything that is printed. No birth date: it is what the finder of a slip must not know."""

    head: SlipHead
    patient_name: str
    patient_id: str
    service_name: str
    """Of the one exam it is for; empty: it is for all."""
    code: str
    address: str
    """Of the portal, to be typed."""
    expires_at: datetime
    asks_for_code: bool


def slip_body(facts: SlipFacts, logo_address: str) -> Markup:
    """The slip as HTML, for a page that has its style, and gets the head's logo from ``logo_address``."""
    html = _template().render(
        facts=facts,
        head=facts.head.html(logo_address),
        phone=facts.head.letterhead.phone,
        code=shown_slip_code(facts.code),
        qr=Markup(qr_code(f"{facts.address}#{facts.code}", border=2)),  # noqa: S704 - squares
        typed=facts.address.partition("://")[2],
    )
    return Markup(html)  # noqa: S704 - the template escapes


@functools.cache
def _template() -> Any:
    environment = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("slip.html.jinja")
