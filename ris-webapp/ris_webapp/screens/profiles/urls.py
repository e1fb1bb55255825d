"""Addresses of senders and their profiles."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.profiles import bench, senders, views

app_name = "profiles"
urlpatterns = [
    path("profiles/", views.overview, name="overview"),
    path("profiles/new/", views.create, name="create"),
    path("profiles/import/", views.take_in, name="import"),
    path("profiles/senders/new/", senders.register, name="register"),
    path("profiles/senders/<int:sender_id>/", senders.change, name="sender"),
    path("profiles/<int:profile_id>/", views.edit, name="profile"),
    path("profiles/<int:profile_id>/try/", bench.tried, name="try"),
    path("profiles/<int:profile_id>/versions/<int:number>/", views.version, name="version"),
    path("profiles/<int:profile_id>/versions/<int:number>/restore/", views.restore, name="restore"),
    path("profiles/<int:profile_id>/export/", views.export, name="export"),
]
