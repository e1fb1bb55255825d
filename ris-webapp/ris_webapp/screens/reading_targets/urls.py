"""Addresses of the screen of target times."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.reading_targets import views

app_name = "reading_targets"
urlpatterns = [
    path("admin/reading-targets/", views.targets, name="targets"),
    path("admin/reading-targets/<int:target_id>/remove", views.remove, name="remove"),
]
