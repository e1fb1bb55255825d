"""Addresses of the webhooks."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.webhooks import views

app_name = "webhooks"
urlpatterns = [
    path("admin/webhooks/new/", views.register, name="register"),
    path("admin/webhooks/<int:receiver_id>/", views.change, name="change"),
    path("admin/webhooks/<int:receiver_id>/secret/", views.secret, name="secret"),
]
