"""TLS for the MLLP server: which certificate it shows, and what it makes of its peers' (IHE ATNA, RFC 8446).

TLS 1.2 and newer. With a CA, peers must show a certificate that it has signed; which of them may send for whom is
decided later, by the certificate's names.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
from pathlib import Path
from typing import Any

from ris_core.errors import SettingsInvalid

log = logging.getLogger(__name__)

_SHORT_NAMES = {
    "commonName": "CN", "organizationName": "O", "organizationalUnitName": "OU", "countryName": "C",
    "localityName": "L", "stateOrProvinceName": "ST", "serialNumber": "SERIALNUMBER", "emailAddress": "E",
}  # fmt: skip


class _LoggedHandshake(ssl.SSLObject):
    """Tells the log why a handshake failed; asyncio would only close the connection."""

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            log.warning("MLLP over TLS: handshake failed: %s; connection closed", error.reason or type(error).__name__)
            raise


def server_context(certificate: Path, key: Path, ca: Path | None) -> ssl.SSLContext:
    """What the server needs to accept TLS connections.

    :param certificate: PEM, the server's own first and those that signed it after it
    :param key: PEM, not encrypted
    :param ca: PEM, who signs the peers' certificates; none: peers need no certificate
    :raises SettingsInvalid: naming the file that cannot be used
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslobject_class = _LoggedHandshake
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsInvalid(f"{certificate}, {key}: {error}", field="hl7.tls_certificate") from error
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as error:
            raise SettingsInvalid(f"{ca}: {error}", field="hl7.tls_client_ca") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def names_of(peer: ssl.SSLObject | ssl.SSLSocket | None) -> tuple[str, ...]:
    """By what a peer's certificate may be called: SHA-256 fingerprint, whole subject, and common name alone."""
    der = peer.getpeercert(binary_form=True) if peer else None
    if peer is None or der is None:
        return ()
    parsed: dict[str, Any] = peer.getpeercert() or {}
    parts = [(name, value) for relative in parsed.get("subject", ()) for name, value in relative]
    subject = ",".join(f"{_SHORT_NAMES.get(name, name)}={value}" for name, value in parts)
    common = [f"CN={value}" for name, value in parts if name == "commonName"]
    return tuple(dict.fromkeys((hashlib.sha256(der).hexdigest().upper(), subject, *common)))
