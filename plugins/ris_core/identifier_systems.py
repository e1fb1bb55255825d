"""Which URI stands for which kind of number, wherever FHIR is spoken (settings ``fhir``).

Our own and the senders' numbers lie under ``fhir.identifier_base``; the citizen identity card and the health insurance
card have systems of their own.
"""

from __future__ import annotations

from urllib.parse import quote

from django.conf import settings


def base() -> str:
    return str(settings.QUANG.fhir.identifier_base)


def patient_system(identifier_kind: str, issuer: str) -> str:
    """The system of a patient's number."""
    if identifier_kind == "NI" and issuer in ("VN", ""):
        return str(settings.QUANG.fhir.citizen_id_system)
    if identifier_kind == "HC" and issuer in ("VN", ""):
        return str(settings.QUANG.fhir.insurance_card_system)
    return f"{base()}:patient:{quote(issuer, safe='') or '-'}" + (
        f":{identifier_kind}" if identifier_kind != "MR" else ""
    )


def order_system(kind: str, source: str = "") -> str:
    """The system of an order's number: ``placer`` (of one sender), ``filler``, ``accession``, ``procedure``."""
    return f"{base()}:{kind}" + (f":{quote(source, safe='')}" if source else "")
