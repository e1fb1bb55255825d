"""The program that checks a signed PDF: reads a :class:`CheckRequest` from its input, writes a :class:`CheckedFile`.

Strangers' files are parsed in a process of their own, without database, secrets or network, that may use so much memory
and processor time and no more. A file that cannot be read ends it; that is the answer too (:mod:`.checks`).
"""

from __future__ import annotations

import hashlib
import logging
import resource
import sys
from datetime import datetime
from io import BytesIO
from typing import Any

import msgspec
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from ris_core.signatures.certificates import CertificateFacts, common_name
from ris_core.signatures.checked import (
    CheckedBinding,
    CheckedFile,
    CheckedSignature,
    CheckRequest,
    Since,
    Trust,
)
from ris_core.signatures.pdf_names import ATTACHMENT
from ris_core.signatures.structured import read_binding

_MEMORY_BYTES = 1024 * 1024 * 1024
_PROCESSOR_SECONDS = 20
_MOST_SIGNATURES = 20
_MOST_ATTACHMENT_BYTES = 1024 * 1024


def check(request: CheckRequest) -> CheckedFile:
    """Every signature of the PDF, and what its attachment binds; nothing is fetched."""
    reader = PdfFileReader(BytesIO(request.pdf), strict=False)
    roots = [x509.Certificate.load(der) for der in request.trust_roots]
    found = list(reader.embedded_signatures)[:_MOST_SIGNATURES]
    stamped = any(_is_time_stamp(one) for one in found)
    return CheckedFile(
        signatures=tuple(_checked(reader, one, roots, stamped=stamped) for one in found),
        binding=_binding(reader, request.pdf, found),
    )


def _is_time_stamp(signature: EmbeddedPdfSignature) -> bool:
    return str(signature.sig_object.get("/Type", "")) == "/DocTimeStamp"


def _checked(
    reader: PdfFileReader, signature: EmbeddedPdfSignature, roots: list[x509.Certificate], *, stamped: bool
) -> CheckedSignature:
    is_time_stamp = _is_time_stamp(signature)
    has_proofs = _has_proofs(reader)
    context = _context(reader, roots)
    proved_at: datetime | None = None
    if is_time_stamp:
        status: Any = validate_pdf_timestamp(signature, context)
        claimed_at, proved_at = None, status.timestamp
        level = ""
    else:
        status = validate_pdf_signature(signature, context, _context(reader, roots))
        stamp = status.timestamp_validity
        if stamp is not None and stamp.intact and stamp.valid and stamp.trusted:
            proved_at = stamp.timestamp
            # the certificate has to be good at the time of the signature, not today
            status = validate_pdf_signature(signature, _context(reader, roots, proved_at), _context(reader, roots))
        claimed_at = status.signer_reported_dt
        level = "B-B" if stamp is None else "B-T" if not has_proofs else "B-LT" if not stamped else "B-LTA"
    certificate = status.signing_cert
    facts = CertificateFacts.of(certificate)
    return CheckedSignature(
        is_time_stamp=is_time_stamp,
        signer=facts.common_name,
        subject=facts.subject,
        issuer=common_name(certificate.issuer),
        serial=facts.serial,
        intact=bool(status.intact and status.valid),
        trust=_trust(status, facts, proved_at or datetime.now(facts.not_after.tzinfo)),
        since=_since(status),
        claimed_at=claimed_at,
        proved_at=proved_at,
        level=level,
        reason=str(signature.sig_object.get("/Reason", ""))[:200],
    )


def _context(reader: PdfFileReader, roots: list[x509.Certificate], at: datetime | None = None) -> ValidationContext:
    """What is known: the site's roots, and certificates and revocation answers in the file."""
    options: dict[str, Any] = {"trust_roots": roots, "allow_fetching": False, "revocation_mode": "soft-fail"}
    if at is not None:
        options |= {"moment": at, "retroactive_revinfo": True}
    try:
        return DocumentSecurityStore.read_dss(reader).as_validation_context(options)
    except NoDSSFoundError:
        return ValidationContext(**options)


def _has_proofs(reader: PdfFileReader) -> bool:
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return False
    return bool(store.ocsps or store.crls)


def _trust(status: Any, facts: CertificateFacts, at: datetime) -> Trust:
    if status.revocation_details is not None:
        return Trust.REVOKED
    if status.trusted:
        return Trust.TRUSTED
    return Trust.UNKNOWN_AUTHORITY if facts.not_before <= at <= facts.not_after else Trust.OUT_OF_DATE


def _since(status: Any) -> Since:
    if status.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return Since.NOTHING
    if status.coverage != SignatureCoverageLevel.ENTIRE_REVISION or status.docmdp_ok is False:
        return Since.CHANGED
    return {
        ModificationLevel.NONE: Since.NOTHING,
        ModificationLevel.LTA_UPDATES: Since.PROOFS_ADDED,
        ModificationLevel.FORM_FILLING: Since.FILLED,
    }.get(status.modification_level, Since.CHANGED)


def _binding(reader: PdfFileReader, pdf: bytes, signatures: list[EmbeddedPdfSignature]) -> CheckedBinding | None:
    """What the structured result attached to the first signed revision binds."""
    first = next((one for one in signatures if not _is_time_stamp(one)), None)
    if first is None:
        return None
    attached = _attachment(reader, first)
    if attached is None:
        return None
    try:
        stated = read_binding(attached)
    except ValueError:
        return None
    return CheckedBinding(
        version=stated.version,
        status=stated.status,
        text_sha256=stated.text_sha256,
        text_agrees=stated.text_agrees,
        study_uids=stated.study_uids,
        key_image_count=stated.key_image_count,
        document_agrees=_begins_with(pdf, stated.document_sha256),
    )


def _attachment(reader: PdfFileReader, signature: EmbeddedPdfSignature) -> bytes | None:
    """From the revision that was signed, so that one attached later is not taken for it."""
    try:
        revision = reader.get_historical_root(signature.signed_revision)
        names = revision["/Names"]["/EmbeddedFiles"]["/Names"]
    except KeyError:
        return None
    for position in range(0, len(names) - 1, 2):
        if str(names[position]) == ATTACHMENT:
            data: bytes = names[position + 1]["/EF"]["/F"].data
            return data if len(data) <= _MOST_ATTACHMENT_BYTES else None
    return None


def _begins_with(pdf: bytes, sha256: str) -> bool:
    """Whether one of the file's revisions, which end at ``%%EOF``, is the printed report of this hash."""
    end = 0
    for _ in range(_MOST_SIGNATURES):
        end = pdf.find(b"%%EOF", end) + 5
        if end < 5:
            return False
        for length in (end, end + 1, end + 2):
            if hashlib.sha256(pdf[:length]).hexdigest() == sha256:
                return True
    return False


def main() -> None:
    """Standard input to standard output, both MessagePack."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_PROCESSOR_SECONDS, _PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    logging.disable()
    request = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=CheckRequest)
    sys.stdout.buffer.write(msgspec.msgpack.encode(check(request)))


if __name__ == "__main__":
    main()
