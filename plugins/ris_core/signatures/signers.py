"""Opens the key of a credential for as long as it signs: from a PKCS#12 file, a PKCS#11 token or a remote service.

Secrets are arguments here and nowhere kept: no error and no log line carries one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from asn1crypto import x509
from asn1crypto.pkcs12 import Pfx
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from pkcs11.exceptions import PinIncorrect, PinInvalid, PinLenRange, PinLocked, PKCS11Error
from pyhanko.config.pkcs11 import TokenCriteria
from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session
from pyhanko.sign.signers import Signer, SimpleSigner
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

from ris_core.settings import Settings
from ris_core.signatures.errors import CredentialUnusable, SecretRefused, SigningServiceUnavailable
from ris_core.signatures.remote import RemoteClient, RemoteService, RemoteSigner
from ris_core.signatures.rules import CredentialKind

MOST_CONTAINER_BYTES = 64 * 1024
_TOKEN_IN_USE = threading.Lock()
"""A PKCS#11 login holds for the whole process: one at a time."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a key lies."""

    kind: CredentialKind
    container: bytes = b""
    """PKCS#12."""
    token: str = ""
    reference: str = ""


class _ContainerSigner(SimpleSigner):
    """Loads an RSA key once. The library's own does so for each of a report's signatures, and checks the key's primes
    anew each time: a third of all the work of signing."""

    @cached_property
    def _key(self) -> object:
        # its primes were checked when the container was opened
        return load_der_private_key(self.signing_key.dump(), None, unsafe_skip_rsa_key_validation=True)

    def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
        mechanism = self.get_signature_mechanism_for_digest(digest_algorithm)
        if isinstance(self._key, RSAPrivateKey) and mechanism["algorithm"].native.endswith(("_rsa", "_pkcs1v15")):
            return self._key.sign(data, PKCS1v15(), get_pyca_cryptography_hash(digest_algorithm))
        return bytes(super().sign_raw(data, digest_algorithm))


@contextmanager
def open_signer(place: KeyPlace, secret: str, settings: Settings) -> Iterator[Signer]:
    """The signer for the key at ``place``, until the end of the block.

    :raises SecretRefused: PIN or passphrase are wrong
    :raises CredentialUnusable: there is no such key, or none with a certificate
    :raises SigningServiceUnavailable: the token or the service cannot be reached
    """
    match place.kind:
        case CredentialKind.PKCS12:
            yield _from_container(place.container, secret)
        case CredentialKind.PKCS11:
            with _from_token(place, secret, settings.signing.pkcs11_module) as signer:
                yield signer
        case CredentialKind.REMOTE:
            client = RemoteClient(remote_service(settings))
            yield RemoteSigner(client, place.reference, secret, client.certificates(place.reference))


def certificate_of(signer: Signer) -> x509.Certificate:
    """:raises CredentialUnusable: there is no certificate to the key"""
    if signer.signing_cert is None:
        raise CredentialUnusable("there is no certificate to the key", field="container")
    return signer.signing_cert


def remote_service(settings: Settings) -> RemoteService:
    """:raises CredentialUnusable: this site uses no remote signing service"""
    signing = settings.signing
    if not signing.csc_url:
        raise CredentialUnusable("no remote signing service is set (signing.csc_url)", field="kind")
    return RemoteService(
        url=signing.csc_url,
        version=signing.csc_version,
        client_id=signing.csc_client_id,
        client_secret=settings.secret("csc_client_secret"),
        timeout_seconds=signing.timeout_seconds,
    )


def _from_container(container: bytes, passphrase: str) -> SimpleSigner:
    if not container or len(container) > MOST_CONTAINER_BYTES:
        raise CredentialUnusable("choose a PKCS#12 file (.p12, .pfx) of at most 64 KB", field="container")
    if not _looks_like_pkcs12(container):
        raise CredentialUnusable("the file is no PKCS#12 container (.p12, .pfx)", field="container")
    try:
        loaded = SimpleSigner.load_pkcs12_data(container, other_certs=[], passphrase=passphrase.encode())
    except ValueError as error:  # it is a container, so this is what the library makes of a wrong passphrase
        raise SecretRefused("the passphrase does not open the file", field="secret") from error
    except (AttributeError, TypeError) as error:  # and this of a missing key
        raise CredentialUnusable("the PKCS#12 file has no key with a certificate", field="container") from error
    # the library makes its own kind of signer, whichever class it is asked by
    return _ContainerSigner(loaded.signing_cert, loaded.signing_key, loaded.cert_registry)


def _looks_like_pkcs12(container: bytes) -> bool:
    try:
        return bool(Pfx.load(container, strict=True)["version"].native == "v3")
    except (ValueError, TypeError):
        return False


@contextmanager
def _from_token(place: KeyPlace, pin: str, module: str) -> Iterator[PKCS11Signer]:
    if not module:
        raise CredentialUnusable("no PKCS#11 module is set (signing.pkcs11_module)", field="kind")
    with _TOKEN_IN_USE:
        try:
            session = open_pkcs11_session(module, token_criteria=TokenCriteria(label=place.token), user_pin=pin)
        except (PinIncorrect, PinInvalid, PinLenRange, PinLocked) as error:
            raise SecretRefused("the token refuses the PIN", field="secret") from error
        except (PKCS11Error, RuntimeError) as error:
            raise SigningServiceUnavailable("the token cannot be reached", field="token") from error
        with session:
            signer = PKCS11Signer(session, cert_label=place.reference, key_label=place.reference)
            try:
                certificate_of(signer)
            except (PKCS11Error, ValueError) as error:
                raise CredentialUnusable(
                    "the token has no key and certificate of this label", field="reference"
                ) from error
            yield signer
