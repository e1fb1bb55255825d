"""Tells people by e-mail that something has happened: what and when, and a link behind the login. A mail names no
patient, no order and no finding, since it is read on any screen and kept on any server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal
from urllib.parse import urlsplit

from ris_core.errors import InvalidValue
from ris_core.notifications.rules import Event

Language = Literal["vi", "en"]

_SUBJECTS: Final[dict[str, dict[Language, str]]] = {
    Event.EXAM_SCHEDULED: {"vi": "Ca đã xếp lịch", "en": "An exam was scheduled"},
    Event.EXAM_CHANGED: {"vi": "Chỉ định thay đổi", "en": "An order was changed"},
    Event.EXAM_CANCELLED: {"vi": "Ca bị huỷ", "en": "An exam was cancelled"},
    Event.EXAM_STARTED: {"vi": "Bắt đầu chụp", "en": "An exam was begun"},
    Event.EXAM_COMPLETED: {"vi": "Chụp xong", "en": "An exam was completed"},
    Event.EXAM_DISCONTINUED: {"vi": "Ca dừng giữa chừng", "en": "An exam was discontinued"},
    Event.EXAM_IMAGES_AVAILABLE: {"vi": "Ảnh đã có", "en": "Images are available"},
    Event.EXAM_READY_TO_READ: {"vi": "Ca sẵn sàng đọc", "en": "An exam is ready to read"},
    Event.REPORT_PRELIMINARY: {"vi": "Kết quả sơ bộ đã có", "en": "A preliminary report is available"},
    Event.REPORT_FINAL: {"vi": "Kết quả đã duyệt", "en": "A report was approved"},
    Event.REPORT_CORRECTED: {"vi": "Kết quả đã đính chính", "en": "A report was corrected"},
    Event.REPORT_RECALLED: {"vi": "Kết quả đã thu hồi", "en": "A report was recalled"},
    Event.REPORT_SIGNED: {"vi": "Kết quả đã được ký số", "en": "A report was signed"},
    Event.REPORT_SIGNATURE_WITHDRAWN: {"vi": "Chữ ký số đã bị rút", "en": "A signature was withdrawn"},
    Event.CRITICAL_FLAGGED: {
        "vi": "Kết quả nguy cấp cần xác nhận", "en": "A critical result is to be acknowledged",
    },
    Event.CRITICAL_ESCALATED: {
        "vi": "NHẮC: kết quả nguy cấp chưa ai xác nhận", "en": "REMINDER: nobody has acknowledged a critical result",
    },
    Event.CRITICAL_ACKNOWLEDGED: {
        "vi": "Kết quả nguy cấp đã được xác nhận", "en": "A critical result was acknowledged",
    },
}  # fmt: skip

EVENTS: Final = frozenset(_SUBJECTS)
"""What a mail can tell of: everything about an exam."""

_TEXT: Final[dict[Language, str]] = {
    "vi": "{subject}, lúc {at}.\n\nĐăng nhập để xem: {link}\n\nThư tự động, không chứa thông tin người bệnh. {site}\n",
    "en": "{subject}, at {at}.\n\nLog in to see it: {link}\n\nAutomatic mail without patient data. {site}\n",
}

_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}")


def checked_address(address: str) -> str:
    """:raises InvalidValue: it is no single plain e-mail address (RFC 5321 §4.5.3.1, without quoted parts)"""
    if not _ADDRESS.fullmatch(address):
        raise InvalidValue("an e-mail address looks like khoa.cdha@example.org", field="email")
    return address


@dataclass(frozen=True, slots=True)
class Mail:
    """One event as one recipient gets it."""

    event: str
    exam_id: int
    control_id: str
    occurred_at: datetime
    """In the site's zone."""
    sent_at: datetime
    sender: str
    recipient: str
    language: Language
    site: str
    public_url: str


def compose(mail: Mail) -> bytes:
    """The mail as it goes over the wire; its Message-ID is the same at every attempt."""
    subject = _SUBJECTS[mail.event][mail.language]
    page = "/criticals/" if mail.event.startswith("critical.") else f"/exams/{mail.exam_id}/"
    message = EmailMessage(policy=SMTP)
    message["From"] = mail.sender
    message["To"] = mail.recipient
    message["Subject"] = subject
    message["Date"] = format_datetime(mail.sent_at)
    message["Message-ID"] = f"<{mail.control_id}@{urlsplit(mail.public_url).hostname or 'quang'}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.event.startswith("critical.") and mail.event != Event.CRITICAL_ACKNOWLEDGED:
        message["Importance"] = "high"
    at = mail.occurred_at.strftime("%H:%M %d/%m/%Y")
    message.set_content(
        _TEXT[mail.language].format(subject=subject, at=at, link=mail.public_url + page, site=mail.site)
    )
    return message.as_bytes()
