"""What a receiver is written: a link or a code, and nothing of any patient, since anybody may read the screen it
comes up on."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ris_core.settings import Site
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


def subject(site: Site, *, is_code: bool) -> str:
    return _SUBJECT[site.language][is_code].format(site=site.name)
