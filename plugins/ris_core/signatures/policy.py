"""How this site signs: level, time stamps, trusted certificates; changed by an administrator."""

from __future__ import annotations

from asn1crypto import x509
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.errors import InvalidValue, NotFound
from ris_core.settings import Settings
from ris_core.signatures.certificates import CertificateFacts, read_certificate
from ris_core.signatures.models import SigningPolicy, TrustedCertificate
from ris_core.signatures.pades import SigningTerms
from ris_core.signatures.rules import Level
from ris_core.signatures.time_stamping import refuse_inner_authority
from ris_core.webhooks.rules import AddressRefused

_ONLY = 1
"""Key of the one row."""
_MOST_TRUSTED = 50


def present_policy() -> SigningPolicy:
    """The policy as it is now; that of a new site is level B-B, visible."""
    return SigningPolicy.objects.filter(pk=_ONLY).first() or SigningPolicy(pk=_ONLY, level=Level.B_B)


def trust_roots() -> list[x509.Certificate]:
    """The certificates that this site trusts."""
    return [x509.Certificate.load(bytes(row.der)) for row in TrustedCertificate.objects.order_by("pk")]


def signing_terms(site: Settings) -> SigningTerms:
    """The policy as signing needs it."""
    policy = present_policy()
    return SigningTerms(
        level=Level(policy.level),
        tsa_url=policy.tsa_url,
        trust_roots=trust_roots(),
        timeout_seconds=site.signing.timeout_seconds,
        inner_hosts=site.signing.inner_hosts.split(),
    )


@transaction.atomic
def change_policy(level: Level, tsa_url: str, visible: bool, actor: Actor) -> SigningPolicy:
    """Set how reports are signed from now on.

    :raises InvalidValue: the address is none of a web server
    :raises PolicyIncomplete: the level needs a time-stamping authority or trusted certificates that are not set
    """
    url = tsa_url.strip()
    if url:
        try:
            refuse_inner_authority(url, settings.QUANG.signing.inner_hosts.split())
        except (InvalidValue, AddressRefused) as error:
            raise InvalidValue(
                "the address of a time-stamping authority reads http://host/path, and is not of this machine",
                field="tsa_url",
            ) from error
    SigningTerms(level=level, tsa_url=url, trust_roots=trust_roots(), timeout_seconds=0).refuse_incomplete()
    policy, _ = SigningPolicy.objects.update_or_create(
        pk=_ONLY, defaults={"level": level, "tsa_url": url, "visible": visible, "updated_at": timezone.now()}
    )
    record(actor, "signing_policy.changed", subject="signing_policy", level=level, tsa_url=url, visible=visible)
    return policy


@transaction.atomic
def trust_certificate(data: bytes, actor: Actor) -> TrustedCertificate:
    """Trust the authority whose certificate is in ``data``; doing it again changes nothing.

    :raises InvalidValue: it is no certificate, or none of an authority
    """
    certificate = read_certificate(data)
    facts = CertificateFacts.of(certificate)
    if not facts.is_authority:
        raise InvalidValue("only certificates of authorities (CA) are trusted", field="certificate")
    if TrustedCertificate.objects.count() >= _MOST_TRUSTED:
        raise InvalidValue(f"at most {_MOST_TRUSTED} certificates are trusted", field="certificate")
    row, made = TrustedCertificate.objects.get_or_create(
        sha256=facts.sha256,
        defaults={
            "subject": facts.subject,
            "not_after": facts.not_after,
            "der": certificate.dump(),
            "added_at": timezone.now(),
        },
    )
    if made:
        record(
            actor, "trusted_certificate.added",
            subject=f"trusted_certificate:{row.pk}", certificate=facts.subject, sha256=facts.sha256,
        )  # fmt: skip
    return row


@transaction.atomic
def distrust_certificate(certificate_id: int, actor: Actor) -> None:
    """Trust it no more. Signatures that exist stay; a check shows them as not trusted.

    :raises NotFound: there is none
    """
    row = TrustedCertificate.objects.filter(pk=certificate_id).first()
    if row is None:
        raise NotFound("there is no such certificate", field="certificate")
    row.delete()
    record(
        actor, "trusted_certificate.removed",
        subject=f"trusted_certificate:{certificate_id}", certificate=row.subject, sha256=row.sha256,
    )  # fmt: skip
