"""A person's age as radiologists say it: years, for small children months or days."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_MONTHS_UNTIL_YEARS = 36
_DAYS_UNTIL_MONTHS = 60


def age_in_words(birth_date: str, on: date) -> str:
    """The age on a day from a birth date of 4, 6 or 8 digits (DICOM DA, possibly cut); empty when it has none."""
    if not birth_date.isdigit() or len(birth_date) not in (4, 6, 8):
        return ""
    year = int(birth_date[:4])
    month = int(birth_date[4:6] or 0)
    day = int(birth_date[6:8] or 0)
    if not month:
        return _years(on.year - year)
    months = (on.year - year) * 12 + on.month - month - (1 if day and on.day < day else 0)
    if months >= _MONTHS_UNTIL_YEARS:
        return _years(months // 12)
    try:
        days = (on - date(year, month, day)).days if day else None
    except ValueError:
        days = None
    if days is not None and 0 <= days < _DAYS_UNTIL_MONTHS:
        return ngettext("%(count)s ngày tuổi", "%(count)s ngày tuổi", days) % {"count": days}
    if months < 0:
        return ""
    return ngettext("%(count)s tháng tuổi", "%(count)s tháng tuổi", months) % {"count": months}


def _years(count: int) -> str:
    return _("%(count)s tuổi") % {"count": count} if count >= 0 else ""
