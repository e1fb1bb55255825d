"""Addresses of the roles."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.roles import views

app_name = "roles"
urlpatterns = [
    path("admin/roles/", views.roles, name="roles"),
    path("admin/roles/new/", views.create, name="create"),
    path("admin/roles/<slug:code>/", views.role, name="role"),
    path("admin/roles/<slug:code>/withdraw/", views.withdraw, name="withdraw"),
    path("admin/roles/<slug:code>/restore/", views.restore, name="restore"),
]
