"""Addresses of the page that shows where an exam's result is."""

from __future__ import annotations

from django.urls import path

from ris_webapp.screens.returns import views

app_name = "returns"
urlpatterns = [
    path("exams/<int:exam_id>/return/", views.page, name="page"),
    path("exams/<int:exam_id>/return/recall", views.recall_result, name="recall"),
    path("exams/<int:exam_id>/return/release", views.release, name="release"),
]
