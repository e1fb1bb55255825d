"""The web app as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class Config(AppConfig):
    """Registers the web app's checks when Django is ready."""

    name = "ris_webapp"

    def ready(self) -> None:
        from ris_webapp import checks  # noqa: F401 - registers itself
