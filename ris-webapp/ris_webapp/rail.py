"""The left rail: the screens that exist, in the order in which they are shown; one line to add one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ris_core.accounts.models import User
from ris_core.accounts.roles import may
from ris_core.accounts.rules import Function
from ris_core.data_requests.services import overdue_count
from ris_core.messages.replaying import waiting_count as messages_waiting
from ris_webapp.screens.criticals.views import criticals_waiting
from ris_webapp.screens.deliveries.badges import dead_count
from ris_webapp.screens.referrers.found import new_results
from ris_webapp.screens.sharing.badges import withheld_count
from ris_webapp.screens.unmatched.evidence import waiting_count
from ris_webapp.words import Text


@dataclass(frozen=True, slots=True)
class RailEntry:
    """A screen in the rail; ``url_name`` also tells which entry is the present one (by its namespace)."""

    url_name: str
    icon: str
    label: Text
    function: Function
    waiting: Callable[[], int] | None = None
    """How many things wait there for a person; shown beside the icon, and not counted at every page."""
    waiting_for: Callable[[User], int] | None = None
    """The same, where not everybody may see all of them."""
    or_function: Function | None = None
    """Whoever has this one finds it too."""
    administration: bool = False
    """Reached from the overview of the administration, which stands for it in the rail."""

    @property
    def address(self) -> str:
        return reverse(self.url_name)

    @property
    def namespace(self) -> str:
        return self.url_name.partition(":")[0]

    def waiting_count(self, user: User) -> int:
        """What stands beside the icon in ``user``'s rail."""
        if self.waiting_for:
            return _counts.get(f"{self.url_name} {user.pk}", partial(self.waiting_for, user))
        return _counts.get(self.url_name, self.waiting) if self.waiting else 0


