"""The web app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class Config(AppConfig):
    """Registers the web app's checks when Django is ready, and what goes with migrations."""

    name = "ris_webapp"

    def ready(self) -> None:
        from ris_webapp import checks  # noqa: F401 - registers itself
        from ris_webapp.migrating import limit_as_usual, limit_locks_only

        # for every app's migrations: Django tells of those with models only, of which this one is none
        pre_migrate.connect(limit_locks_only)
        post_migrate.connect(limit_as_usual)
