"""Django's settings of the web app and the worker; values come from :mod:`ris_core.settings`."""

from __future__ import annotations

import os

from ris_core.django_settings import domain_settings
from ris_core.settings import load_settings

QUANG = load_settings(os.environ)
_domain = domain_settings(QUANG)

SECRET_KEY = _domain["SECRET_KEY"]
DEBUG = QUANG.debug
DATABASES = _domain["DATABASES"]
AUTH_USER_MODEL = _domain["AUTH_USER_MODEL"]
USE_TZ = True
TIME_ZONE = _domain["TIME_ZONE"]
DEFAULT_AUTO_FIELD = _domain["DEFAULT_AUTO_FIELD"]

INSTALLED_APPS = [
    *_domain["INSTALLED_APPS"],
    "django.contrib.sessions",
    "ris_webapp",
]
