"""The words of a share's watermark: who shared, for whom, when, and the code by which the share is found again. Pure.

The words of an anonymous share hold nothing that anybody has typed, so that nobody is named by them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from ris_core.errors import InvalidValue
from ris_core.watermarks.rules import lines_of

MOST_CHARACTERS: Final = 120
"""Of the words as an administrator writes them."""
LONGEST_NAME: Final = 40
CODE_CHARACTERS: Final = 8
_NAMES: Final = frozenset({"sharer", "receiver", "date", "code", "site"})
_PLACE: Final = re.compile(r"\{([^{}]*)\}")
_WORDS: Final = {
    "vi": "{sharer} chia sẻ cho {receiver} · ngày {date} · mã {code}",
    "en": "{sharer} shares with {receiver} · {date} · code {code}",
}
_ANONYMOUS: Final = {"vi": "Chia sẻ ẩn danh · ngày {date} · mã {code}", "en": "Anonymous share · {date} · code {code}"}
_PATIENT: Final = {"vi": "Người bệnh", "en": "The patient"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What a mark says of a share."""

    code: str
    day: date
    receiver: str
    sharer: str
    """Empty: the patient."""
    site: str
    anonymous: bool = False


def mark_words(marked: Marked, language: str, words: str = "") -> str:
    """The mark, in the site's language; never empty.

    :param words: those of the settings; empty: ours. They give way to ours where the names leave nothing of them, or
        too much
    """
    if marked.anonymous or not words:
        return _filled(marked, language, _ANONYMOUS[language] if marked.anonymous else _WORDS[language])
    said = _filled(marked, language, words)
    try:
        lines_of(said)
    except InvalidValue:
        return _filled(marked, language, _WORDS[language])
    return said


def _filled(marked: Marked, language: str, words: str) -> str:
    says = {
        "sharer": _short(marked.sharer) or _PATIENT[language],
        "receiver": _short(marked.receiver),
        "date": marked.day.strftime("%d/%m/%Y"),
        "code": marked.code,
        "site": _short(marked.site),
    }
    return _PLACE.sub(lambda place: says[place[1]], words)


def check_words(words: str) -> None:
    """:raises ValueError: they are too long, cannot be drawn, or ask for what there is not"""
    if len(words) > MOST_CHARACTERS or not words.strip() or not words.isprintable():
        raise ValueError(f"sharing.watermark_text has 1 to {MOST_CHARACTERS} characters on one line")
    if set(_PLACE.findall(words)) - _NAMES or set(_PLACE.sub("", words)) & {"{", "}"}:
        raise ValueError(f"sharing.watermark_text knows {', '.join(sorted('{' + name + '}' for name in _NAMES))}")
    name = "W" * LONGEST_NAME
    longest = Marked(code="W" * CODE_CHARACTERS, day=date.max, receiver=name, sharer=name, site=name)
    try:
        lines_of(_filled(longest, "vi", words))
    except InvalidValue as error:
        raise ValueError("sharing.watermark_text becomes too long with long names") from error


def code_of(handle: str) -> str:
    """The short code of the share with this handle; it opens nothing."""
    return handle[:CODE_CHARACTERS].upper()


def _short(name: str) -> str:
    """One line, without the signs that divide a mark."""
    plain = " ".join("".join(sign if sign.isprintable() else " " for sign in name).replace("·", " ").split())
    return plain if len(plain) <= LONGEST_NAME else plain[: LONGEST_NAME - 1].rstrip() + "…"
