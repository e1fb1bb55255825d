"""Rows that an address names by their own key: who acts on one sees the patients and exams it is about (P13)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Model

from ris_core.accounts.models import User
from ris_core.critical_results.models import CriticalResult
from ris_core.data_requests.models import DataRequest
from ris_core.matching.models import RejectedCandidate
from ris_core.messages.models import InboundMessage
from ris_core.notices.models import Notice
from ris_core.orders.models import FormerNumber, OrderLink, Visit
from ris_core.patients.models import PatientIdentifier, PatientMerge
from ris_core.sight.seeing import is_limited, sees_exam, sees_patient, sees_request, sees_study
from ris_core.studies.models import StudyLink

Sees = Callable[[User, int], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """A table, and which of its columns name what must be seen."""

    table: type[Model]
    about: Mapping[str, Sees]

    def seen_by(self, user: User, key: int) -> bool:
        """Whether ``user`` sees everything that the row is about; one that is not there is nobody's secret, and one of
        which nobody has said yet whose it is lies outside every limit."""
        found = self.table._default_manager.filter(pk=key).values_list(*self.about).first()
        if found is None:
            return True
        if not any(found):
            return not is_limited(user)
        return all(sees(user, named) for sees, named in zip(self.about.values(), found, strict=True) if named)


ROWS: Final[Mapping[str, Row]] = {
    "visit_id": Row(Visit, {"patient_id": sees_patient}),
    "identifier_id": Row(PatientIdentifier, {"patient_id": sees_patient}),
    "merge_id": Row(PatientMerge, {"merged_id": sees_patient, "survivor_id": sees_patient}),
    "held_id": Row(InboundMessage, {"patient_id": sees_patient}),
    "former_id": Row(FormerNumber, {"request_id": sees_request}),
    "order_link_id": Row(OrderLink, {"procedure_id": sees_exam, "absorbed_id": sees_exam}),
    "study_link_id": Row(StudyLink, {"study_id": sees_study, "procedure_id": sees_exam}),
    "rejection_id": Row(RejectedCandidate, {"study_id": sees_study, "procedure_id": sees_exam}),
    "critical_id": Row(CriticalResult, {"procedure_id": sees_exam}),
    "data_request_id": Row(DataRequest, {"patient_id": sees_patient}),
    "notice_id": Row(Notice, {"patient_id": sees_patient, "procedure_id": sees_exam, "study_id": sees_study}),
}
"""What an argument of an address names, by its name."""
