"""Addresses of the device registry."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.devices import editing, explaining, views

app_name = "devices"
urlpatterns = [
    path("devices/", views.devices, name="devices"),
    path("devices/new/", editing.register, name="register"),
    path("devices/export/", editing.export, name="export"),
    path("devices/import/", editing.take_in, name="import"),
    path("devices/forget/", editing.forget, name="forget"),
    path("devices/why/", explaining.explain, name="explain"),
    path("devices/<int:device_id>/", views.device, name="device"),
    path("devices/<int:device_id>/edit/", editing.change, name="change"),
    path("devices/<int:device_id>/echo/", views.echo, name="echo"),
]
