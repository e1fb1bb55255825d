"""A patient's name as a device was told it, and whether what came back in its images is that name.

Devices without Vietnamese letters return names without accents, with a question mark for each letter or for each of its
bytes, with the letters left out, read in another character set, or cut. Each of these is made here from the name that
was ordered and compared with the one received: nothing is guessed from the received one. Pure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

from ris_core.devices.character_sets import CODECS, name_written_in
from ris_core.devices.rules import RegisteredDevice
from ris_core.names import folded, unaccented


class Manner(StrEnum):
    """What a device has made of a name."""

    AS_SENT = "AS_SENT"
    UNACCENTED = "UNACCENTED"
    MARK_FOR_LETTER = "MARK_FOR_LETTER"
    MARK_FOR_BYTE = "MARK_FOR_BYTE"
    LEFT_OUT = "LEFT_OUT"
    MISREAD = "MISREAD"


_MARKS: Final = ("?", "_", "\ufffd", " ", ".", "*")
LONGEST_GROUP: Final = 64
"""Characters of a component group (PS3.5 6.2); some devices count bytes."""


def name_as_sent(person_name: str, device: RegisteredDevice) -> str:
    """A patient's PN as ``device`` is told it on its worklist."""
    return fitting_name(name_written_in(person_name, device.written_set), device.quirks.max_name_length)


def fitting_name(name: str, longest: int | None) -> str:
    """A PN of at most ``longest`` characters: what is cut loses its other groups."""
    if longest is None or len(name) <= longest:
        return name
    return name.split("=")[0][:longest].rstrip(" ^")


def same_name_as_sent(received: str, ordered: str, device: RegisteredDevice) -> bool:
    """Whether ``received`` (PN of an image) is what ``device`` makes of ``ordered`` (the patient's PN)."""
    return manner_of_return(received, ordered, device) is not None


def manner_of_return(received: str, ordered: str, device: RegisteredDevice) -> Manner | None:
    """How ``received`` came of ``ordered``; none when it did not, or when no letter is left that tells anything."""
    wanted = folded(received)
    if not any(character.isalpha() and character.isascii() for character in wanted):
        return None
    lengths = {LONGEST_GROUP, device.quirks.max_name_length, device.quirks.returned_lengths.get("PatientName")}
    for manner, form in _forms(_first_group(ordered), device):
        if wanted in {folded(cut) for cut in _cuts(form, lengths)}:
            return manner
    return None


def _first_group(name: str) -> str:
    return unicodedata.normalize("NFC", name.split("=")[0])


def _forms(ordered: str, device: RegisteredDevice) -> Iterator[tuple[Manner, str]]:
    sent = name_as_sent(ordered, device)
    yield Manner.AS_SENT, sent
    yield Manner.AS_SENT, ordered
    yield Manner.UNACCENTED, unaccented(ordered)
    for name in dict.fromkeys((sent, ordered)):
        for mark in _MARKS:
            yield Manner.MARK_FOR_LETTER, _replaced(name, lambda _, mark=mark: mark)  # type: ignore[misc]
            yield Manner.MARK_FOR_BYTE, _replaced(name, lambda letter, mark=mark: mark * len(letter.encode()))  # type: ignore[misc]
        yield Manner.LEFT_OUT, _replaced(name, lambda _: "")
        yield from ((Manner.MISREAD, misread) for misread in _misread(name, CODECS[device.written_set]))


def _replaced(name: str, by: Callable[[str], str]) -> str:
    return "".join(letter if letter.isascii() else by(letter) for letter in name)


def _misread(name: str, sent_in: str) -> Iterator[str]:
    """The bytes of ``name`` read in a set that they were not written in."""
    for encoded in (name.encode("utf-8"), name.encode(sent_in, "replace")):
        for codec in ("iso8859_1", "cp1252", "utf-8", "cp1258", "ascii"):
            yield encoded.decode(codec, "replace")


def _cuts(form: str, lengths: set[int | None]) -> Iterator[str]:
    yield form
    for length in lengths:
        if length is not None:
            yield form[:length]
            yield form.encode()[:length].decode(errors="ignore")
