"""Addresses of the receivers of notifications."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.receivers import views

app_name = "receivers"
urlpatterns = [
    path("admin/receivers/", views.receivers, name="receivers"),
    path("admin/receivers/new/", views.register, name="register"),
    path("admin/receivers/<int:receiver_id>/", views.change, name="change"),
    path("admin/receivers/<int:receiver_id>/try/", views.attempt, name="try"),
]
