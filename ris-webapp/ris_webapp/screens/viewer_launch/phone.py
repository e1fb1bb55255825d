"""``/open/phone?StudyInstanceUIDs=…``: images on a telephone, as pictures that the server makes.

The page holds nothing of anybody: its script asks ``/dicom-web`` for studies and pictures, where the viewer's cookies
are looked at as for every viewer.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_GET

from ris_webapp.permission import public
from ris_webapp.screens.viewer_launch.pages import outsider_headers


@public
@require_GET
def phone(request: HttpRequest) -> HttpResponse:
    """The empty page, in the language that the viewer's address says."""
    with translation.override("en" if request.GET.get("lng", "").startswith("en") else "vi"):
        return outsider_headers(render(request, "viewer_launch/phone.html", {}))
