"""Addresses of the screen of hanging protocols."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.hanging import views

app_name = "hanging"
urlpatterns = [
    path("admin/hanging/", views.protocols, name="protocols"),
    path("admin/hanging/rules.json", views.export, name="export"),
]
