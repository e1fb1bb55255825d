"""PAdES (ETSI EN 319 142-1): a printed report signed in levels B-B to B-LTA, with the structured result attached.

The printed report's own bytes stay as they are; the attachment and the signature are an incremental update, so that
what was approved can be cut out again and compared with its hash.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from asn1crypto import x509
from pyhanko.pdf_utils.embed import EmbeddedFileObject, EmbeddedFileParams, FileSpec, embed_file
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.timestamps import TimestampRequestError
from pyhanko_certvalidator.errors import ExpiredError, InsufficientRevinfoError, RevokedError

from ris_core.signatures.appearance import Appearance, place_in, stamp_style
from ris_core.signatures.errors import (
    CertificateOutOfDate,
    CertificateRefused,
    PolicyIncomplete,
    SignatureNotMade,
    TrustServiceUnavailable,
)
from ris_core.signatures.pdf_names import ATTACHMENT, FIELD
from ris_core.signatures.rules import NEEDS_TIME_STAMP, NEEDS_TRUST_ROOTS, Level
from ris_core.signatures.time_stamping import BoundedTimeStamper
from ris_core.signatures.trust import SIGNING_USAGES, asking_context, refuse_untrusted

_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SigningTerms:
    """How a site signs."""

    level: Level
    tsa_url: str
    trust_roots: Sequence[x509.Certificate]
    timeout_seconds: float
    inner_hosts: Collection[str] = ()
    """Hosts of signing services that may be on this machine."""

    def refuse_incomplete(self) -> None:
        """:raises PolicyIncomplete: the level needs what is not set"""
        if self.level in NEEDS_TIME_STAMP and not self.tsa_url:
            raise PolicyIncomplete(f"level {self.level} needs a time-stamping authority", field="tsa_url")
        if self.level in NEEDS_TRUST_ROOTS and not self.trust_roots:
            raise PolicyIncomplete(f"level {self.level} needs trusted certificates", field="level")


def sign_pdf(
    pdf: bytes,
    attachment: bytes,
    signer: Signer,
    terms: SigningTerms,
    *,
    reason: str,
    location: str,
    at: datetime,
    appearance: Appearance | None,
) -> bytes:
    """``pdf`` with ``attachment`` and the signature of ``signer`` at the level of ``terms``.

    :param appearance: what is drawn on the page; none: the signature is not seen
    :raises PolicyIncomplete: the level needs what the terms have not
    :raises CertificateRefused, CertificateOutOfDate: the certificate may not sign here
    :raises TrustServiceUnavailable: no time stamp or no word about revocation can be had now
    :raises SignatureNotMade: the PDF cannot be signed
    """
    terms.refuse_incomplete()
    context = None
    if terms.trust_roots:
        refuse_untrusted(signer, terms.trust_roots)
        context = asking_context(terms.trust_roots, terms.timeout_seconds, strict=terms.level in NEEDS_TRUST_ROOTS)
    try:
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        _attach(writer, attachment, at)
        place = place_in(writer.prev) if appearance else None
        metadata = PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            reason=reason,
            location=location,
            signer_key_usage=set(SIGNING_USAGES),
            validation_context=context,
            embed_validation_info=terms.level in NEEDS_TRUST_ROOTS,
            use_pades_lta=terms.level is Level.B_LTA,
        )
        field = SigFieldSpec(FIELD, on_page=place.page, box=place.box) if place else SigFieldSpec(FIELD)
        pdf_signer = PdfSigner(
            metadata,
            signer,
            timestamper=(
                BoundedTimeStamper(terms.tsa_url, terms.inner_hosts, terms.timeout_seconds)
                if terms.level in NEEDS_TIME_STAMP
                else None
            ),
            stamp_style=stamp_style(appearance) if appearance and place else None,
            new_field_spec=field,
        )
        signed = pdf_signer.sign_pdf(writer).getvalue()
    except (SigningError, TimestampRequestError, PdfError, OSError, ValueError) as error:
        raise _as_ours(error) from error
    if len(signed) > _MOST_BYTES:
        raise SignatureNotMade(f"the signed report has {len(signed)} bytes")
    return bytes(signed)


def _attach(writer: IncrementalPdfFileWriter, attachment: bytes, at: datetime) -> None:
    """The structured result as an associated file of the document (PDF/A-3, ISO 19005-3 §6.8)."""
    stream = EmbeddedFileObject.from_file_data(
        writer, attachment, mime_type="text/xml", params=EmbeddedFileParams(modification_date=at)
    )
    embed_file(
        writer,
        _Associated(
            file_spec_string=ATTACHMENT,
            file_name=ATTACHMENT,
            embedded_data=stream,
            description="Kết quả có cấu trúc",
        ),
    )
    file = writer.root["/Names"]["/EmbeddedFiles"]["/Names"].raw_get(-1)
    writer.root["/AF"] = writer.add_object(ArrayObject([file]))
    writer.update_root()


class _Associated(FileSpec):
    """pyHanko would declare PDF 2.0 for an associated file, and PDF/A-3 would be lost."""

    def as_pdf_object(self) -> DictionaryObject:
        entry = super().as_pdf_object()
        entry["/AFRelationship"] = pdf_name("/Data")
        return entry


def _as_ours(error: BaseException) -> Exception:
    """What the library's error means: it tells by the chain of causes."""
    seen: BaseException | None = error
    while seen is not None:
        match seen:
            case RevokedError():
                return CertificateRefused("the certificate is revoked: use another one", field="certificate")
            case ExpiredError():
                return CertificateOutOfDate("a certificate is out of date: use another one", field="certificate")
            case TimestampRequestError():
                return TrustServiceUnavailable(
                    "the time-stamping authority does not answer as it should", field="tsa_url"
                )
            case InsufficientRevinfoError():
                return TrustServiceUnavailable("nothing can be learnt about revocation of the certificate now")
        seen = seen.__cause__ or seen.__context__
    return SignatureNotMade(f"the report could not be signed ({type(error).__name__})")
