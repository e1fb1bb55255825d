"""Checks of signed PDFs for anybody who has one: who signed, is it intact, is it still in force."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from ris_core.reports.models import ReportRecall, ReportVersion
from ris_core.signatures.checked import CheckedFile, CheckRequest
from ris_core.signatures.errors import FileNotChecked, TooManyChecks
from ris_core.signatures.models import Signature
from ris_core.signatures.policy import trust_roots
from ris_core.signatures.rules import SignatureState

MOST_BYTES: Final = 20 * 1024 * 1024
_TIMEOUT_SECONDS = 30.0
_AT_ONCE = threading.BoundedSemaphore(2)
_WAIT_SECONDS = 5.0
_PACKAGES = str(Path(__file__).parents[2])


class Standing(StrEnum):
    """What this site's own register says of a file."""

    UNKNOWN = "UNKNOWN"
    """Not signed here, or changed since."""
    IN_FORCE = "IN_FORCE"
    WITHDRAWN = "WITHDRAWN"
    SIGNED_AGAIN = "SIGNED_AGAIN"
    CORRECTED = "CORRECTED"
    """A newer version of the report is in force."""
    RECALLED = "RECALLED"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """When a signature was made void, by whom and why."""

    at: datetime
    by: str
    """Empty: nobody in particular, it was signed again."""
    reason: str


@dataclass(frozen=True, slots=True)
class Check:
    file: CheckedFile
    standing: Standing
    withdrawal: Withdrawal | None
    """Of a file signed here whose signature is void; also when the report was corrected or recalled since."""


def check_file(pdf: bytes) -> Check:
    """What there is to say of the signed ``pdf``; it is not kept.

    :raises FileNotChecked: it is no PDF that can be read, too large, or takes too long
    :raises TooManyChecks: others are being checked
    """
    if len(pdf) > MOST_BYTES:
        raise FileNotChecked(f"a file to be checked has at most {MOST_BYTES} bytes", field="file")
    if b"%PDF-" not in pdf[:1024]:
        raise FileNotChecked("the file is no PDF", field="file")
    request = CheckRequest(pdf=pdf, trust_roots=tuple(certificate.dump() for certificate in trust_roots()))
    if not _AT_ONCE.acquire(timeout=_WAIT_SECONDS):
        raise TooManyChecks("other files are being checked: try again in a moment", field="file")
    try:
        found, kept = _run(request), _kept(pdf)
        return Check(found, _standing(kept), _withdrawal(kept))
    finally:
        _AT_ONCE.release()


def _run(request: CheckRequest) -> CheckedFile:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ris_core.signatures.checking"],
            input=msgspec.msgpack.encode(request),
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
            cwd="/",
            env={"PYTHONPATH": _PACKAGES, "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
        )
        return msgspec.msgpack.decode(done.stdout, type=CheckedFile)
    except (subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise FileNotChecked("the file cannot be read as a signed PDF", field="file") from error


def _kept(pdf: bytes) -> Signature | None:
    """The signature whose file is ``pdf``, byte for byte."""
    return (
        Signature.objects.select_related("version", "withdrawn_by")
        .filter(files__sha256=hashlib.sha256(pdf).hexdigest())
        .first()
    )


def _withdrawal(signature: Signature | None) -> Withdrawal | None:
    if signature is None or signature.withdrawn_at is None:
        return None
    by = signature.withdrawn_by
    if by is None:
        return Withdrawal(signature.withdrawn_at, "", "")
    return Withdrawal(signature.withdrawn_at, f"{by.title} {by.full_name}".strip(), signature.withdrawn_reason)


def _standing(signature: Signature | None) -> Standing:
    if signature is None:
        return Standing.UNKNOWN
    version = signature.version
    newest = ReportVersion.objects.filter(reading_id=version.reading_id).order_by("-number").first()
    if ReportRecall.objects.filter(
        version__reading_id=version.reading_id, version__number__gte=version.number
    ).exists():
        return Standing.RECALLED
    if newest is not None and newest.pk != version.pk:
        return Standing.CORRECTED
    if signature.state != SignatureState.SIGNED:
        again = version.signatures.filter(state=SignatureState.SIGNED).exists()
        return Standing.SIGNED_AGAIN if again else Standing.WITHDRAWN
    return Standing.IN_FORCE
