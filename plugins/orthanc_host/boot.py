"""Django inside Orthanc: configured once, with the domain's apps only, and only on a database that is ready for it."""

from __future__ import annotations

import django
from django.conf import settings as django_settings
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from ris_core.django_settings import domain_settings
from ris_core.errors import DatabaseNotMigrated
from ris_core.settings import Settings


def boot_django(settings: Settings) -> None:
    """Configure Django for this process and check the database's tables.

    :raises DatabaseNotMigrated: when a migration of this version has not been applied
    :raises django.db.OperationalError: when the database cannot be reached
    """
    django_settings.configure(**domain_settings(settings))
    django.setup()
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    finally:
        connections.close_all()
    if missing:
        names = ", ".join(f"{migration.app_label} {migration.name}" for migration, _ in missing[:3])
        raise DatabaseNotMigrated(
            f"the database lacks {len(missing)} migrations ({names}): run 'manage.py migrate', then start Orthanc again"
        )
