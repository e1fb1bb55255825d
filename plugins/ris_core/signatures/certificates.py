"""Reading of certificates: whose, from whom, valid when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from asn1crypto import pem, x509

from ris_core.errors import InvalidValue

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What is shown and kept of a certificate."""

    subject: str
    common_name: str
    issuer: str
    """Common name."""
    serial: str
    not_before: datetime
    not_after: datetime
    sha256: str
    is_authority: bool

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        return cls(
            subject=_short(certificate.subject),
            common_name=common_name(certificate.subject),
            issuer=common_name(certificate.issuer)[:500],
            serial=f"{certificate.serial_number:x}",
            not_before=certificate.not_valid_before,
            not_after=certificate.not_valid_after,
            sha256=hashlib.sha256(certificate.dump()).hexdigest(),
            is_authority=bool(certificate.ca),
        )


def read_certificate(data: bytes) -> x509.Certificate:
    """The certificate in ``data``, PEM or DER.

    :raises InvalidValue: there is none
    """
    try:
        if len(data) > _MOST_BYTES:
            raise ValueError("too long")
        if pem.detect(data):
            _, _, data = pem.unarmor(data)
        certificate = x509.Certificate.load(data, strict=True)
        CertificateFacts.of(certificate)
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidValue("the file is no X.509 certificate (PEM or DER)", field="certificate") from error
    return certificate


def common_name(name: x509.Name) -> str:
    """CN of a distinguished name, or all of it when there is none."""
    found = name.native.get("common_name")
    return str(found[0] if isinstance(found, list) else found) if found else str(name.human_friendly)


def _short(name: x509.Name) -> str:
    return str(name.human_friendly)[:500]
