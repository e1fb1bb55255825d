"""Addresses of the access log."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.access_log import views

app_name = "access_log"
urlpatterns = [
    path("audit/", views.log, name="log"),
    path("audit/export/", views.export, name="export"),
    path("audit/alerts/", views.alerts, name="alerts"),
    path("audit/alerts/<int:alert_id>/settle/", views.settle, name="settle"),
    path("audit/rules/<int:rule_id>/", views.rule, name="rule"),
    path("patients/<int:patient_id>/viewers/", views.viewers, name="viewers"),
]
