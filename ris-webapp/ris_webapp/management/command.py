"""Commands of the suite."""

from __future__ import annotations

from django.core.management.base import BaseCommand


class SuiteCommand(BaseCommand):
    """Makes none of Django's system checks: they load every screen, and the tests have made them.

    What depends on a site's settings is checked by ``migrate``, before any part starts.
    """

    requires_system_checks = ()
