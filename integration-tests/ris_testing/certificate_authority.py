"""A certificate authority of the tests' own: root, signers, a time-stamping unit, revocation lists and OCSP answers.

Certificates name the addresses of :class:`ris_testing.trust_services.TrustServices`, where the answers really are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

ROOT_NAME = "Quang Test Root CA"
_BITS = 2048
_DIGEST = hashes.SHA256()


def _name(common_name: str, organisation: str = "Bệnh viện Quang") -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@dataclass(frozen=True, slots=True)
class KeyAndCertificate:
    """A private key with its certificate, and whom it was issued by."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    issuer: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def pkcs12(self, passphrase: str) -> bytes:
        """The container as a certificate authority hands it out: key, certificate and its issuer."""
        return pkcs12.serialize_key_and_certificates(
            b"signer",
            self.key,
            self.certificate,
            [self.issuer],
            serialization.BestAvailableEncryption(passphrase.encode()),
        )


@dataclass
class CertificateAuthority:
    """Issues certificates that point to ``services_url`` and says which of them are revoked."""

    services_url: str
    root: KeyAndCertificate = field(init=False)
    revoked: dict[int, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        key = rsa.generate_private_key(65537, _BITS)
        name = _name(ROOT_NAME, "Quang Test")
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, _DIGEST)
        )
        self.root = KeyAndCertificate(key, certificate, certificate)

    def issue(self, common_name: str, *, valid_days: int = 365, expired: bool = False) -> KeyAndCertificate:
        """A certificate with which a person signs documents (non-repudiation)."""
        usage = _usage(content_commitment=True, digital_signature=True)
        return self._issue(common_name, usage, (), valid_days, expired)

    def issue_time_stamping_unit(self) -> KeyAndCertificate:
        """A certificate of a time-stamping authority (RFC 3161 §2.3)."""
        usage = _usage(digital_signature=True)
        return self._issue("Quang Test TSA", usage, (ExtendedKeyUsageOID.TIME_STAMPING,), 365, False)

    def revoke(self, certificate: x509.Certificate) -> None:
        self.revoked[certificate.serial_number] = datetime.now(UTC) - timedelta(minutes=5)

    def crl(self) -> bytes:
        """The list of what is revoked now, DER."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.certificate.subject)
            .last_update(now - timedelta(minutes=1))
            .next_update(now + timedelta(days=1))
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(self._key_identifier(), critical=False)
        )
        for serial, at in self.revoked.items():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
            )
        return builder.sign(self.root.key, _DIGEST).public_bytes(serialization.Encoding.DER)

    def ocsp(self, request: bytes) -> bytes:
        """The answer to an OCSP request (RFC 6960), signed by the root itself."""
        asked = ocsp.load_der_ocsp_request(request)
        now = datetime.now(UTC)
        revoked_at = self.revoked.get(asked.serial_number)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                issuer_name_hash=asked.issuer_name_hash,
                issuer_key_hash=asked.issuer_key_hash,
                serial_number=asked.serial_number,
                algorithm=asked.hash_algorithm,
                cert_status=ocsp.OCSPCertStatus.REVOKED if revoked_at else ocsp.OCSPCertStatus.GOOD,
                this_update=now - timedelta(minutes=1),
                next_update=now + timedelta(hours=1),
                revocation_time=revoked_at,
                revocation_reason=x509.ReasonFlags.key_compromise if revoked_at else None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self.root.certificate)
        )
        for extension in asked.extensions:
            if isinstance(extension.value, x509.OCSPNonce):
                builder = builder.add_extension(extension.value, critical=False)
        return builder.sign(self.root.key, _DIGEST).public_bytes(serialization.Encoding.DER)

    def _key_identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root.key.public_key())

    def _issue(
        self,
        common_name: str,
        usage: x509.KeyUsage,
        purposes: tuple[x509.ObjectIdentifier, ...],
        valid_days: int,
        expired: bool,
    ) -> KeyAndCertificate:
        key = rsa.generate_private_key(65537, _BITS)
        start = datetime.now(UTC) - timedelta(days=20 if expired else 1)
        ocsp_url = x509.UniformResourceIdentifier(f"{self.services_url}/ocsp")
        responder = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, ocsp_url)
        crl_url = x509.UniformResourceIdentifier(f"{self.services_url}/crl")
        revocations = x509.DistributionPoint([crl_url], None, None, None)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(self.root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=10 if expired else valid_days))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(self._key_identifier(), critical=False)
            .add_extension(x509.AuthorityInformationAccess([responder]), critical=False)
            .add_extension(x509.CRLDistributionPoints([revocations]), critical=False)
        )
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=True)
        return KeyAndCertificate(key, builder.sign(self.root.key, _DIGEST), self.root.certificate)


def _usage(**wanted: bool) -> x509.KeyUsage:
    kinds = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{kind: wanted.get(kind, False) for kind in kinds})
