"""Addresses of the register of what patients ask about their data."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.data_requests import views

app_name = "data_requests"
urlpatterns = [
    path("data-requests/", views.requests, name="requests"),
    path("data-requests/export/", views.export, name="export"),
    path("data-requests/new/", views.new, name="new"),
    path("data-requests/<int:data_request_id>/", views.request, name="request"),
    path("data-requests/<int:data_request_id>/decide", views.decide, name="decide"),
    path("data-requests/<int:data_request_id>/answer", views.answer, name="answer"),
    path("data-requests/<int:data_request_id>/copy", views.copy, name="copy"),
]
