"""Address of the health answer."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.health import views

app_name = "health"
urlpatterns = [path("healthz", views.healthz, name="healthz")]
