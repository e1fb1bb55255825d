"""What a check of a signed PDF finds; the form in which the checking program answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Trust(StrEnum):
    """Whether the certificate is of an authority that this site trusts, at the time that counts."""

    TRUSTED = "TRUSTED"
    UNKNOWN_AUTHORITY = "UNKNOWN_AUTHORITY"
    REVOKED = "REVOKED"
    OUT_OF_DATE = "OUT_OF_DATE"


class Since(StrEnum):
    """What was done to the file after it was signed."""

    NOTHING = "NOTHING"
    PROOFS_ADDED = "PROOFS_ADDED"
    """Time stamps and revocation answers for checks in later years: nothing that one sees."""
    FILLED = "FILLED"
    """Further signatures or form fields, as the signature allows."""
    CHANGED = "CHANGED"
    """What one sees or reads may be another."""


@dataclass(frozen=True, slots=True)
class CheckedSignature:
    """One signature, or one time stamp of the document."""

    is_time_stamp: bool
    signer: str
    subject: str
    issuer: str
    serial: str
    intact: bool
    """The signed bytes are those in the file, and the signature is of them."""
    trust: Trust
    since: Since
    claimed_at: datetime | None
    """What the signer's clock said."""
    proved_at: datetime | None
    """What a trusted time stamp says."""
    level: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckedBinding:
    """What the attached result says that it binds, and whether it is true; no patient data."""

    version: int
    status: str
    text_sha256: str
    text_agrees: bool
    study_uids: tuple[str, ...]
    key_image_count: int
    document_agrees: bool
    """Whether the file begins with the printed report that the result names."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    signatures: tuple[CheckedSignature, ...]
    binding: CheckedBinding | None


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What the checking program is given."""

    pdf: bytes
    trust_roots: tuple[bytes, ...]
    """DER."""
