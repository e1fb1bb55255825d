"""Addresses of the list of background jobs."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.jobs import views

app_name = "jobs"
urlpatterns = [
    path("admin/jobs/", views.jobs, name="jobs"),
    path("admin/jobs/<int:job_id>/replay/", views.replay, name="replay"),
    path("admin/jobs/<int:job_id>/dismiss/", views.dismiss, name="dismiss"),
]
