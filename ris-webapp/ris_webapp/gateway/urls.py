"""Addresses below ``/dicom-web`` that the front door gives to us instead of to Orthanc."""

from __future__ import annotations

from django.urls import path, re_path

from ris_webapp.gateway import bulk, frames, marks, storing

app_name = "gateway"
_SERIES = r"^dicom-web/studies/(?P<study>[0-9.]+)/series/(?P<series>[0-9.]+)"
_INSTANCE = _SERIES + r"/instances/(?P<instance>[0-9.]+)"
urlpatterns = [
    re_path(r"^dicom-web/studies/(?P<study>[0-9.]+)/mark$", marks.mark, name="mark"),
    re_path(_INSTANCE + r"/rendered$", bulk.rendered, name="rendered"),
    re_path(_SERIES + r"/thumbnail$", bulk.thumbnail, name="thumbnail"),
    re_path(_INSTANCE + r"/frames/(?P<number>[1-9][0-9]{0,8})/rendered$", bulk.rendered_frame, name="rendered_frame"),
    re_path(_INSTANCE + r"/frames/(?P<number>[1-9][0-9]{0,8})$", frames.frame, name="frame"),
    re_path(_INSTANCE + r"/bulk/(?P<tags>[0-9A-Fa-f/]+)$", bulk.bulk, name="bulk"),
    path("dicom-web/studies", storing.store, name="store"),
    path("dicom-web/studies/<str:study_uid>", storing.store, name="store_into_study"),
]
