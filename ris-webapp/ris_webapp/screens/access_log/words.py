"""Words of the access log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from ris_webapp.words import Text

PERIOD_LABELS: dict[str, Text] = {
    "1": _("24 giờ qua"),
    "7": _("7 ngày qua"),
    "30": _("30 ngày qua"),
    "366": _("1 năm qua"),
    "all": _("Từ đầu"),
}
KINDS: dict[str, Text] = {
    "USER": _("người dùng"),
    "API_KEY": _("phần mềm"),
    "SENDER": _("nơi gửi HL7"),
    "RECEIVER": _("qua nơi nhận"),
    "PATIENT": _("người bệnh"),
    "DEVICE": _("máy"),
    "SERVICE": _("hệ thống"),
    "ANYBODY": _("chưa rõ ai"),
}
FORMULAS: dict[str, Text] = {
    "MANY_PATIENTS": _("Một người mở nhiều người bệnh trong thời gian ngắn"),
    "AT_NIGHT": _("Một người mở nhiều người bệnh ban đêm (22 giờ đến 5 giờ)"),
    "FAILED_LOGINS": _("Đăng nhập sai nhiều lần"),
    "REFUSALS": _("Nhiều lần bị từ chối vì không có quyền"),
    "OWN_NAME": _("Mở người bệnh trùng họ tên với chính mình"),
    "WATCHED_PATIENT": _("Mở người bệnh được theo dõi (VIP)"),
}
