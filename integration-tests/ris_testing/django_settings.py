"""Django's settings under pytest: a home of its own with fresh secrets; the database of ``QUANG_TEST_DATABASE_URL``.

Unit tests run on SQLite by default and on PostgreSQL when the variable names one, as a superuser of it: tables are
emptied without their triggers.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from ris_testing import property_tests  # noqa: F401 - every run of the tests loads this first

_home = Path(tempfile.mkdtemp(prefix="quang-test-"))
atexit.register(shutil.rmtree, _home, ignore_errors=True)
(_home / "secrets").mkdir()
for _name in (
    "django_secret_key",
    "viewer_signing_key",
    "webhook_signing_key",
    "credential_sealing_key",
    "backup_key",
    "service_token_web",
    "service_token_worker",
    "service_token_monitor",
    "launch_secret_HIS",
):
    (_home / "secrets" / _name).write_text(secrets.token_urlsafe(43))
for _variable in [name for name in os.environ if name.startswith("QUANG_") and name != "QUANG_TEST_DATABASE_URL"]:
    if "__" in _variable or _variable in ("QUANG_SETTINGS", "QUANG_DATABASE_URL", "QUANG_SECRETS_DIR"):
        del os.environ[_variable]
os.environ["QUANG_HOME"] = str(_home)
os.environ["QUANG_DATABASE_URL"] = os.environ.get("QUANG_TEST_DATABASE_URL") or f"sqlite:///{_home}/test.sqlite3"
os.environ["QUANG_SIGNING__INNER_HOSTS"] = "127.0.0.1"  # where trust_services listens

from ris_webapp.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # a file, as in production: the database in memory that Django would make locks differently between threads
    DATABASES["default"]["TEST"] = {"NAME": str(_home / "tests.sqlite3")}  # noqa: F405
elif _template := os.environ.get("QUANG_TEST_DATABASE_TEMPLATE"):
    DATABASES["default"]["TEST"] = {"TEMPLATE": _template}  # noqa: F405

PASSWORD_HASHERS = ["ris_testing.quick_passwords.QuickArgon2", *PASSWORD_HASHERS[1:]]  # noqa: F405

AUDIT_MAY_BE_EMPTIED = True
"""Tests that commit have their tables emptied afterwards; :mod:`ris_core.audit.append_only` has tests of its own."""
