"""Doctors outside are told by mail that a result is there: a link to their page, and nothing of whose (F4)."""

from __future__ import annotations

import secrets
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from ris_core.accounts.models import User
from ris_core.accounts.roles import roles_with
from ris_core.accounts.rules import Function
from ris_core.errors import NotFound
from ris_core.orders.models import NamedPractitioner, RequestedProcedure
from ris_core.outbox import smtp
from ris_core.outbox.entries import OutboxState
from ris_core.outbox.sending import Outbox
from ris_core.referrers.models import PractitionerLink, ReferrerLetter
from ris_core.settings import Settings

JOB_KIND: Final = "tell_referrer"
PAGE: Final = "/referred/"
_SUBJECT: Final = {"vi": "{site}: có kết quả mới", "en": "{site}: a new result"}
_TEXT: Final = {
    "vi": "Có kết quả mới của người bệnh do bạn chỉ định hoặc gửi. Đăng nhập để xem: {link}",
    "en": "There is a new result of a patient whom you referred. Log in to see it: {link}",
}


def tell_referrers(procedure: RequestedProcedure) -> list[ReferrerLetter]:
    """A result has been released: owe a letter to every doctor with an account whom the order names, in the caller's
    transaction. Who is owed one that has not gone out yet gets no second.
    """
    if not django_settings.QUANG.mail.host:
        return []
    named = NamedPractitioner.objects.filter(request_id=procedure.request_id).values_list("identifier", "issuer")
    links = PractitionerLink.objects.none()
    for identifier, issuer in named:
        links |= PractitionerLink.objects.filter(identifier=identifier, issuer=issuer, ended_at__isnull=True)
    users = User.objects.filter(
        pk__in=links.values("user_id"), is_active=True, role__in=roles_with(Function.VIEW_REFERRED)
    )
    owed = Q(state__in=(OutboxState.QUEUED, OutboxState.RETRY), message=b"")
    waiting = set(ReferrerLetter.objects.filter(owed).values_list("user_id", flat=True))
    owed_now = (_owe(user) for user in users.exclude(email="").order_by("pk") if user.pk not in waiting)
    return [letter for letter in owed_now if letter is not None]


def _owe(user: User) -> ReferrerLetter | None:
    """None: another result of theirs is released at this moment; its letter tells of this one too, and the approval or
    payment that we are a part of does not fail for a letter's number."""
    number = _last_number(user) + 1
    try:
        with transaction.atomic():
            letter = ReferrerLetter.objects.create(
                user=user, sequence=number, control_id=f"QR{secrets.token_hex(9)}", queued_at=timezone.now()
            )
    except IntegrityError:
        return None
    LETTERS.enqueue(letter)
    return letter


def _last_number(user: User) -> int:
    return ReferrerLetter.objects.filter(user=user).aggregate(last=Max("sequence"))["last"] or 0


class ReferrerLetters(Outbox[ReferrerLetter]):
    """One doctor's letters go one after the other; what it says is the same for all."""

    name: ClassVar = "referrer_letter"
    job_kind: ClassVar = JOB_KIND

    def entries(self) -> QuerySet[ReferrerLetter]:
        return ReferrerLetter.objects.select_related("user")

    def order(self, entry: ReferrerLetter) -> QuerySet[ReferrerLetter]:
        return ReferrerLetter.objects.filter(pk=entry.pk)

    def lane(self, entry: ReferrerLetter) -> str:
        return f"referrer_letter:{entry.pk}"

    def channel(self, entry: ReferrerLetter) -> str:
        return "referrer_letter"

    def receiver_is_active(self, entry: ReferrerLetter) -> bool:
        linked = PractitionerLink.objects.filter(user_id=entry.user_id, ended_at__isnull=True)
        return entry.user.is_active and bool(entry.user.email) and linked.exists()

    def compose(self, entry: ReferrerLetter, now: datetime, settings: Settings) -> bytes:
        message = EmailMessage(policy=SMTP)
        language = entry.user.language if entry.user.language in _TEXT else settings.site.language
        message["From"] = settings.mail.sender
        message["To"] = entry.user.email
        message["Subject"] = _SUBJECT[language].format(site=settings.site.name)
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{entry.control_id}@{urlsplit(settings.public_url).hostname or 'quang'}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(_TEXT[language].format(link=settings.public_url + PAGE) + "\n")
        return message.as_bytes()

    def exchange(self, entry: ReferrerLetter, message: bytes, settings: Settings) -> bytes:
        return smtp.hand_over(entry.user.email, message, settings)

    def locked(self, entry_id: int) -> ReferrerLetter:
        found = ReferrerLetter.objects.select_for_update(of=("self",)).filter(pk=entry_id).first()
        if found is None:
            raise NotFound("there is no such letter", field="letter")
        return found

    def facts(self, entry: ReferrerLetter) -> dict[str, Any]:
        return {"user": entry.user_id}


LETTERS = ReferrerLetters()


def run_tell_referrer(subject_id: str) -> None:
    """The job ``tell_referrer``."""
    LETTERS.attempt(int(subject_id))


def after_tell_referrer_died(subject_id: str, error: str) -> None:
    """See :meth:`Outbox.job_died`."""
    LETTERS.job_died(int(subject_id), error)
