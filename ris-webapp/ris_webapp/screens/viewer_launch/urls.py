"""Addresses that people outside the RIS open: result links and launches by the HIS."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.viewer_launch import hanging, image_link, launch, phone, result_link

app_name = "viewer_launch"
urlpatterns = [
    path("launch", launch.launch, name="launch"),
    path("open/hanging/<slug:code>/<int:own_studies>", hanging.hanging_protocol, name="hanging"),
    path("IHEInvokeImageDisplay", launch.launch, name="invoke_image_display"),
    path("open/image/<str:token>", image_link.open_image, name="image"),
    path("open/phone", phone.phone, name="phone"),
    path("open/report/<slug:digits>", result_link.open_report, name="report"),
    path("open/<str:token>", result_link.open_result, name="open"),
]
