"""The web app as granian runs it: ``granian --interface wsgi ris_webapp.wsgi:application``.

Every screen is loaded before the first request. What is loaded stays for good, so the garbage collector does not
look through it: not while it is loaded, and at no request.
"""

from __future__ import annotations

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

gc.disable()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ris_webapp.settings")
application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - loads them
gc.collect()
gc.freeze()
gc.enable()
