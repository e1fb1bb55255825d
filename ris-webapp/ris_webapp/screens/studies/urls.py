"""Addresses of studies: what arrived, and their pictures."""

from __future__ import annotations

from django.urls import path

from ris_webapp import thumbnails

app_name = "studies"
urlpatterns = [
    path("studies/<int:study_id>/thumbnail/", thumbnails.study_thumbnail, name="thumbnail"),
    path(
        "studies/<int:study_id>/series/<str:series_id>/thumbnail/", thumbnails.series_thumbnail, name="series_thumbnail"
    ),
]
