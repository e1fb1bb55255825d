"""Addresses of the deliveries' inbox."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.deliveries import views

app_name = "deliveries"
urlpatterns = [
    path("deliveries/", views.deliveries, name="deliveries"),
    path("deliveries/replay", views.replay, name="replay"),
    path("deliveries/dismiss", views.dismiss, name="dismiss"),
]
