"""Results that are owed to receivers: what did not arrive, why, and what one does about it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from ris_core.delivery.formats import BY_NAME
from ris_core.delivery.models import Delivery, Receiver
from ris_core.delivery.sending import RESULTS
from ris_core.delivery.signed import waits_for_signature
from ris_core.names import folded
from ris_core.patients.models import PatientIdentifier
from ris_webapp.screens.outbox.page import Described, Detail, OutboxPage, Words
from ris_webapp.screens.outbox.shown_message import shown_message
from ris_webapp.words import WORDS


class Deliveries(OutboxPage[Delivery]):
    """One row for each version of a result and each receiver."""

    namespace: ClassVar = "deliveries"
    outbox = RESULTS
    words: ClassVar = Words(
        title=gettext_lazy("Trả kết quả"),
        search=gettext_lazy("Tìm kết quả"),
        entries=gettext_lazy("Các kết quả"),
        none_matches=gettext_lazy("Không có kết quả nào khớp"),
        none_dead=gettext_lazy("Không có kết quả nào bị kẹt"),
        none_dead_hint=gettext_lazy("Kết quả gửi không được sau nhiều lần thử sẽ hiện ở đây, kèm lý do."),
        none_here=gettext_lazy("Không có kết quả nào ở trạng thái này"),
        choose=gettext_lazy("Chọn một kết quả để xem bản tin đã gửi và trả lời của nơi nhận."),
        next_one=gettext_lazy("Kết quả kế tiếp"),
        former_one=gettext_lazy("Kết quả trước"),
        replay_this=gettext_lazy("Gửi lại kết quả đang xem"),
        replaying=ngettext_lazy("Đang gửi lại %(count)s kết quả.", "Đang gửi lại %(count)s kết quả.", "count"),
        dismissed=ngettext_lazy("Đã bỏ qua %(count)s kết quả.", "Đã bỏ qua %(count)s kết quả.", "count"),
        kept=ngettext_lazy(
            "%(count)s kết quả giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có bản mới hơn.",
            "%(count)s kết quả giữ nguyên: đang gửi, đã xong, hoặc nơi nhận đã có bản mới hơn.",
            "count",
        ),
        dismissing=gettext_lazy("Nơi nhận sẽ không nhận bản này; các bản mới hơn vẫn được gửi. Có thể gửi lại sau."),
    )

    def loaded(self) -> QuerySet[Delivery]:
        return Delivery.objects.select_related(
            "receiver", "version", "reading__procedure__patient", "reading__procedure__request"
        )

    def found_by(self, query: str) -> Q:
        return (
            Q(reading__procedure__request__accession_number__startswith=query)
            | Q(reading__procedure__request__sent_accession_number__startswith=query)
            | Q(reading__procedure__patient__search_key__contains=folded(query))
            | Q(reading__procedure__patient__in=PatientIdentifier.objects.filter(value=query).values("patient"))
            | Q(control_id=query)
        )

    def receivers(self) -> QuerySet[Any]:
        return Receiver.objects.order_by("name")

    def described(self, entry: Delivery) -> Described:
        exam = entry.reading.procedure
        sent = exam.request.sent_accession_number
        number = exam.request.accession_number + (f" ({sent})" if sent else "")
        status = str(WORDS["version_status"][entry.version.status]).lower()
        return Described(exam.patient.full_name, f"{number} · {exam.service_name}", f"{_version(entry)} ({status})")

    def detail(self, entry: Delivery) -> Detail:
        receiver = entry.receiver
        return Detail(
            address=address_of(receiver),
            facts=(("MSH-10", entry.control_id),),
            thread=tuple(
                (other.pk, _version(other), other.state)
                for other in self.outbox.order(entry).select_related("version").order_by("sequence")
            ),
            answer=shown_message(bytes(entry.last_acknowledgement)),
            message=shown_message(bytes(entry.message)),
        )

    def waits(self, older: Delivery) -> str:
        return _("Chờ bản %(number)s của cùng kết quả được gửi xong trước.") % {"number": older.version.number}

    def held(self, entry: Delivery) -> str:
        if waits_for_signature(entry):
            return _("Chờ ký số: nơi nhận chỉ lấy bản đã ký.")
        return _("Giữ lại: ca chưa thanh toán.") if self.outbox.is_held(entry) else ""

    def patient_id(self, entry: Delivery) -> int | None:
        return entry.reading.procedure.patient_id


def address_of(receiver: Receiver) -> str:
    """Where a receiver is written to, and how."""
    how = str(WORDS["result_format"][receiver.format])
    if BY_NAME[receiver.format].over_http:
        return f"{receiver.url} · {how}"
    return f"{receiver.host}:{receiver.port} · {how} {receiver.hl7_version}"


def _version(entry: Delivery) -> str:
    text = _("thu hồi bản %(number)s") if entry.kind == Delivery.Kind.RECALL else _("bản %(number)s")
    return text % {"number": entry.version.number}
