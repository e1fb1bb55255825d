"""Addresses of the statistics."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.statistics import views

app_name = "statistics"
urlpatterns = [
    path("statistics/", views.overview, name="overview"),
    path("statistics/turnaround/", views.turnaround, name="turnaround"),
    path("statistics/images/", views.images, name="images"),
    path("statistics/register/", views.register, name="register"),
    path("statistics/export.xlsx", views.export, name="export"),
    path("statistics/registers/<int:export_id>.xlsx", views.take, name="take"),
]
