"""The suite's own certificate authority: for a hospital that has none, or whose own does not sign devices.

Files under one folder: ``authority.pem`` and ``authority.key``, and ``<name>.pem`` and ``<name>.key`` of what it has
signed. Keys are readable by the suite's user only. ECDSA P-256: every TLS 1.2 toolkit of the last ten years knows it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ris_core.errors import InvalidValue

AUTHORITY: Final = "authority"
AUTHORITY_DAYS: Final = 3650
CERTIFICATE_DAYS: Final = 397
"""What browsers accept at most."""
RENEWED_DAYS: Final = 30
"""A certificate that ends within so many days is made anew, and warned of."""
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,63}")


@dataclass(frozen=True, slots=True)
class LocalAuthority:
    """The authority whose files lie in ``folder``; it is made when it is first needed."""

    folder: Path
    organisation: str

    def certify(self, name: str, common_name: str, hosts: Sequence[str], now: datetime) -> Path:
        """Make ``<name>.pem`` (with the authority behind it) and ``<name>.key``; former ones are replaced.

        :param hosts: host names and IP addresses that the certificate is good for; none for a device
        :raises InvalidValue: ``name`` cannot be a file's
        """
        if not _FILE_NAME.fullmatch(name) or name == AUTHORITY:
            raise InvalidValue("a certificate's file is named by letters, digits, dots and dashes", field="name")
        issuer_key, issuer = self._authority(now)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(common_name, key.public_key(), now, min(CERTIFICATE_DAYS, _days_left(issuer, now)))
            .issuer_name(issuer.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(host) for host in dict.fromkeys(hosts)]), critical=False
            )
        certificate = builder.sign(issuer_key, hashes.SHA256())
        _write(self.folder / f"{name}.key", _key_pem(key))
        _write(self.folder / f"{name}.pem", _pem(certificate) + _pem(issuer), mode=0o644)
        return self.folder / f"{name}.pem"

    def certify_unless_fresh(self, name: str, common_name: str, hosts: Sequence[str], now: datetime) -> bool:
        """:meth:`certify` when there is none, or it ends within :data:`RENEWED_DAYS`; whether one was made."""
        path = self.folder / f"{name}.pem"
        if path.exists() and (self.folder / f"{name}.key").exists() and days_left(path, now) > RENEWED_DAYS:
            return False
        self.certify(name, common_name, hosts, now)
        return True

    def _authority(self, now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        pem, key_file = self.folder / f"{AUTHORITY}.pem", self.folder / f"{AUTHORITY}.key"
        if pem.exists() and key_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return key, x509.load_pem_x509_certificate(pem.read_bytes())
            raise InvalidValue("the key in authority.key is none of this authority's", field="authority")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = f"Quang CA, {self.organisation}"[:64]
        builder = self._builder(name, key.public_key(), now, AUTHORITY_DAYS)
        certificate = (
            builder.issuer_name(self._name(name))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(key_file, _key_pem(key))
        _write(pem, _pem(certificate), mode=0o644)
        return key, certificate

    def _builder(
        self, common_name: str, public_key: ec.EllipticCurvePublicKey, now: datetime, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(self._name(common_name))
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )

    def _name(self, common_name: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organisation[:64]),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )


def days_left(path: Path, now: datetime) -> int:
    """How many whole days the first certificate of a PEM file is still good; negative when it is over.

    :raises InvalidValue: there is no certificate in it
    :raises OSError: it cannot be read
    """
    try:
        return _days_left(x509.load_pem_x509_certificate(path.read_bytes()), now)
    except ValueError as error:
        raise InvalidValue(f"{path} holds no certificate", field="certificate") from error


def _days_left(certificate: x509.Certificate, now: datetime) -> int:
    return (certificate.not_valid_after_utc - now).days


_SIGNS = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Whole or not at all, and never readable by others in between."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
