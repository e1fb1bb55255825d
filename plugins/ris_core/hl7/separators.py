"""Separators and escape sequences of ER7 (HL7 2.5.1 §2.5.4 and §2.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ris_core.errors import InvalidValue

_SIMPLE = {"H": "", "N": "", ".br": "\n", ".sp": "\n", ".ce": "\n", ".fi": "", ".nf": ""}
"""Escape sequences with a fixed meaning in text: highlighting is dropped, formatting becomes line breaks."""
_FORMATTING = re.compile(r"\.(sp|sk|in|ti)[+-]?(\d*)")
_HEXADECIMAL = re.compile(r"X((?:[0-9A-Fa-f]{2})+)")
_LOCAL = re.compile(r"Z[0-9A-Za-z]*")
_MOST_BLANKS = 200


@dataclass(frozen=True, slots=True)
class Separators:
    """The five characters of MSH-1 and MSH-2."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @property
    def encoding_characters(self) -> str:
        """MSH-2."""
        return self.component + self.repetition + self.escape + self.subcomponent

    @classmethod
    def of_header(cls, header: str) -> Separators:
        """The separators that the segment ``header`` (MSH, FHS, BHS) declares.

        A short MSH-2 (older senders leave the last ones out) is completed with the usual characters; a fifth one
        (truncation, HL7 2.7) is ignored, and so is a backslash written twice, as programmers do by mistake.

        :raises InvalidValue: when it does not begin a segment with separators, two of them are the same, or one is a
            letter, a digit, a blank or a control character: every answer would be unreadable
        """
        if len(header) < 4 or header[3].isalnum() or header[3].isspace():
            raise InvalidValue("the message does not begin with MSH and a field separator", field="MSH-1")
        field = header[3]
        sent = header[4:].split(field, 1)[0].replace("\\\\", "\\")[:4]
        usual = cls().encoding_characters
        component, repetition, escape, subcomponent = list(sent + usual[len(sent) :])
        found = cls(field, component, repetition, escape, subcomponent)
        if any(not one.isprintable() or one.isalnum() or one.isspace() for one in (field, *found.encoding_characters)):
            raise InvalidValue("MSH-2 must name characters that are no letters, digits and blanks", field="MSH-2")
        if len({field, *found.encoding_characters}) < 5:
            raise InvalidValue(f"MSH-2 must name four different characters, not {sent!r}", field="MSH-2")
        return found

    def escaped(self, text: str) -> str:
        """``text`` as data: no separator and no line end of it can be read as one (``\\r`` → ``\\X0D\\``)."""
        if not _special(self).search(text):
            return text
        names = {
            self.field: "F", self.component: "S", self.subcomponent: "T", self.repetition: "R", self.escape: "E",
        }  # fmt: skip
        e = self.escape
        return _special(self).sub(lambda m: f"{e}{names.get(m[0]) or f'X{ord(m[0]):02X}'}{e}", text)

    def formatted(self, text: str) -> str:
        """``text`` as FT data: like :meth:`escaped`, with line breaks as ``\\.br\\``."""
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return f"{self.escape}.br{self.escape}".join(map(self.escaped, lines))

    def unescaped(self, data: str, charset: str = "utf-8") -> str:
        """The text that ``data`` stands for.

        ``\\Xdd…\\`` are bytes in the message's ``charset``; local sequences (``\\Z…\\``) are dropped. What is no
        complete or no known sequence (an unterminated one, ``\\Cxxyy\\``) stays as it was sent.
        """
        if self.escape not in data:
            return data
        parts = data.split(self.escape)
        text = [parts[0]]
        index = 1
        while index < len(parts):
            if index == len(parts) - 1:  # no second escape character: nothing to decode
                text.append(self.escape + parts[index])
                break
            decoded = self._meaning(parts[index], charset)
            if decoded is None:
                text.append(self.escape + parts[index])
                index += 1
                continue
            text.append(decoded + parts[index + 1])
            index += 2
        return "".join(text)

    def _meaning(self, sequence: str, charset: str) -> str | None:
        if sequence in _SIMPLE:
            return _SIMPLE[sequence]
        if len(sequence) == 1 and sequence in "FSTRE":
            separators = (self.field, self.component, self.subcomponent, self.repetition, self.escape)
            return separators["FSTRE".index(sequence)]
        if found := _FORMATTING.fullmatch(sequence):
            count = min(int(found[2] or 1), _MOST_BLANKS)
            return "\n" * count if found[1] == "sp" else " " * count
        if found := _HEXADECIMAL.fullmatch(sequence):
            try:
                return bytes.fromhex(found[1]).decode(charset).replace("\0", "")
            except UnicodeDecodeError:
                return None
        return "" if _LOCAL.fullmatch(sequence) else None


_patterns: dict[Separators, re.Pattern[str]] = {}


def _special(separators: Separators) -> re.Pattern[str]:
    """What must be escaped: the separators and control characters (line ends, MLLP's start and end blocks)."""
    pattern = _patterns.get(separators)
    if pattern is None:
        characters = re.escape(separators.field + separators.encoding_characters)
        pattern = re.compile(f"[{characters}\\x00-\\x08\\x0a-\\x1f\\x7f]")
        if len(_patterns) < 64:  # senders choose them: the cache must not grow with what they send
            _patterns[separators] = pattern
    return pattern
