"""A report as a page, beside its PDF: the same version, text and signature, readable on a telephone."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from ris_core.reports.documents import sheet_of
from ris_core.reports.models import ReportVersion
from ris_core.reports.sheet import printed_sections
from ris_core.signatures.models import Signature
from ris_core.signatures.rules import SignatureState


def report_text(version: ReportVersion) -> dict[str, Any]:
    """What ``viewer_launch/report_text.html`` shows of a version that may be shown."""
    sheet = sheet_of(version, settings.QUANG)
    signed = Signature.objects.filter(version=version, state=SignatureState.SIGNED).select_related("signer")
    return {"sheet": sheet, "sections": printed_sections(sheet), "signature": signed.order_by("-signed_at").first()}
