"""The one-time code that is sent to a patient's telephone."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.db.models import QuerySet
from django.utils import timezone

from ris_core.audit.services import Actor, record
from ris_core.letters.codes import CODES_AT_ONCE, CODES_WITHIN, new_code
from ris_core.letters.entries import Channel
from ris_core.letters.numbers import phone_number
from ris_core.letters.sending import Letters, Written
from ris_core.portal.models import EntryCode, PortalLetter, PortalVisit
from ris_core.portal.secrets import entry_code_digest
from ris_core.settings import Settings

JOB_KIND: Final = "send_portal_code"
_TEXT: Final = {
    "vi": "{code} là mã xem kết quả của {site}, dùng một lần trong 10 phút. Không đưa mã cho ai.",
    "en": "{code} opens your results at {site}, once, within 10 minutes. Give it to nobody.",
}
_SUBJECT: Final = {"vi": "{site}: mã xem kết quả", "en": "{site}: code to see results"}


def send_code(visit: PortalVisit, phone: str, actor: Actor) -> bool:
    """Send a code to the patient, in the caller's transaction; False: too many have been sent with this slip lately."""
    now = timezone.now()
    if EntryCode.objects.filter(visit__slip_id=visit.slip_id, sent_at__gt=now - CODES_WITHIN).count() >= CODES_AT_ONCE:
        return False
    code = new_code()
    EntryCode.objects.create(visit=visit, digest=entry_code_digest(visit.pk, code), sent_at=now)
    columns = PORTAL_LETTERS.owed(Channel.SMS, phone_number(phone), code.encode(), visit.letters.count() + 1)
    PORTAL_LETTERS.enqueue(PortalLetter.objects.create(visit=visit, **columns))
    record(actor, "portal.code_sent", subject=f"portal_slip:{visit.slip_id}", patient_id=visit.patient_id)
    return True


class PortalLetters(Letters[PortalLetter]):
    """Codes for the portal."""

    name: ClassVar = "portal_letter"
    job_kind: ClassVar = JOB_KIND

    def entries(self) -> QuerySet[PortalLetter]:
        return PortalLetter.objects.select_related("visit")

    def receiver_is_active(self, entry: PortalLetter) -> bool:
        return entry.visit.ended_at is None

    def written(self, entry: PortalLetter, content: bytes, settings: Settings) -> Written:
        site = settings.site
        words = {"code": content.decode(), "site": site.name}
        return Written(_TEXT[site.language].format(**words), _SUBJECT[site.language].format(**words))

    def facts(self, entry: PortalLetter) -> dict[str, Any]:
        return {"slip": entry.visit.slip_id, "patient_id": entry.visit.patient_id}


PORTAL_LETTERS = PortalLetters()


def run_send_code(subject_id: str) -> None:
    """The job ``send_portal_code``."""
    PORTAL_LETTERS.attempt(int(subject_id))


def after_send_code_died(subject_id: str, error: str) -> None:
    """See :meth:`Outbox.job_died`."""
    PORTAL_LETTERS.job_died(int(subject_id), error)