class _RecentCounts:
    """Counts of a few seconds ago, shared by all pages of a process."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, int]] = {}

    def get(self, name: str, count: Callable[[], int]) -> int:
        until, value = self._kept.get(name, (0.0, 0))
        if until < time.monotonic():
            value = count()
            self._kept[name] = (time.monotonic() + COUNT_SECONDS, value)
        return value


COUNT_SECONDS = 5.0
_counts = _RecentCounts()

ADMINISTRATION = "dashboard"
"""The entry that stands for all screens of the administration: shown to whoever may open one of them."""

RAIL = (
    RailEntry("worklist:start", "layout-list", _("Danh sách ca"), Function.VIEW_WORKLIST),
    RailEntry("referrers:results", "file-text", _("Kết quả của tôi"), Function.VIEW_REFERRED, waiting_for=new_results),
    RailEntry("patients:search", "user", pgettext_lazy("screen", "Người bệnh"), Function.VIEW_PATIENTS),
    RailEntry("orders:orders", "file-text", pgettext_lazy("screen", "Chỉ định"), Function.MANAGE_ORDERS),
    RailEntry("signing:signing", "pencil", _("Ký số"), Function.SIGN_REPORT),
    RailEntry("unmatched:queue", "link-off", _("Chưa khớp"), Function.RESOLVE_UNMATCHED, waiting_count),
    RailEntry("devices:devices", "device-heart-monitor", _("Thiết bị"), Function.VIEW_DEVICES),
    RailEntry("deliveries:deliveries", "send", _("Trả kết quả"), Function.MANAGE_DELIVERIES, dead_count),
    RailEntry(
        "criticals:inbox", "alert-triangle", _("Nguy cấp"), Function.ACKNOWLEDGE_CRITICAL, waiting_for=criticals_waiting
    ),
    RailEntry("peer_reviews:inbox", "eye", _("Bình duyệt"), Function.REVIEW_PEERS),
    RailEntry(
        "sharing:shares",
        "share",
        _("Chia sẻ"),
        Function.SHARE_EXAM,
        waiting_for=withheld_count,
        or_function=Function.MANAGE_SHARES,
    ),
    RailEntry(
        "teaching:cases", "school", _("Ca giảng dạy"), Function.VIEW_TEACHING, or_function=Function.MANAGE_TEACHING
    ),
    RailEntry("exports:exports", "download", _("Xuất ảnh"), Function.EXPORT_EXAM),
    RailEntry("imports:imports", "photo", _("Nhập ảnh ngoài"), Function.IMPORT_IMAGES),
    RailEntry("statistics:overview", "chart-bar", _("Thống kê"), Function.VIEW_STATISTICS),
    RailEntry("messages:messages", "message-2", _("Bản tin"), Function.VIEW_MESSAGES, messages_waiting),
    RailEntry("report_templates:templates", "list-details", _("Mẫu kết quả"), Function.MANAGE_TEMPLATES),
    RailEntry("print_layouts:layouts", "printer", _("Mẫu in"), Function.MANAGE_TEMPLATES),
    RailEntry("access_log:log", "history", _("Nhật ký truy cập"), Function.VIEW_AUDIT),
    RailEntry(
        "data_requests:requests", "user-check", _("Yêu cầu về dữ liệu"), Function.ANSWER_DATA_REQUESTS, overdue_count
    ),
    RailEntry("sight:opened", "ambulance", _("Mở khẩn cấp"), Function.VIEW_AUDIT),
    RailEntry("dashboard:dashboard", "settings", _("Quản trị"), Function.ADMINISTER),
    RailEntry("profiles:overview", "arrows-exchange", _("Nơi gửi HL7"), Function.ADMINISTER, administration=True),
    RailEntry("result_receivers:receivers", "send", _("Nơi nhận kết quả"), Function.ADMINISTER, administration=True),
    RailEntry("matching_policy:policy", "link", _("Quy tắc khớp ảnh"), Function.ADMINISTER, administration=True),
    RailEntry("reading_rules:rules", "eye", _("Đọc nhiều lần"), Function.ADMINISTER, administration=True),
    RailEntry("reading_targets:targets", "clock", _("Thời hạn đọc"), Function.ADMINISTER, administration=True),
    RailEntry("accounts:users", "user", _("Tài khoản"), Function.MANAGE_ACCOUNTS, administration=True),
    RailEntry("roles:roles", "user-check", _("Các vai trò"), Function.MANAGE_ACCOUNTS, administration=True),
    RailEntry("api_keys:keys", "lock", _("Khoá API"), Function.MANAGE_ACCOUNTS, administration=True),
    RailEntry("receivers:receivers", "mail-forward", _("Nơi nhận thông báo"), Function.ADMINISTER, administration=True),
    RailEntry("hanging:protocols", "layout-grid", _("Treo ảnh"), Function.ADMINISTER, administration=True),
    RailEntry("portal:rules", "user", _("Cổng người bệnh"), Function.ADMINISTER, administration=True),
    RailEntry("tag_rules:rules", "edit", _("Quy tắc thông tin ảnh"), Function.ADMINISTER, administration=True),
    RailEntry("signing_policy:policy", "pencil", _("Chữ ký số"), Function.ADMINISTER, administration=True),
    RailEntry("jobs:jobs", "clock", _("Việc nền"), Function.ADMINISTER, administration=True),
)


def rail_for(role: str) -> list[RailEntry]:
    """What ``role`` finds in the rail."""
    managed = bool(administration_for(role))
    return [
        entry
        for entry in RAIL
        if not entry.administration and (_may_open(role, entry) or (managed and entry.namespace == ADMINISTRATION))
    ]


def home_of(role: str) -> str:
    """Where somebody begins: the first screen of their rail; who has none finds at least their password."""
    return next((entry.address for entry in rail_for(role)), reverse("accounts:password"))


def administration_for(role: str) -> list[RailEntry]:
    """The screens of the administration that ``role`` may open."""
    return [entry for entry in RAIL if _may_open(role, entry) and entry.administration]


def _may_open(role: str, entry: RailEntry) -> bool:
    return may(role, entry.function) or (entry.or_function is not None and may(role, entry.or_function))


def place_in_rail(namespace: str) -> str:
    """The namespace of the rail's entry that stands for a screen."""
    if any(entry.namespace == namespace and entry.administration for entry in RAIL):
        return ADMINISTRATION
    return namespace
