"""The web app as granian runs it: ``granian --interface wsgi ris_webapp.wsgi:application``."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ris_webapp.settings")
application = get_wsgi_application()
