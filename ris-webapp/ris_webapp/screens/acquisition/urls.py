"""Addresses of what was used in an exam."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.acquisition import views

app_name = "acquisition"
urlpatterns = [
    path("exams/<int:exam_id>/acquisition/", views.page, name="page"),
    path("exams/<int:exam_id>/acquisition/counts", views.count, name="count"),
    path("exams/<int:exam_id>/acquisition/time", views.correct, name="correct"),
]
