"""What this site trusts when it signs: certificates of authorities, and their answers about others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from asn1crypto import x509
from pyhanko.sign.signers import Signer
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathError, ValidationError
from pyhanko_certvalidator.fetchers.requests_fetchers import RequestsFetcherBackend

from ris_core.signatures.errors import CertificateRefused
from ris_core.signatures.signers import certificate_of

SIGNING_USAGES = frozenset({"non_repudiation", "digital_signature"})


def asking_context(roots: Sequence[x509.Certificate], timeout_seconds: float, *, strict: bool) -> ValidationContext:
    """For signing: revocation is asked for.

    :param strict: no answer is a failure; else it is not, and a certificate known to be revoked still is
    """
    return ValidationContext(
        trust_roots=list(roots),
        allow_fetching=True,
        revocation_mode="hard-fail" if strict else "soft-fail",
        fetcher_backend=RequestsFetcherBackend(per_request_timeout=int(timeout_seconds)),
    )


def refuse_untrusted(signer: Signer, roots: Sequence[x509.Certificate]) -> None:
    """The signer's certificate leads to one of ``roots``; nothing is fetched to find out.

    Done before anything is asked of the addresses that a certificate names: so only certificates of trusted
    authorities choose where this server sends requests.

    :raises CertificateRefused: it does not
    """
    certificate = certificate_of(signer)
    try:
        asyncio.run(_validate(certificate, signer.cert_registry, roots))
    except (PathBuildingError, PathError, ValidationError) as error:
        raise CertificateRefused(
            "the certificate is not of an authority that this site trusts: add the authority, or use another one",
            field="certificate",
        ) from error


async def _validate(
    certificate: x509.Certificate, others: Iterable[x509.Certificate], roots: Sequence[x509.Certificate]
) -> None:
    context = ValidationContext(trust_roots=list(roots), allow_fetching=False, revocation_mode="soft-fail")
    validator = CertificateValidator(certificate, list(others), validation_context=context)
    await validator.async_validate_path()
