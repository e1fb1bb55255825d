"""Addresses of the worklist of exams."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.worklist import views

app_name = "worklist"
urlpatterns = [
    path("", views.worklist, name="worklist"),
    path("worklist/rows/", views.rows, name="rows"),
    path("worklist/<int:procedure_id>/", views.preview, name="preview"),
]
