"""Whether anything tells whom it is about: a patient's strings searched for in bytes, in every form that people and
programs write them."""

from __future__ import annotations

import base64
import contextlib
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from ris_core.names import folded

_ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "gb18030", "cp1258")
_UID = re.compile(rb"[0-2](?:\.[0-9]+){4,}")
_PDF_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_INLINE = re.compile(rb'"InlineBinary"\s*:\s*"([A-Za-z0-9+/=]+)"')


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a patient is known. Names and numbers should be such as nothing else has: five letters or more."""

    name: str
    birth_date: date
    numbers: tuple[str, ...]
    """Record, accession and telephone numbers, UIDs."""

    def forms(self) -> Iterator[str]:
        """Everything searched for, folded: each word of the name by itself finds any order and separator."""
        yield from (word for word in folded(self.name).split() if len(word) >= 5)
        yield from (folded(number) for number in self.numbers)
        d, m, y = f"{self.birth_date.day:02d}", f"{self.birth_date.month:02d}", str(self.birth_date.year)
        for sign in ("", "-", "/", ".", " "):
            yield from (sign.join(parts) for parts in ((y, m, d), (d, m, y), (m, d, y)))
        yield from (f"{self.birth_date.day}/{self.birth_date.month}/{y}", f"{self.birth_date.day} thang")


def traces(identity: Identity, data: bytes) -> list[str]:
    """The forms that stand in ``data``, in whatever encoding."""
    texts = {folded(unicodedata.normalize("NFC", data.decode(name, "ignore"))) for name in _ENCODINGS}
    texts |= {text.replace(" ", "") for text in texts}
    return sorted({form for form in identity.forms() if any(form in text for text in texts)})


def traces_in_dicom(identity: Identity, file: bytes) -> list[str]:
    """The same for a DICOM file: in its bytes but the pixels, and in every value as a program reads it."""
    dataset = dcmread(BytesIO(file), force=True)
    if "PixelData" in dataset:
        del dataset.PixelData
    words = [str(dataset.file_meta), *values_of(dataset), file[:132].decode("latin-1")]
    without_pixels = BytesIO()
    dataset.save_as(without_pixels, enforce_file_format=True)
    return sorted({*traces(identity, "\n".join(words).encode()), *traces(identity, without_pixels.getvalue())})


def traces_in_answer(identity: Identity, told: bytes, content: bytes) -> list[str]:
    """In an answer's headers and address, and in all that its content holds: what archives, PDF files and JSON have
    within them is unpacked.

    All of it is searched as bytes, in each encoding that a name can be written in; what is text also as people read it.
    """
    found: set[str] = set()
    for piece in (told, *_everything_in(content)):
        found.update(traces_in_bytes(identity, piece))
        with contextlib.suppress(UnicodeDecodeError):
            text = folded(piece.decode())
            found.update(form for form in identity.forms() if form in text or form in text.replace(" ", ""))
    return sorted(found)


def uids_in(content: bytes) -> set[str]:
    """Whatever looks like a UID, in one byte or two a character, unpacked as above."""
    return {
        found.decode()
        for piece in _everything_in(content)
        for read in (piece, piece.replace(b"\0", b""))
        for found in _UID.findall(read)
    }


def traces_in_bytes(identity: Identity, data: bytes) -> list[str]:
    """The forms that stand in ``data``, which is not read as text: names also with their accents, composed or not."""
    words = [word for word in identity.name.split() if len(word) >= 5]
    accented = [unicodedata.normalize(form, word) for word in words for form in ("NFC", "NFD")]
    forms = {*identity.forms(), *accented, *map(str.lower, accented), *map(str.upper, accented)}
    lowered = data.lower()
    return sorted({form for wanted, form in _written(frozenset(forms)).items() if wanted in lowered})


@cache
def _written(forms: frozenset[str]) -> dict[bytes, str]:
    """What each looks like in each encoding, as ``bytes.lower`` leaves it."""
    written = {form.encode(encoding, "ignore").lower(): form for form in forms for encoding in _ENCODINGS}
    return {wanted: form for wanted, form in written.items() if len(wanted) >= 5}


def _everything_in(content: bytes) -> Iterator[bytes]:
    yield content
    if content.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from _everything_in(archive.read(name))
    for stream in _PDF_STREAM.findall(content) if b"%PDF" in content else ():
        with contextlib.suppress(zlib.error):
            yield zlib.decompressobj().decompress(stream)
    for inline in _INLINE.findall(content):
        with contextlib.suppress(ValueError):
            yield base64.b64decode(inline)


def values_of(dataset: Dataset) -> Iterator[str]:
    """Every value as a program reads it, at any depth."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from values_of(item)
        else:
            yield str(element.value)
            if isinstance(element.value, bytes):
                yield element.value.decode("utf-8", "ignore")
