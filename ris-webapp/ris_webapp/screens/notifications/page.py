"""Notifications that are owed to receivers: what did not arrive, why, and what one does about it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from pydicom.uid import ExplicitVRLittleEndian

from ris_core.names import folded
from ris_core.notifications.models import Notification, NotificationReceiver
from ris_core.notifications.rules import Transport
from ris_core.notifications.sending import NOTIFICATIONS
from ris_core.performed.datasets import as_text
from ris_core.performed.models import PerformedStepMessage
from ris_webapp.numbers import whole_number
from ris_webapp.screens.outbox.page import Described, Detail, OutboxPage, Words
from ris_webapp.screens.outbox.shown_message import shown_message
from ris_webapp.words import WORDS


class Notifications(OutboxPage[Notification]):
    """One row for each event and each receiver, however it is told."""

    namespace: ClassVar = "notifications"
    outbox = NOTIFICATIONS
    words: ClassVar = Words(
        title=gettext_lazy("Thông báo"),
        search=gettext_lazy("Tìm thông báo"),
        entries=gettext_lazy("Các thông báo"),
        none_matches=gettext_lazy("Không có thông báo nào khớp"),
        none_dead=gettext_lazy("Không có thông báo nào bị kẹt"),
        none_dead_hint=gettext_lazy("Thông báo gửi không được sau nhiều lần thử sẽ hiện ở đây, kèm lý do."),
        none_here=gettext_lazy("Không có thông báo nào ở trạng thái này"),
        choose=gettext_lazy("Chọn một thông báo để xem bản tin đã gửi và trả lời của nơi nhận."),
        next_one=gettext_lazy("Thông báo kế tiếp"),
        former_one=gettext_lazy("Thông báo trước"),
        replay_this=gettext_lazy("Gửi lại thông báo đang xem"),
        replaying=ngettext_lazy("Đang gửi lại %(count)s thông báo.", "Đang gửi lại %(count)s thông báo.", "count"),
        dismissed=ngettext_lazy("Đã bỏ qua %(count)s thông báo.", "Đã bỏ qua %(count)s thông báo.", "count"),
        kept=ngettext_lazy(
            "%(count)s thông báo giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có thông báo mới hơn.",
            "%(count)s thông báo giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có thông báo mới hơn.",
            "count",
        ),
        dismissing=gettext_lazy(
            "Nơi nhận sẽ không nhận thông báo này; các thông báo sau vẫn được gửi. Có thể gửi lại sau."
        ),
    )

    def loaded(self) -> QuerySet[Notification]:
        return self.outbox.entries().select_related("procedure__patient")

    def found_by(self, query: str) -> Q:
        return (
            Q(procedure__request__accession_number__startswith=query)
            | Q(procedure__patient__search_key__contains=folded(query))
            | Q(control_id=query)
        )

    def receivers(self) -> QuerySet[Any]:
        return NotificationReceiver.objects.order_by("name")

    def described(self, entry: Notification) -> Described:
        exam = entry.procedure
        if exam is None:
            return Described(_event(entry), _("không thuộc chỉ định nào"))
        return Described(
            _event(entry), f"{exam.patient.full_name} · {exam.request.accession_number} · {exam.service_name}"
        )

    def detail(self, entry: Notification) -> Detail:
        shown = shown_message if entry.receiver.transport == Transport.HL7_STATUS else _plain
        dicom = entry.receiver.transport in (Transport.MPPS, Transport.INSTANCE_AVAILABILITY)
        message = bytes(entry.message)
        return Detail(
            address=entry.receiver.address,
            facts=(
                (gettext_lazy("Xảy ra lúc"), f"{localtime(entry.occurred_at):%d/%m/%Y %H:%M:%S}"),
                (gettext_lazy("Mã bản tin"), entry.control_id),
            ),
            thread=tuple(
                (other.pk, _event(other), other.state) for other in self.outbox.order(entry).order_by("sequence")
            ),
            answer=shown(bytes(entry.last_acknowledgement)),
            message=as_text(message, _transfer_syntax(entry)) if dicom and message else shown(message),
        )

    def waits(self, older: Notification) -> str:
        return _("Chờ thông báo trước của cùng ca được gửi xong.")

    def patient_id(self, entry: Notification) -> int | None:
        return entry.procedure.patient_id if entry.procedure else None


def _event(entry: Notification) -> str:
    return str(WORDS["notification_event"].get(entry.event, entry.event))


def _plain(raw: bytes) -> str | None:
    return raw.decode(errors="replace") or None


def _transfer_syntax(entry: Notification) -> str:
    """A device's own message is forwarded as it came."""
    kind, _separator, key = entry.subject.partition(":")
    of_device = PerformedStepMessage.objects.filter(pk=whole_number(key) or 0) if kind == "mpps_message" else None
    message = of_device.first() if of_device is not None else None
    return message.transfer_syntax_uid if message else str(ExplicitVRLittleEndian)
