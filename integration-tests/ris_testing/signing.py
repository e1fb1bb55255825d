"""Signers, and what another program says of what they have signed."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ris_core.audit.services import Actor
from ris_core.reports.documents import ensure_document
from ris_core.reports.models import ReportVersion
from ris_core.signatures.credentials import add_credential
from ris_core.signatures.models import Signature, SigningCredential
from ris_core.signatures.policy import change_policy, trust_certificate
from ris_core.signatures.rules import CredentialKind, Level
from ris_core.signatures.services import ask_for_signature
from ris_core.signatures.signers import KeyPlace
from ris_core.signatures.signing import run_sign_report
from ris_testing.certificate_authority import KeyAndCertificate
from ris_testing.trust_services import TrustServices

PASSPHRASE = "mật khẩu của tệp"


def a_credential(actor: Actor, owner: KeyAndCertificate) -> SigningCredential:
    """A PKCS#12 key of ``actor``, unlocked."""
    return add_credential(KeyPlace(CredentialKind.PKCS12, container=owner.pkcs12(PASSPHRASE)), PASSPHRASE, actor)


def a_site_that_signs(services: TrustServices, level: Level) -> None:
    """Trust the authority of the tests and sign at ``level``."""
    administrator = Actor("admin")
    trust_certificate(services.authority.root.pem, administrator)
    change_policy(level, services.tsa_url, True, administrator)


def signed_now(version: ReportVersion, credential: SigningCredential, actor: Actor) -> Signature:
    """Asked for, and the worker's jobs done in their order."""
    signature = ask_for_signature(version.pk, credential.pk, actor)
    work(signature.pk)
    signature.refresh_from_db()
    return signature


def work(signature_id: int) -> None:
    """The worker's jobs: the document is made, then signed."""
    ensure_document(Signature.objects.get(pk=signature_id).version_id)
    run_sign_report(str(signature_id))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What two other programs say of one signature: Poppler's ``pdfsig`` and OpenSSL."""

    kind: str
    """``signature`` or ``time stamp``."""
    valid: bool
    """OpenSSL: the signed bytes are those in the file, and the certificate leads to the authority's."""
    poppler: str
    signer: str


def verdicts_of_others(pdf: bytes, folder: Path, root_pem: bytes) -> list[Verdict]:
    """Every signature in ``pdf`` as Poppler and OpenSSL see it."""
    (folder / "signed.pdf").write_bytes(pdf)
    (folder / "root.pem").write_bytes(root_pem)
    text = _run("pdfsig", "-nocert", str(folder / "signed.pdf"))
    parts = re.split(r"^Signature #\d+:$", text, flags=re.MULTILINE)[1:]
    verdicts = []
    for part, found in zip(parts, _BYTE_RANGE.finditer(pdf), strict=True):
        first, length, second, rest = map(int, found.groups())
        (folder / "signed-bytes").write_bytes(pdf[first : first + length] + pdf[second : second + rest])
        (folder / "container.der").write_bytes(bytes.fromhex(pdf[length + 1 : second - 1].decode()))
        is_time_stamp = "Signature Type: unknown" in part  # Poppler does not know document time stamps
        check = _TIME_STAMP_CHECK if is_time_stamp else _SIGNATURE_CHECK
        done = subprocess.run(check, cwd=folder, capture_output=True, timeout=30, check=False)
        verdicts.append(
            Verdict(
                kind="time stamp" if is_time_stamp else "signature",
                valid=done.returncode == 0,
                poppler=_after("  - Signature Validation", part),
                signer=_after("Signer Certificate Common Name", part),
            )
        )
    return verdicts


_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)")
_SIGNATURE_CHECK = (
    *("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "container.der"),
    *("-content", "signed-bytes", "-CAfile", "root.pem", "-purpose", "any", "-out", "/dev/null"),
)
_TIME_STAMP_CHECK = (
    *("openssl", "ts", "-verify", "-token_in", "-in", "container.der"),
    *("-data", "signed-bytes", "-CAfile", "root.pem"),
)


def xmlsec_agrees(xml: bytes, folder: Path, root_pem: bytes) -> bool:
    """Whether ``xmlsec1`` finds the XML signature valid and its certificate issued by ``root_pem``."""
    (folder / "signed.xml").write_bytes(xml)
    (folder / "root.pem").write_bytes(root_pem)
    checked = subprocess.run(
        ["xmlsec1", "--verify", "--trusted-pem", str(folder / "root.pem"), str(folder / "signed.xml")],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return checked.returncode == 0


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    return done.stdout.decode("utf-8", "replace")


def _after(label: str, text: str) -> str:
    found = re.search(rf"{re.escape(label)}: (.*)", text)
    return found[1].strip() if found else ""
