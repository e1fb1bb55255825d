"""Addresses of what users see beyond their role: limits, grants, confidential patients, emergencies."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.sight import emergency, limits

app_name = "sight"
urlpatterns = [
    path("admin/users/<int:user_id>/sight/", limits.limits, name="limits"),
    path("admin/users/<int:user_id>/sight/grant", limits.grant, name="grant"),
    path("admin/sight-grants/<int:grant_id>/end", limits.end, name="end"),
    path("patients/<int:patient_id>/confidential", limits.confidential, name="confidential"),
    path("emergency/", emergency.emergency, name="emergency"),
    path("emergency/opened/", emergency.opened, name="opened"),
]
