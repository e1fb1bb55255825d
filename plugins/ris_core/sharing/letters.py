"""What a receiver is written: a link or a code, and nothing of any patient, since anybody may read the screen it
comes up on."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from urllib.parse import urlsplit

from ris_core.settings import Settings, Site
from ris_core.sharing.models import Lock

_LINK: Final = {
    "vi": "{site} gửi bạn ảnh và kết quả chụp: {link} (mở được đến {until}).{lock}",
    "en": "{site} shares images and results with you: {link} (until {until}).{lock}",
}
_LOCK: Final = {
    "vi": {
        Lock.NONE: "",
        Lock.PASSWORD: " Mật khẩu được báo riêng.",
        Lock.CODE: " Khi mở sẽ có mã gửi đến bạn.",
    },
    "en": {
        Lock.NONE: "",
        Lock.PASSWORD: " You are told the password separately.",
        Lock.CODE: " A code is sent to you when you open it.",
    },
}
_CODE: Final = {
    "vi": "{code} là mã mở ảnh của {site}, dùng một lần trong 10 phút. Không đưa mã cho ai.",
    "en": "{code} opens the images shared by {site}, once, within 10 minutes. Give it to nobody.",
}
_SUBJECT: Final = {
    "vi": ("{site}: ảnh và kết quả chụp", "{site}: mã mở ảnh"),
    "en": ("{site}: images and results", "{site}: code to open images"),
}


def link_text(link: str, until: datetime, lock: str, site: Site) -> str:
    at = until.strftime("%H:%M %d/%m/%Y")
    said = _LOCK[site.language][Lock(lock)]
    return _LINK[site.language].format(site=site.name, link=link, until=at, lock=said)


def code_text(code: str, site: Site) -> str:
    return _CODE[site.language].format(code=code, site=site.name)


def as_mail(
    text: str, recipient: str, control_id: str, sent_at: datetime, settings: Settings, *, is_code: bool
) -> bytes:
    """The mail as it goes over the wire; its Message-ID is the same at every attempt."""
    message = EmailMessage(policy=SMTP)
    message["From"] = settings.mail.sender
    message["To"] = recipient
    message["Subject"] = _SUBJECT[settings.site.language][is_code].format(site=settings.site.name)
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = f"<{control_id}@{urlsplit(settings.public_url).hostname or 'quang'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text + "\n")
    return message.as_bytes()
