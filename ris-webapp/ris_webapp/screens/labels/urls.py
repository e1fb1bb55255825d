"""Addresses of exam labels."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.labels import views

app_name = "labels"
urlpatterns = [
    path("labels/", views.page, name="page"),
    path("labels.pdf", views.pdf, name="pdf"),
]
