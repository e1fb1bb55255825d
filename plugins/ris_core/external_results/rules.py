"""A result made elsewhere, as a message tells of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from ris_core.identifiers import PatientIdentifier


@dataclass(frozen=True, slots=True)
class StatedDocument:
    """A document of a result, byte for byte."""

    title: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedResult:
    """One result of one order."""

    source: str
    patient_identifiers: tuple[PatientIdentifier, ...]
    placer_order_number: str = ""
    filler_order_number: str = ""
    """The sender's own number for the result; rarely ours."""
    accession_number: str = ""
    service_code: str = ""
    status: str = ""
    observed_at: datetime | None = None
    interpreter: str = ""
    text: str = ""
    documents: tuple[StatedDocument, ...] = ()

    @property
    def number(self) -> str:
        """By which the sender's later statement is known to be of the same result."""
        return self.filler_order_number or self.placer_order_number or self.accession_number

    def digest(self) -> str:
        """The same for the same statement."""
        parts = [self.status, str(self.observed_at), self.interpreter, self.text]
        found = hashlib.sha256("\0".join(parts).encode())
        for document in self.documents:
            found.update(f"\0{document.title}\0{document.media_type}\0{len(document.content)}\0".encode())
            found.update(document.content)
        return found.hexdigest()
