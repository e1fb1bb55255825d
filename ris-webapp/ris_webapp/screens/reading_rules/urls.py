"""Addresses of the screen of exams that several read."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.reading_rules import views

app_name = "reading_rules"
urlpatterns = [
    path("admin/reading-rules/", views.rules, name="rules"),
    path("admin/reading-rules/<int:rule_id>/remove", views.remove, name="remove"),
]
