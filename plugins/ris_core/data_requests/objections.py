"""Whether a patient wants their data erased, or used for nothing that others see: what is not care ends then."""

from __future__ import annotations

from ris_core.data_requests.models import DataRequest, Decision, RequestKind
from ris_core.patients.survivors import records_of, survivor_of


def has_objected(patient_id: int) -> bool:
    """From the receipt on, unless it was refused; said of one record it holds for all that were merged with it."""
    asked = DataRequest.objects.filter(
        patient__in=records_of(survivor_of(patient_id)), kind__in=(RequestKind.ERASURE, RequestKind.RESTRICTION)
    )
    return asked.exclude(decision=Decision.REFUSED).exists()
