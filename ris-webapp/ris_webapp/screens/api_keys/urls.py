"""Addresses of the API keys."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.api_keys import views

app_name = "api_keys"
urlpatterns = [
    path("admin/api-keys/", views.keys, name="keys"),
    path("admin/api-keys/new/", views.create, name="create"),
    path("admin/api-keys/<int:key_id>/revoke/", views.revoke, name="revoke"),
]
