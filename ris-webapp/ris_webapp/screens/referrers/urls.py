"""Addresses of doctors outside: their patients' results, and whose number an account has."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.referrers import linking, views

app_name = "referrers"
urlpatterns = [
    path("referred/", views.results, name="results"),
    path("referred/<int:exam_id>/report.pdf", views.report, name="report"),
    path("referred/<int:exam_id>/images", views.images, name="images"),
    path("admin/users/<int:user_id>/practitioner/", linking.practitioner, name="practitioner"),
    path("admin/practitioner-links/<int:practitioner_link_id>/end", linking.end, name="end"),
]
