"""Addresses of the policy of automatic linking."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.matching_policy import views

app_name = "matching_policy"
urlpatterns = [
    path("admin/matching/", views.policy, name="policy"),
    path("admin/matching/export/", views.export, name="export"),
]
