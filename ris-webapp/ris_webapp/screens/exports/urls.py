"""Addresses of exports."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.exports import downloading, views

app_name = "exports"
urlpatterns = [
    path("exports/", views.exports, name="exports"),
    path("exports/rows", views.rows, name="rows"),
    path("exports/new/", views.create, name="create"),
    path("exports/<int:export_id>/cancel/", views.cancel, name="cancel"),
    path("exports/<int:export_id>/again/", views.again, name="again"),
    path("exports/<int:export_id>/files/<int:number>", downloading.file, name="file"),
]
