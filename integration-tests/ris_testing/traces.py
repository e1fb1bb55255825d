"""Whether anything tells whom it is about: a patient's strings searched for in bytes, in every form that people and
programs write them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from ris_core.names import folded

_ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "gb18030", "cp1258")


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
