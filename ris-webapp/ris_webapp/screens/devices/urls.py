"""Addresses of the device registry."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.devices import views

app_name = "devices"
urlpatterns = [
    path("devices/", views.devices, name="devices"),
    path("devices/new/", views.register, name="register"),
    path("devices/<int:device_id>/", views.device, name="device"),
    path("devices/<int:device_id>/edit/", views.change, name="change"),
    path("devices/<int:device_id>/echo/", views.echo, name="echo"),
]
