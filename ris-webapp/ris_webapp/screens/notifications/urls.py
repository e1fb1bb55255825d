"""Addresses of the notifications' inbox."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/replay", views.replay, name="replay"),
    path("notifications/dismiss", views.dismiss, name="dismiss"),
]
