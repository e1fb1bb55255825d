"""Addresses of critical results."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.criticals import views

app_name = "criticals"
urlpatterns = [
    path("criticals/", views.inbox, name="inbox"),
    path("criticals/<int:critical_id>/acknowledge", views.acknowledge, name="acknowledge"),
    path("exams/<int:exam_id>/critical", views.flag, name="flag"),
]
