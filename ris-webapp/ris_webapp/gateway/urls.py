"""Addresses below ``/dicom-web`` that the front door gives to us instead of to Orthanc."""

from __future__ import annotations

from django.urls import path

from ris_webapp.gateway import storing

app_name = "gateway"
urlpatterns = [
    path("dicom-web/studies", storing.store, name="store"),
    path("dicom-web/studies/<str:study_uid>", storing.store, name="store_into_study"),
]
