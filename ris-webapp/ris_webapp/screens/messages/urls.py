"""Addresses of the inbox of HL7 messages and of background jobs."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.messages import jobs, views

app_name = "messages"
urlpatterns = [
    path("messages/", views.messages, name="messages"),
    path("messages/<int:message_id>/", views.message, name="message"),
    path("admin/jobs/", jobs.jobs, name="jobs"),
    path("admin/jobs/<int:job_id>/replay/", jobs.replay, name="replay"),
    path("admin/jobs/<int:job_id>/dismiss/", jobs.dismiss, name="dismiss"),
]
