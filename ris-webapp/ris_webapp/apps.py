"""The web app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class Config(AppConfig):
    """Registers the web app's checks when Django is ready, and what goes with migrations."""

    name = "ris_webapp"

    def ready(self) -> None:
        from ris_webapp import checks  # noqa: F401 - registers itself
        from ris_webapp.migrating import with_time_limit_again, without_time_limit

        pre_migrate.connect(without_time_limit)
        post_migrate.connect(with_time_limit_again)
