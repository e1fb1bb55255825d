"""Django's settings of the web app and the worker; values come from :mod:`ris_core.settings`."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from ris_core.django_settings import domain_settings
from ris_core.settings import load_settings
from ris_webapp.logs import LOGGING as LOGGING  # what Django reads

QUANG = load_settings(os.environ)
_domain = domain_settings(QUANG)
_public = urlsplit(QUANG.public_url)
_webapp = Path(__file__).resolve().parent

SECRET_KEY = _domain["SECRET_KEY"]
SECRET_KEY_FALLBACKS = _domain["SECRET_KEY_FALLBACKS"]
DEBUG = QUANG.debug
DATABASES = _domain["DATABASES"]
AUTH_USER_MODEL = _domain["AUTH_USER_MODEL"]
USE_TZ = True
TIME_ZONE = _domain["TIME_ZONE"]
DEFAULT_AUTO_FIELD = _domain["DEFAULT_AUTO_FIELD"]

INSTALLED_APPS = [
    *_domain["INSTALLED_APPS"],
    "django.contrib.sessions",
    "axes",
    "ris_webapp",
]

MIDDLEWARE = [
    "ris_webapp.middleware.SecureHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ris_webapp.middleware.ErrorPagesMiddleware",
    "ris_webapp.middleware.NoNulMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "ris_webapp.middleware.IdleTimeoutMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ris_webapp.middleware.UserLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "ris_webapp.middleware.DenyByDefaultMiddleware",
    "ris_webapp.middleware.RenewPasswordMiddleware",
    "ris_webapp.middleware.SecondFactorMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "ris_webapp.urls"
WSGI_APPLICATION = "ris_webapp.wsgi.application"
# Names by which people come, and those by which the suite looks after itself.
ALLOWED_HOSTS = [
    *filter(None, (_public.hostname,)), "127.0.0.1", "localhost", "[::1]", *QUANG.access.further_hosts.split(),
]  # fmt: skip

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [_webapp / "templates", *sorted((_webapp / "screens").glob("*/templates"))],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "ris_webapp.jinja.environment",
            "context_processors": ["ris_webapp.jinja.page_context"],
        },
    },
]

# Languages: Vietnamese is the language that the screens are written in; English is complete (locale/en).
LANGUAGE_CODE = "vi"
LANGUAGES = [("vi", "Tiếng Việt"), ("en", "English")]
LOCALE_PATHS = [_webapp / "locale"]
LANGUAGE_COOKIE_NAME = "quang_language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True

# Static files are built by npm into dist/ under hashed names, so they may be cached for ever.
STATIC_URL = "/static/"
STATIC_ROOT = _webapp.parent / "frontend" / "dist"
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+-[A-Z0-9]{8}\.\w+$"

# Who logs in, and how (Q1, Q6)
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "ris_webapp.login_backend.AccountBackend",
    "ris_webapp.login_backend.DirectoryBackend",
]
PASSWORD_HASHERS = _domain["PASSWORD_HASHERS"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "ris_core.accounts.passwords.MixedCharactersValidator"},
    {"NAME": "ris_core.accounts.passwords.NotUsedBeforeValidator", "OPTIONS": {"remembered": 5}},
]
LOGIN_URL = "login:login"
LOGIN_REDIRECT_URL = "worklist:start"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AXES_USERNAME_CALLABLE = "ris_webapp.login_backend.name_that_counts"
AXES_CLIENT_IP_CALLABLE = "ris_webapp.client.client_address"
AXES_LOCKOUT_CALLABLE = "ris_webapp.screens.login.views.locked_out"

# Sessions and cookies
SESSION_COOKIE_NAME = "quang_session"
SESSION_COOKIE_AGE = QUANG.access.session_idle_minutes * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
CSRF_COOKIE_NAME = "quang_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
CSRF_FAILURE_VIEW = "ris_webapp.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = max(2_621_440, QUANG.api.max_body_bytes)  # forms, and bodies of REST and FHIR
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
