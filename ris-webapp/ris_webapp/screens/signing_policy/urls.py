"""Addresses of how the site signs."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.signing_policy import views

app_name = "signing_policy"
urlpatterns = [
    path("admin/signing/", views.policy, name="policy"),
    path("admin/signing/authorities/add/", views.add_authority, name="add_authority"),
    path("admin/signing/authorities/<int:certificate_id>/remove/", views.remove_authority, name="remove_authority"),
]
