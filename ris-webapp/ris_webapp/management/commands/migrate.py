"""Bring the database to this version's shape, once its settings have been found to fit it."""

from __future__ import annotations

from typing import Any

from django.core.checks import Tags
from django.core.management.commands import migrate


class Command(migrate.Command):
    """Of Django's system checks it makes those of the database, what the settings say of it among them."""

    def check(self, *args: Any, **options: Any) -> None:
        super().check(*args, **options | {"tags": [Tags.database]})
