"""The part of Django's configuration that the plugins inside Orthanc and the web app share."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ris_core.errors import SettingsInvalid
from ris_core.settings import Settings

DOMAIN_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "ris_core.access",
    "ris_core.accounts",
    "ris_core.directories",
    "ris_core.openid",
    "ris_core.provisioning",
    "ris_core.second_factors",
    "ris_core.patients",
    "ris_core.devices",
    "ris_core.catalogue",
    "ris_core.orders",
    "ris_core.appointments",
    "ris_core.external_results",
    "ris_core.exam_search",
    "ris_core.exam_lists",
    "ris_core.worklist",
    "ris_core.messages",
    "ris_core.intake",
    "ris_core.studies",
    "ris_core.tag_rules",
    "ris_core.notices",
    "ris_core.matching",
    "ris_core.performed",
    "ris_core.reports",
    "ris_core.print_layouts",
    "ris_core.second_readings",
    "ris_core.critical_results",
    "ris_core.peer_reviews",
    "ris_core.sight",
    "ris_core.doses",
    "ris_core.statistics",
    "ris_core.signatures",
    "ris_core.key_images",
    "ris_core.hanging",
    "ris_core.delivery",
    "ris_core.notifications",
    "ris_core.webhooks",
    "ris_core.sharing",
    "ris_core.teaching",
    "ris_core.exports",
    "ris_core.referrers",
    "ris_core.portal",
    "ris_core.imports",
    "ris_core.data_requests",
    "ris_core.jobs",
    "ris_core.audit",
    "ris_core.backups",
    "ris_core.changes",
]


PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
"""The first makes hashes; the same in the web app and inside Orthanc, or each would make the other's anew."""


def database_config(url: str) -> dict[str, Any]:
    """Django's ``DATABASES["default"]`` for ``sqlite:///path`` or ``postgresql://…``.

    SQLite: WAL, synced to disk at every commit (``synchronous=FULL``), writers queue up to 20 s (immediate
    transactions). PostgreSQL: connections kept open and checked before use; plans are made for a database that lies in
    memory and on flash, and only what reads whole tables is shared among several processes.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(url.removeprefix("sqlite:///")),
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA cache_size=-64000; PRAGMA mmap_size=268435456;",
            },
        }
    if parts.scheme in ("postgresql", "postgres"):
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": unquote(parts.path.lstrip("/")),
            "USER": unquote(parts.username or query.get("user", "")),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or query.get("host", ""),
            "PORT": str(parts.port or query.get("port", "")),
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                "connect_timeout": 5,
                "options": "-c statement_timeout=30000 -c random_page_cost=1.1 -c parallel_setup_cost=50000",
            },
        }
    raise SettingsInvalid("database URL must begin with sqlite:/// or postgresql://", field="QUANG_DATABASE_URL")


def domain_settings(settings: Settings) -> dict[str, Any]:
    """What Django needs inside Orthanc: the domain's apps, the database, the site's time zone; no web parts."""
    secret_keys = settings.secret_lines("django_secret_key")
    return {
        "SECRET_KEY": secret_keys[0],
        "SECRET_KEY_FALLBACKS": list(secret_keys[1:]),
        "INSTALLED_APPS": DOMAIN_APPS,
        "DATABASES": {"default": database_config(settings.database_url)},
        "AUTH_USER_MODEL": "accounts.User",
        "PASSWORD_HASHERS": PASSWORD_HASHERS,
        "USE_TZ": True,
        "TIME_ZONE": settings.site.time_zone,
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "QUANG": settings,
    }
