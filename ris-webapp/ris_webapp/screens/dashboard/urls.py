"""Address of the administrator's overview."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.dashboard import views

app_name = "dashboard"
urlpatterns = [path("admin/", views.dashboard, name="dashboard")]
