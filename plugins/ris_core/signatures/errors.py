"""Why a report cannot be signed, or a signature cannot be checked."""

from __future__ import annotations

from ris_core.errors import NotPermitted, QuangError


class NotToBeSigned(QuangError):
    """The version is preliminary or no longer in force; only final words in force are signed."""

    code = "QUANG-5501"


class CredentialLocked(NotPermitted):
    """The signer's key is locked: enter its PIN or passphrase; what waits is signed then."""

    code = "QUANG-5502"


class SecretRefused(NotPermitted):
    """The PIN or passphrase is wrong. It is never tried again by itself: tokens lock after a few wrong ones."""

    code = "QUANG-5503"


class CertificateOutOfDate(QuangError):
    """The signer's certificate is not valid yet, or no more."""

    code = "QUANG-5504"


class CertificateRefused(QuangError):
    """The signer's certificate is revoked, or not issued by an authority that this site trusts."""

    code = "QUANG-5505"


class TrustServiceUnavailable(QuangError):
    """The time-stamping authority or a revocation service does not answer; signing is tried again."""

    code = "QUANG-5506"


class SigningServiceUnavailable(QuangError):
    """The remote signing service or the token cannot be reached; signing is tried again."""

    code = "QUANG-5507"


class PolicyIncomplete(QuangError):
    """The level of signatures needs a time-stamping authority or trusted certificates that are not set."""

    code = "QUANG-5508"


class CredentialUnusable(QuangError):
    """The file, token or service has no key with a certificate that can sign."""

    code = "QUANG-5509"


class SignatureNotMade(QuangError):
    """The signed files could not be made."""

    code = "QUANG-5510"


class FileNotChecked(QuangError):
    """What was handed in to be checked is no PDF that can be read, is too large, or took too long."""

    code = "QUANG-5511"


class TooManyChecks(QuangError):
    """More files were handed in to be checked than one address may, or than can be checked at once."""

    code = "QUANG-5512"
