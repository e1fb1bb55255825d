"""Addresses of the tag rules."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.tag_rules import views

app_name = "tag_rules"
urlpatterns = [
    path("tag-rules/", views.rules, name="rules"),
    path("tag-rules/save", views.save, name="save"),
]
